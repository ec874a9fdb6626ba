#pragma once

/*
 * What a job was submitted with, as far as it is not in the row that everybody
 * sees.
 */

#include "daemon/store/sqlite_sql.h"

/** spec_read() - all of @ret but its row; STORE_E_CORRUPT when it is gone */
must_check int spec_read(struct sql *sql, struct arena *arena, int64_t id,
			 struct store_spec *ret);
