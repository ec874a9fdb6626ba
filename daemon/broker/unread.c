#include "daemon/broker/unread.h"

#include "daemon/broker/state.h"

static void drop(struct unread **list, struct unread *unread)
{
	HASH_DEL(*list, unread);
	free(unread);
}

void unread_fini(struct unread **list)
{
	while (*list)
		drop(list, *list);
}

void unread_forget(struct unread **list, int64_t job)
{
	struct unread *unread = NULL;

	HASH_FIND(hh, *list, &job, sizeof(job), unread);
	if (unread)
		drop(list, unread);
}

/* May it go back once more for this? */
static bool is_pardoned(struct unread **list, int64_t job)
{
	struct unread *unread = NULL;

	HASH_FIND(hh, *list, &job, sizeof(job), unread);
	if (!unread && HASH_COUNT(*list) < UNREAD_JOBS) {
		unread = calloc(1, sizeof(*unread));
		if (!unread)
			return false;
		unread->job = job;
		HASH_ADD(hh, *list, job, sizeof(unread->job), unread);
	}
	return unread && unread->times++ < UNREAD_TIMES;
}

void unread_ended(struct broker *broker, const struct consumer *consumer)
{
	struct leased *leased, *next;

	HASH_ITER (hh, broker->leases.by_job, leased, next) {
		if (leased->consumer == consumer &&
		    leased->told == consumer->told && !leased->heard &&
		    !leased->lease.ending &&
		    is_pardoned(&broker->leases.unread, leased->job))
			leases_put_back(broker, leased);
	}
}
