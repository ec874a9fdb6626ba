#pragma once

/*
 * Advance: how far a running job says it is. Kept in memory only, as long as
 * the attempt runs under this broker.
 */

#include "proto/json_out.h"

#define ADVANCE_NOTE_BYTES 256

struct advance; /* NULL: it has said nothing */

/**
 * advance_read() - a progress statement of a worker
 * @line:	checked JSON; what is wrong in it is left out
 * @at:		where it is kept, owned: made when it is NULL
 *
 * Return: 0 or -ENOMEM, then it says what it said before.
 */
must_check int advance_read(struct slice line, struct advance **at);

/** advance_write() - members `progress` and `note` of a Job, as far as known */
void advance_write(struct json_out *out, const struct advance *advance);

/** advance_free() - forget it; NULL is nothing */
void advance_free(struct advance *advance);
