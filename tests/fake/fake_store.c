#include "tests/fake/fake_store.h"

#include <errno.h>
#include <stdio.h>

char *fake_text(struct slice from)
{
	return from.n ? strndup(from.p, from.n) : NULL;
}

struct store *fake_store_new(void)
{
	struct store *store = calloc(1, sizeof(*store));

	require(store);
	pthread_mutex_init(&store->lock, NULL);
	pthread_cond_init(&store->released, NULL);
	store->jobs = calloc(FAKE_JOBS_MAX, sizeof(*store->jobs));
	require(store->jobs);
	store->tokens = 1000;
	return store;
}

void fake_store_free(struct store *store)
{
	for (size_t i = 0; i < store->job_count; i++) {
		struct fake_job *job = &store->jobs[i];

		free(job->queue);
		free(job->handler);
		free(job->name);
		free(job->key);
		free(job->spec);
		free(job->tags);
		free(job->failure);
		free(job->log);
		free(job->reason);
		free(job->unique);
		free(job->retry);
		free(job->result);
	}
	free(store->jobs);
	free(store->events);
	for (size_t i = 0; i < store->lane_count; i++) {
		free(store->lanes[i].queue);
		free(store->lanes[i].handler);
	}
	for (size_t i = 0; i < store->group_count; i++)
		free((char *)store->groups[i].name.p);
	for (size_t i = 0; i < store->context_count; i++)
		free(store->contexts[i]);
	for (size_t i = 0; i < store->queue_count; i++)
		free((char *)store->queues[i].name.p);
	pthread_cond_destroy(&store->released);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

void fake_store_hold(struct store *store, bool writes, bool reads)
{
	pthread_mutex_lock(&store->lock);
	store->hold_writes = writes;
	store->hold_reads = reads;
	pthread_cond_broadcast(&store->released);
	pthread_mutex_unlock(&store->lock);
}

void fake_store_fail(struct store *store, int result, int count)
{
	pthread_mutex_lock(&store->lock);
	store->fail = result;
	store->fail_count = count;
	pthread_mutex_unlock(&store->lock);
}

bool fake_store_once(struct store *store, int64_t id)
{
	bool once;

	pthread_mutex_lock(&store->lock);
	once = fake_store_job(store, id)->once;
	pthread_mutex_unlock(&store->lock);
	return once;
}

struct fake_job *fake_store_job(struct store *store, int64_t id)
{
	require(id > 0 && (size_t)id <= store->job_count);
	return &store->jobs[id - 1];
}

/* ---- Rows ---- */

int32_t fake_lane_at(struct store *store, struct slice queue,
		     struct slice handler)
{
	size_t i;

	for (i = 0; i < store->lane_count; i++) {
		if (slice_is(queue, store->lanes[i].queue) &&
		    slice_is(handler, store->lanes[i].handler))
			return (int32_t)i;
	}
	require(i < FAKE_MAX);
	store->lanes[i].queue = fake_text(queue);
	store->lanes[i].handler = fake_text(handler);
	store->lane_count++;
	return (int32_t)i;
}

struct store_group *fake_group_at(struct store *store, int64_t id)
{
	if (id < 1 || (size_t)id > store->group_count)
		return NULL;
	return &store->groups[id - 1];
}

void fake_move(struct store *store, struct fake_job *job, enum job_state state)
{
	struct fake_lane *lane = &store->lanes[job->lane];
	struct store_group *group = fake_group_at(store, job->group);

	lane->counts[job->state]--;
	lane->counts[state]++;
	lane->changed = true;
	if (group) {
		group->counts[job->state]--;
		group->counts[state]++;
		store->group_changed[job->group - 1] = true;
	}
	job->state = state;
}

void fake_enter_at(struct store *store, struct fake_job *job,
		   enum job_state state, struct slice queue,
		   struct slice handler, int64_t group)
{
	struct store_group *in = fake_group_at(store, group);

	job->purged = false;
	job->lane = fake_lane_at(store, queue, handler);
	job->queue = fake_text(queue);
	job->handler = fake_text(handler);
	job->state = state;
	job->exit_code = -1;
	job->crash_limit = 3;
	job->max_attempts = 1;
	job->keep_ms = -1;
	job->group = group;
	store->lanes[job->lane].counts[state]++;
	store->lanes[job->lane].changed = true;
	if (in) {
		in->counts[state]++;
		store->group_changed[group - 1] = true;
	}
}

struct fake_job *fake_enter(struct store *store, enum job_state state,
			    struct slice queue, struct slice handler,
			    int64_t group)
{
	struct fake_job *job = &store->jobs[store->job_count++];

	require(store->job_count <= FAKE_JOBS_MAX);
	job->id = (int64_t)store->job_count;
	fake_enter_at(store, job, state, queue, handler, group);
	return job;
}

struct fake_job *fake_store_add(struct store *store, enum job_state state)
{
	struct fake_job *job = fake_enter(store, state, SLICE("default"),
					  SLICE("exec"), 0);

	job->spec = strdup("{\"argv\":[\"true\"]}");
	job->created_ms = 1;
	if (state == STATE_RUNNING) {
		job->token = ++store->tokens;
		job->attempt = 1;
	}
	return job;
}

int64_t fake_store_group(struct store *store, bool closed)
{
	struct store_group *group = &store->groups[store->group_count++];

	require(store->group_count <= FAKE_MAX);
	group->id = (int64_t)store->group_count;
	group->closed = closed;
	return group->id;
}

struct slice fake_copy(struct arena *arena, const char *text)
{
	struct slice ret = {0};

	if (text)
		require(arena_copy(arena, slice_of(text), &ret) == 0);
	return ret;
}

void fake_row(const struct store *store, const struct fake_job *job,
	      struct arena *arena, bool with_spec, bool with_log,
	      struct store_row *ret)
{
	*ret = (struct store_row){
		.id = job->id,
		.state = job->state,
		.cause = job->cause,
		.queue = fake_copy(arena, job->queue),
		.handler = fake_copy(arena, job->handler),
		.name = fake_copy(arena, job->name),
		.key = fake_copy(arena, job->key),
		.tags = fake_copy(arena, job->tags),
		.failure = fake_copy(arena, job->failure),
		.result = fake_copy(arena, job->result),
		.reason = fake_copy(arena, job->reason),
		.lane = job->lane,
		.priority = job->priority,
		.attempt = job->attempt,
		.max_attempts = job->max_attempts,
		.crashes = job->crashes,
		.uid = job->uid,
		.group = job->group,
		.created_ms = job->created_ms,
		.run_at_ms = job->run_at_ms,
		.started_ms = job->started_ms,
		.finished_ms = job->finished_ms,
		.worker = job->worker,
		.exit_code = job->exit_code,
		.signal = job->signal,
		.core = job->core,
		.cancel_asked = job->cancel_asked,
		.output_file = job->output_file,
		.descriptors = job->descriptors,
		.stdout_given = job->stdout_given,
		.stderr_given = job->stderr_given,
	};
	for (size_t i = 0; i < store->worker_count; i++) {
		if (store->workers[i].id == job->worker)
			ret->worker_pid = store->workers[i].pid;
	}
	if (with_spec)
		ret->spec = fake_copy(arena, job->spec);
	if (with_log && job->log)
		require(arena_copy(arena,
				   (struct slice){job->log, job->log_bytes},
				   &ret->log) == 0);
}

bool fake_matches(const struct fake_job *job, const struct store_filter *of)
{
	bool named = !of->ids;

	for (size_t i = 0; i < of->id_count; i++)
		named = named || of->ids[i] == job->id;
	return named && !job->purged &&
	       (!of->states || of->states >> job->state & 1) &&
	       (!of->causes || of->causes >> job->cause & 1) &&
	       (!of->group || of->group == job->group) &&
	       (!of->queue.n || slice_is(of->queue, job->queue)) &&
	       (!of->handler.n || slice_is(of->handler, job->handler)) &&
	       (!of->key.n || (job->key && slice_is(of->key, job->key))) &&
	       (!of->has_uid || of->uid == job->uid) &&
	       (!of->name.n || (job->name && slice_is(of->name, job->name)));
}
