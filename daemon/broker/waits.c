#include "daemon/broker/waits.h"

#include <errno.h>

#include "daemon/broker/call.h"

static int add(struct wait_point **points, int64_t id, struct waiter *waiter)
{
	struct wait_point *point = NULL;

	HASH_FIND(hh, *points, &id, sizeof(id), point);
	if (!point) {
		point = calloc(1, sizeof(*point));
		if (!point)
			return -ENOMEM;
		point->id = id;
		TAILQ_INIT(&point->waiters);
		HASH_ADD(hh, *points, id, sizeof(point->id), point);
	}
	waiter->point = point;
	TAILQ_INSERT_TAIL(&point->waiters, waiter, link);
	return 0;
}

int waits_job(struct waits *waits, int64_t job, struct waiter *waiter)
{
	return add(&waits->jobs, job, waiter);
}

int waits_group(struct waits *waits, int64_t group, struct waiter *waiter)
{
	return add(&waits->groups, group, waiter);
}

void waits_remove(struct waits *waits, struct waiter *waiter)
{
	struct wait_point *point = TAKE(waiter->point);
	struct wait_point *found = NULL;

	if (!point)
		return;
	TAILQ_REMOVE(&point->waiters, waiter, link);
	if (!TAILQ_EMPTY(&point->waiters) || point->detached)
		return;
	HASH_FIND(hh, waits->jobs, &point->id, sizeof(point->id), found);
	if (found == point)
		HASH_DEL(waits->jobs, point);
	else
		HASH_DEL(waits->groups, point);
	free(point);
}

/* Who is told may remove itself, or end its whole call. */
static void tell_group(struct waits *waits, int64_t id,
		       const struct store_row *row,
		       const struct store_group *group)
{
	struct wait_point *point = NULL;
	struct waiter *waiter, *next;

	HASH_FIND(hh, waits->groups, &id, sizeof(id), point);
	if (!point)
		return;
	point->detached = true;
	for (waiter = TAILQ_FIRST(&point->waiters); waiter; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		waiter->told(waiter, row, group);
	}
	point->detached = false;
	if (TAILQ_EMPTY(&point->waiters)) {
		HASH_DEL(waits->groups, point);
		free(point);
	}
}

static void tell_job(struct waits *waits, int64_t id,
		     const struct store_row *row)
{
	struct wait_point *point = NULL;
	struct waiter *waiter;

	HASH_FIND(hh, waits->jobs, &id, sizeof(id), point);
	if (!point)
		return;
	HASH_DEL(waits->jobs, point);
	point->detached = true;
	while ((waiter = TAILQ_FIRST(&point->waiters))) {
		TAILQ_REMOVE(&point->waiters, waiter, link);
		waiter->point = NULL;
		waiter->told(waiter, row, NULL);
	}
	free(point);
}

void waits_ended(struct waits *waits, const struct store_row *row)
{
	if (row->group)
		tell_group(waits, row->group, row, NULL);
	tell_job(waits, row->id, row);
}

void waits_early(struct waits *waits, const struct store_row *row)
{
	struct wait_point *point = NULL;
	struct waiter *waiter, *next;

	HASH_FIND(hh, waits->jobs, &row->id, sizeof(row->id), point);
	if (!point)
		return;
	point->detached = true;
	for (waiter = TAILQ_FIRST(&point->waiters); waiter; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		/* Who has too much unread is told when it is committed, too. */
		if (!waiter->early || call_full(waiter->call))
			continue;
		TAILQ_REMOVE(&point->waiters, waiter, link);
		waiter->point = NULL;
		waiter->told(waiter, row, NULL);
	}
	point->detached = false;
	if (TAILQ_EMPTY(&point->waiters)) {
		HASH_DEL(waits->jobs, point);
		free(point);
	}
}

void waits_failed(struct waits *waits, int64_t job, const char *why)
{
	waits->why = why;
	tell_job(waits, job, NULL);
	waits->why = NULL;
}

void waits_changed(struct waits *waits, const struct store_group *group)
{
	tell_group(waits, group->id, NULL, group);
}

void waits_fini(struct waits *waits)
{
	struct wait_point *point, *next;

	/* The calls are deaf by now and have removed themselves. */
	HASH_ITER (hh, waits->jobs, point, next) {
		HASH_DEL(waits->jobs, point);
		free(point);
	}
	HASH_ITER (hh, waits->groups, point, next) {
		HASH_DEL(waits->groups, point);
		free(point);
	}
}
