#pragma once

/*
 * Recent: the rows of jobs that run, as this connection wrote them, so that the
 * end of a short job need not read its row again. The writer is the only one
 * that changes rows; whatever changes one of these forgets it here, and a
 * transaction that is taken back forgets all. What is not here is read.
 */

#include "daemon/store/sqlite_row.h"

struct recent {
	struct live *rows; /* owned; by the low bits of the id */
};

/** recent_init() - 0 or -ENOMEM */
must_check int recent_init(struct recent *recent);
void recent_fini(struct recent *recent);

/** recent_put() - @live runs, and this is its row; another may be forgotten */
void recent_put(struct recent *recent, const struct live *live);

/** recent_find() - the row of a running job, NULL: read it */
const struct live *recent_find(const struct recent *recent, int64_t id);

/** recent_forget() - its row changes, or goes */
void recent_forget(struct recent *recent, int64_t id);

/** recent_clear() - forget all */
void recent_clear(struct recent *recent);
