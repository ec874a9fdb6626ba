#pragma once

/* Staff list: the tables of workers and of pools. */

#include "client/table.h"
#include "proto/arena.h"

struct staff_kind {
	const char *method, *member, *id;
	const struct render_column *columns;
	size_t column_count;
	void (*write_row)(struct render *render, struct arena *arena,
			  struct slice item);
	/* What an item adds to the sum below the table. */
	void (*count)(struct arena *arena, struct slice item, int64_t *workers,
		      int64_t *busy);
};

extern const struct staff_kind staff_workers, staff_pools;

/** staff_list() - ask, and print the table; 0, or the exit code, with the error
 * said */
must_check int staff_list(struct tool *tool, const struct table_args *args,
			  const struct staff_kind *kind);

/** staff_handlers() - the handlers of a pool, with commas, into @arena */
const char *staff_handlers(struct arena *arena, struct slice pool);

/** staff_colour() - of a worker's or a pool's state */
enum render_colour staff_colour(const char *state);
