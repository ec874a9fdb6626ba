#include "daemon/broker/queue_find.h"

#include <errno.h>

#include "daemon/broker/call.h"
#include "daemon/broker/state.h"
#include "proto/callback.h"
#include "proto/spec.h"

#define STEP_QUEUES 64 /* asked for their oldest job in one step */

static int compare(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return order ? order : (x->n > y->n) - (x->n < y->n);
}

static bool is_asked(const struct queue_find *find, struct slice name)
{
	return !find->name.n || slice_equal(find->name, name);
}

/* Names of the store's lanes, behind those that are there already. */
static int add_lanes(struct queue_find *find, const struct store_lane *lanes,
		     size_t count)
{
	size_t all = find->name_count + count, n = 0;
	struct slice *names = arena_array(&find->answer, all + 1,
					  sizeof(*names));

	if (!names)
		return -ENOMEM;
	memcpy(names, find->names, find->name_count * sizeof(*names));
	for (size_t i = 0; i < count; i++) {
		if (is_asked(find, lanes[i].queue))
			names[find->name_count++] = lanes[i].queue;
	}
	qsort(names, find->name_count, sizeof(*names), compare);
	for (size_t i = 0; i < find->name_count; i++) {
		if (!n || !slice_equal(names[n - 1], names[i]))
			names[n++] = names[i];
	}
	find->names = names;
	find->name_count = n;
	return 0;
}

static void add_counts(struct queue_find *find, const struct store_lane *lane)
{
	struct slice *at = bsearch(&lane->queue, find->names, find->name_count,
				   sizeof(*find->names), compare);

	for (int i = 0; at && i < STATE_COUNT; i++)
		find->counts[at - find->names][i] += lane->counts[i];
}

static int read_lanes(struct store *store, struct queue_find *find)
{
	struct store_lane *lanes;
	size_t count;
	int r = store_lanes(store, &find->answer, &lanes, &count);

	if (r == 0)
		r = add_lanes(find, lanes, count);
	if (r)
		return r;
	find->counts = arena_array(&find->answer, find->name_count + 1,
				   sizeof(*find->counts));
	find->oldest_ms = arena_array(&find->answer, find->name_count + 1,
				      sizeof(*find->oldest_ms));
	if (!find->counts || !find->oldest_ms)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		add_counts(find, &lanes[i]);
	return 0;
}

static int step(struct store *store, struct read_request *request)
{
	struct queue_find *find = (struct queue_find *)request;
	size_t end = find->step_at + STEP_QUEUES;
	int r = find->counts ? 0 : read_lanes(store, find);

	if (r || !find->with_oldest)
		return r;
	for (; find->step_at < find->name_count; find->step_at++) {
		size_t i = find->step_at;

		if (i == end)
			return READER_AGAIN;
		if (!find->counts[i][STATE_READY])
			continue;
		r = store_oldest_ready(store, find->names[i],
				       &find->oldest_ms[i]);
		if (r)
			return r;
	}
	return 0;
}

static void done(struct read_request *request, int result)
{
	struct queue_find *find = (struct queue_find *)request;
	struct call *call = find->call;
	struct json_out *out;

	if (result) {
		call_error_storage(call, "the database could not be read");
	} else if (!find->name_count) {
		out = call_error(call, "org.reeve.queues.NoSuchQueue");
		json_out_member_string(out, "name", find->name);
		call_error_end(call, "there is no queue with this name",
			       "reeve queue ls shows all; a queue begins with "
			       "its first job or with Configure");
	} else {
		find->found(find);
	}
	arena_fini(&find->answer);
	call_release(call);
}

/* Told of by name before its first job: the callbacks' own, and those that the
 * configuration names. */
static bool is_expected(const struct broker *broker, struct slice name)
{
	const struct job_defaults *said = defaults_find(&broker->defaults,
							name);

	return slice_is(name, CALLBACK_QUEUE) ||
	       (name.n && slice_is(name, said->queue));
}

/* What the broker knows by itself: settings, and `default`. */
static int add_known(struct call *call, struct queue_find *find)
{
	const struct queues *queues = &call->broker->queues;
	struct slice fallback = SLICE(SPEC_QUEUE_DEFAULT);
	const struct queue *queue;

	find->names = arena_array(&call->arena, queues->count + 2,
				  sizeof(*find->names));
	if (!find->names)
		return -ENOMEM;
	if (is_asked(find, fallback))
		find->names[find->name_count++] = fallback;
	else if (is_expected(call->broker, find->name) &&
		 !queue_find(queues, find->name))
		find->names[find->name_count++] = find->name;
	for (queue = queues->by_name; queue; queue = queue->hh.next) {
		if (!is_asked(find, queue->set.name))
			continue;
		if (arena_copy(&call->arena, queue->set.name,
			       &find->names[find->name_count++]))
			return -ENOMEM;
	}
	return 0;
}

void queue_find_start(struct call *call, struct queue_find *find,
		      struct slice name, void (*found)(struct queue_find *find))
{
	find->call = call;
	find->found = found;
	if ((name.n && arena_copy(&call->arena, name, &find->name)) ||
	    add_known(call, find)) {
		call_error_memory(call);
		return;
	}
	find->request.step = step;
	find->request.done = done;
	call_hold(call);
	reader_ask(&call->broker->reader, &find->request);
}
