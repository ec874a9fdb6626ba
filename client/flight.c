#include "client/flight.h"

#include "client/job.h"

#include <errno.h>

/* Ended ones that wait for their turn, beside those that run. */
#define FLIGHT_BEHIND 10000

int flight_init(struct flight *flight, struct reeve *r, size_t limit)
{
	*flight = (struct flight){
		.r = r,
		.limit = limit,
		.capacity = limit + FLIGHT_BEHIND,
	};
	flight->items = calloc(flight->capacity, sizeof(*flight->items));
	return flight->items ? 0 : -ENOMEM;
}

void flight_fini(struct flight *flight)
{
	for (size_t i = 0; i < flight->count; i++) {
		free(flight->items[i].text);
		free(flight->items[i].result);
	}
	for (size_t i = 0; i < flight->watch_count; i++)
		reeve_watch_free(flight->watches[i]);
	free(flight->items);
	*flight = (struct flight){0};
}

size_t flight_room(const struct flight *flight)
{
	size_t room = flight->limit - flight->running;
	size_t places = flight->capacity - flight->kept;

	return room < places ? room : places;
}

/* Close the gaps: at most once in FLIGHT_BEHIND additions. */
static void compact(struct flight *flight)
{
	size_t n = 0;

	for (size_t i = 0; i < flight->count; i++) {
		if (!flight->items[i].dropped)
			flight->items[n++] = flight->items[i];
	}
	flight->count = n;
	flight->first = 0;
}

int flight_add(struct flight *flight, int64_t id, const char *text)
{
	char *copy = strdup(text);

	require(flight->kept < flight->capacity);
	if (!copy)
		return -ENOMEM;
	if (flight->count == flight->capacity)
		compact(flight);
	flight->items[flight->count++] = (struct flight_item){.id = id,
							      .text = copy};
	flight->running++;
	flight->kept++;
	return 0;
}

/*
 * One watch for all, when there are too many: it tells again what the others
 * had not handed out yet.
 */
static int merge(struct flight *flight)
{
	int64_t *ids = calloc(flight->running + 1, sizeof(*ids));
	struct reeve_watch *watch;
	size_t count = 0;
	int result;

	if (!ids)
		return REEVE_E_MEMORY;
	for (size_t i = 0; i < flight->count; i++) {
		if (!flight->items[i].ended)
			ids[count++] = flight->items[i].id;
	}
	result = reeve_watch_new(flight->r, ids, count, &watch);
	free(ids);
	if (result != 0)
		return result;
	for (size_t i = 0; i < flight->watch_count; i++)
		reeve_watch_free(flight->watches[i]);
	flight->watches[0] = watch;
	flight->watch_count = 1;
	return 0;
}

int flight_watch(struct flight *flight, const int64_t *ids, size_t count)
{
	int result;

	if (flight->watch_count == FLIGHT_WATCHES)
		return merge(flight);
	result = reeve_watch_new(flight->r, ids, count,
				 &flight->watches[flight->watch_count]);
	if (result == 0)
		flight->watch_count++;
	return result;
}

/* Ids ascend in the order of submission; where they do not, look at all. */
static struct flight_item *find(const struct flight *flight, int64_t id)
{
	size_t low = 0, high = flight->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (flight->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < flight->count && flight->items[low].id == id)
		return &flight->items[low];
	for (size_t i = 0; i < flight->count; i++) {
		if (flight->items[i].id == id)
			return &flight->items[i];
	}
	return NULL;
}

static void drop_watch(struct flight *flight, size_t i)
{
	reeve_watch_free(flight->watches[i]);
	flight->watches[i] = flight->watches[--flight->watch_count];
}

int flight_next(struct flight *flight, struct reeve_job **ret,
		struct flight_item **ret_item)
{
	size_t i = 0;

	while (i < flight->watch_count) {
		AUTO(reeve_job_free) struct reeve_job *job = NULL;
		struct flight_item *item;
		int result = reeve_watch_next(flight->watches[i], 0, &job);

		if (result == REEVE_E_TIMEOUT) {
			i++;
			continue;
		}
		if (result == REEVE_E_END) {
			drop_watch(flight, i);
			continue;
		}
		if (result != 0)
			return result;
		item = find(flight, job->id);
		if (!item || item->ended)
			continue;
		item->ended = true;
		item->has_output = job->stdout_bytes != 0 ||
				   job->stderr_bytes != 0;
		if (job->state == REEVE_SUCCEEDED &&
		    strcmp(job->handler, "exec") != 0) {
			item->result = strdup(job->result);
			if (!item->result)
				return REEVE_E_MEMORY;
		}
		flight->running--;
		*ret = TAKE(job);
		*ret_item = item;
		return 0;
	}
	return REEVE_E_TIMEOUT;
}

struct flight_item *flight_first(struct flight *flight)
{
	while (flight->first < flight->count &&
	       flight->items[flight->first].dropped)
		flight->first++;
	if (flight->first == flight->count ||
	    !flight->items[flight->first].ended)
		return NULL;
	return &flight->items[flight->first];
}

void flight_drop(struct flight *flight, struct flight_item *item)
{
	require(item->ended && !item->dropped);
	free(TAKE(item->text));
	free(TAKE(item->result));
	item->dropped = true;
	flight->kept--;
}

size_t flight_fds(const struct flight *flight, int fds[FLIGHT_WATCHES])
{
	for (size_t i = 0; i < flight->watch_count; i++)
		fds[i] = reeve_watch_fd(flight->watches[i]);
	return flight->watch_count;
}
