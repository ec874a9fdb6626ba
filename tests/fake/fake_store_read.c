#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/fake/fake_store.h"

int store_open(struct store **ret, const struct store_config *config,
	       struct store_fault *ret_fault)
{
	(void)config;
	(void)ret_fault;
	*ret = fake_store_new();
	(*ret)->opened = true;
	return 0;
}

void store_close(struct store *store)
{
	if (store && store->opened)
		fake_store_free(store);
}

int fake_begin(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->readers_held++;
	while (store->hold_reads)
		pthread_cond_wait(&store->released, &store->lock);
	store->readers_held--;
	store->reads++;
	return store->fail_reads;
}

int fake_finish(struct store *store, int r)
{
	pthread_mutex_unlock(&store->lock);
	return r;
}

int store_load(struct store *store, struct arena *arena,
	       struct store_snapshot *ret, struct store_fault *ret_fault)
{
	int r = fake_begin(store);

	snprintf(ret_fault->message, sizeof(ret_fault->message), "told to");
	*ret = (struct store_snapshot){
		.next_event = (int64_t)store->event_count + 1,
	};
	ret->running = arena_array(arena, store->job_count + 1,
				   sizeof(*ret->running));
	ret->workers = arena_array(arena, FAKE_MAX, sizeof(*ret->workers));
	ret->lanes = arena_array(arena, FAKE_MAX, sizeof(*ret->lanes));
	require(ret->running && ret->workers && ret->lanes);
	for (size_t i = 0; i < store->lane_count; i++) {
		struct store_lane *lane = &ret->lanes[ret->lane_count++];

		lane->id = (int32_t)i;
		lane->queue = slice_of(store->lanes[i].queue);
		lane->handler = slice_of(store->lanes[i].handler);
		memcpy(lane->counts, store->lanes[i].counts,
		       sizeof(lane->counts));
	}
	ret->queues = store->queues;
	ret->queue_count = store->queue_count;
	for (size_t i = 0; i < store->worker_count; i++)
		ret->workers[ret->worker_count++] = store->workers[i];
	for (size_t i = 0; i < store->job_count; i++) {
		const struct fake_job *job = &store->jobs[i];

		if (job->descriptors && !state_is_end(job->state))
			ret->descriptors = true;
		if (job->state == STATE_SCHEDULED &&
		    (!ret->next_due_ms || job->run_at_ms < ret->next_due_ms))
			ret->next_due_ms = job->run_at_ms;
		if (job->state != STATE_RUNNING)
			continue;
		ret->running[ret->running_count++] = (struct store_running){
			.job = job->id,
			.token = job->token,
			.worker = job->worker,
			.group = job->group,
			.timeout_ms = job->timeout_ms,
			.grace_ms = job->grace_ms,
			.attempt = job->attempt,
			.lane = job->lane,
			.once = job->once,
			.cancel_asked = job->cancel_asked,
		};
	}
	return fake_finish(store, r);
}

int store_get(struct store *store, struct arena *arena, const int64_t *ids,
	      size_t count, bool with_spec, bool with_log,
	      struct store_row **ret, size_t *ret_count, size_t *ret_looked)
{
	int r = fake_begin(store);
	size_t before;

	*ret = arena_array(arena, count, sizeof(**ret));
	*ret_count = 0;
	*ret_looked = r ? 0 : count;
	require(*ret);
	before = arena->used_bytes;
	for (size_t i = 0; i < count && !r; i++) {
		if (ids[i] < 1 || (size_t)ids[i] > store->job_count ||
		    store->jobs[ids[i] - 1].purged)
			continue;
		fake_row(store, &store->jobs[ids[i] - 1], arena, with_spec,
			 with_log, &(*ret)[*ret_count]);
		if (*ret_count &&
		    arena->used_bytes - before > STORE_PAGE_BYTES) {
			*ret_looked = i;
			break;
		}
		++*ret_count;
	}
	return fake_finish(store, r);
}

int store_list(struct store *store, struct arena *arena,
	       const struct store_filter *filter, int64_t after,
	       bool newest_first, bool with_spec, uint32_t max,
	       struct store_row **ret, size_t *ret_count, int64_t *ret_next)
{
	int r = fake_begin(store);
	size_t before;
	int64_t step = newest_first ? -1 : 1;
	int64_t id = after	    ? after + step
		     : newest_first ? (int64_t)store->job_count
				    : 1;

	*ret = arena_array(arena, max, sizeof(**ret));
	*ret_count = 0;
	*ret_next = 0;
	require(*ret);
	before = arena->used_bytes;
	for (; !r && id > 0 && id <= (int64_t)store->job_count; id += step) {
		const struct fake_job *job = &store->jobs[id - 1];

		if (!fake_matches(job, filter))
			continue;
		if (*ret_count == max) {
			*ret_next = (*ret)[max - 1].id;
			break;
		}
		fake_row(store, job, arena, with_spec, false,
			 &(*ret)[*ret_count]);
		if (*ret_count &&
		    arena->used_bytes - before > STORE_PAGE_BYTES) {
			*ret_next = (*ret)[*ret_count - 1].id;
			break;
		}
		++*ret_count;
	}
	return fake_finish(store, r);
}

/* In steps of ten, so that somebody has to ask again. */
int store_count(struct store *store, struct arena *arena,
		const struct store_filter *filter, int64_t after,
		int64_t counts[STATE_COUNT], int64_t *ret_next)
{
	int r = fake_begin(store);
	size_t i;

	(void)arena;
	for (i = (size_t)after; i < store->job_count && i < (size_t)after + 10;
	     i++) {
		if (fake_matches(&store->jobs[i], filter))
			counts[store->jobs[i].state]++;
	}
	*ret_next = i < store->job_count ? (int64_t)i : 0;
	return fake_finish(store, r);
}

int store_lanes(struct store *store, struct arena *arena,
		struct store_lane **ret, size_t *ret_count)
{
	int r = fake_begin(store);

	*ret = arena_array(arena, FAKE_MAX, sizeof(**ret));
	require(*ret);
	for (size_t i = 0; i < store->lane_count; i++) {
		(*ret)[i].queue = slice_of(store->lanes[i].queue);
		(*ret)[i].handler = slice_of(store->lanes[i].handler);
		memcpy((*ret)[i].counts, store->lanes[i].counts,
		       sizeof((*ret)[i].counts));
	}
	*ret_count = store->lane_count;
	return fake_finish(store, r);
}

int store_get_group(struct store *store, struct arena *arena, int64_t id,
		    struct store_group *ret)
{
	struct store_group seen = {0};
	int r = fake_begin(store);

	(void)arena;
	if (!r && (id < 1 || (size_t)id > store->group_count))
		r = -ENOENT;
	if (!r)
		seen = store->groups[id - 1];
	if (store->stale_reads) {
		store->stale_reads = false;
		store->hold_reads = true;
		store->readers_held++;
		while (store->hold_reads)
			pthread_cond_wait(&store->released, &store->lock);
		store->readers_held--;
	}
	if (!r)
		*ret = seen;
	return fake_finish(store, r);
}

static atomic_int examine_result;
static atomic_bool examine_held;

void fake_store_examined(int result, bool held)
{
	examine_result = result;
	atomic_store(&examine_held, held);
}

int store_examine(struct store *store, struct store_fault *ret_fault)
{
	(void)store;
	while (atomic_load(&examine_held))
		sched_yield();
	if (examine_result == STORE_E_CORRUPT)
		snprintf(ret_fault->message, sizeof(ret_fault->message),
			 "the fake store is damaged");
	return examine_result;
}

/* Held: it goes on, as one that was ended. */
void store_interrupt(struct store *store)
{
	(void)store;
	examine_result = -ECANCELED;
	atomic_store(&examine_held, false);
}

const char *store_identity(const struct store *store)
{
	(void)store;
	return FAKE_STORE_IDENTITY;
}

int store_check(const struct store *store, struct store_fault *ret_fault)
{
	if (!store->gone)
		return 0;
	snprintf(ret_fault->message, sizeof(ret_fault->message),
		 "the fake store was taken away");
	return STORE_E_GONE;
}

int store_attempts(struct store *store, struct arena *arena, int64_t job,
		   struct store_attempt **ret, size_t *ret_count)
{
	const struct fake_job *of = fake_store_job(store, job);
	int r = fake_begin(store);

	*ret = arena_array(arena, of->attempt_count, sizeof(**ret));
	require(*ret);
	for (size_t i = 0; i < of->attempt_count; i++)
		(*ret)[i] = of->attempts[i];
	*ret_count = of->attempt_count;
	return fake_finish(store, r);
}

int store_get_spec(struct store *store, struct arena *arena, int64_t id,
		   struct store_spec *ret)
{
	int r = fake_begin(store);
	const struct fake_job *of;

	*ret = (struct store_spec){0};
	if (!r && (id < 1 || (size_t)id > store->job_count ||
		   fake_store_job(store, id)->purged))
		r = -ENOENT;
	if (r)
		return fake_finish(store, r);
	of = fake_store_job(store, id);
	fake_row(store, of, arena, true, false, &ret->row);
	if (of->context)
		ret->context = slice_of(store->contexts[of->context - 1]);
	if (of->retry)
		ret->retry = slice_of(of->retry);
	if (of->unique)
		ret->unique = slice_of(of->unique);
	ret->timeout_ms = of->timeout_ms;
	ret->grace_ms = of->grace_ms;
	ret->expire_ms = of->expire_ms;
	ret->keep_ms = of->keep_ms;
	ret->crash_limit = of->crash_limit;
	ret->max_attempts = of->max_attempts;
	ret->once = of->once;
	ret->orphans_keep = of->orphans_keep;
	return fake_finish(store, 0);
}

int store_attempt_log(struct store *store, struct arena *arena, int64_t job,
		      uint32_t attempt, struct slice *ret_log, bool *ret_file)
{
	const struct fake_job *of = fake_store_job(store, job);
	int r = fake_begin(store);

	/* It keeps one log: of the last attempt that is over. */
	*ret_log = (struct slice){0};
	*ret_file = false;
	if (!r && of->log && of->state != STATE_RUNNING &&
	    of->attempt == attempt) {
		r = arena_copy(arena, (struct slice){of->log, of->log_bytes},
			       ret_log);
		*ret_file = of->output_file;
	}
	return fake_finish(store, r);
}

int store_ahead(struct store *store, int64_t job, int64_t max, int64_t *ret)
{
	const struct fake_job *of = fake_store_job(store, job);
	int r = fake_begin(store);

	if (!r && of->state != STATE_READY)
		r = -ENOENT;
	*ret = 0;
	for (int64_t i = 0; !r && i < job - 1 && *ret < max; i++)
		*ret += store->jobs[i].state == STATE_READY &&
			store->jobs[i].lane == of->lane;
	return fake_finish(store, r);
}

int store_run_time(struct store *store, struct slice queue,
		   struct slice handler, struct slice name, int64_t *ret_ms,
		   int64_t *ret_count)
{
	int r = fake_begin(store);

	(void)queue;
	(void)handler;
	(void)name;
	*ret_ms = store->run_time_ms;
	*ret_count = store->run_time_ms ? 10 : 0;
	return fake_finish(store, r);
}

int store_oldest_ready(struct store *store, struct slice queue, int64_t *ret_ms)
{
	int r = fake_begin(store);

	*ret_ms = 0;
	for (size_t i = 0; i < store->job_count; i++) {
		const struct fake_job *job = &store->jobs[i];

		if (job->state == STATE_READY && slice_is(queue, job->queue) &&
		    (!*ret_ms || job->created_ms < *ret_ms))
			*ret_ms = job->created_ms;
	}
	return fake_finish(store, r);
}

int64_t store_size(struct store *store)
{
	(void)store;
	return 4096;
}

int store_verify(struct store *store, struct store_fault *ret_fault)
{
	(void)store;
	(void)ret_fault;
	return 0;
}

bool store_log_short(const struct store *store)
{
	return atomic_load(&store->log_steps) > 0;
}

void store_log_step(struct store *store)
{
	atomic_fetch_sub(&store->log_steps, 1);
}
