#pragma once

/* Field: members of a checked reply by name, with a default where they are
 * missing or of another kind. */

#include "proto/arena.h"
#include "proto/base.h"

/** field_int() - 0 when it is not there */
int64_t field_int(struct slice object, const char *name);

/** field_bool() - false when it is not there */
bool field_bool(struct slice object, const char *name);

/** field_text() - terminated, in @arena, control characters replaced; "" when
 * it is not there or there is no memory */
const char *field_text(struct arena *arena, struct slice object,
		       const char *name);

/** field_list() - an array; [] when it is not there */
struct slice field_list(struct slice object, const char *name);

/** field_object() - an object; {} when it is not there */
struct slice field_object(struct slice object, const char *name);
