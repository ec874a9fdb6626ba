#pragma once

/*
 * Nursery: the ends of children that a template forked and did not announce
 * yet. One that dies at once may be reaped before its template said whose pid
 * it was; its status is kept until then, and not for ever.
 */

#include "daemon/supervisor/reap.h"

#define NURSERY_KEEP_NS (10 * INT64_C(1000000000))

struct nursery_end {
	pid_t pid;
	int64_t at_ns;
	struct reap_end end;
};

struct nursery {
	struct nursery_end *list; /* oldest first */
	size_t count, room;
};

/** nursery_put() - it was reaped; without memory it is forgotten */
void nursery_put(struct nursery *nursery, pid_t pid, const struct reap_end *end,
		 int64_t now_ns);

/** nursery_take() - how the child @pid ended; false: nobody of that pid did */
bool nursery_take(struct nursery *nursery, pid_t pid, int64_t now_ns,
		  struct reap_end *ret);

void nursery_fini(struct nursery *nursery);
