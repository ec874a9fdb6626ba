#include "tests/fake/fake_store.h"

#include <errno.h>
#include <stdio.h>

/* ---- One transaction ---- */

void fake_end(struct fake_out *out, struct fake_job *job, enum job_state state,
	      enum job_cause cause)
{
	struct store_batch *batch = out->batch;

	job->cause = cause;
	job->finished_ms = batch->now_ms;
	fake_move(out->store, job, state);
	require(batch->ended_count < out->ended_room);
	fake_row(out->store, job, batch->arena, false, false,
		 &batch->ended[batch->ended_count++]);
}

static void run_outcome(struct fake_out *out, struct store_outcome *of)
{
	struct store *store = out->store;
	struct fake_job *job;

	if (of->job < 1 || (size_t)of->job > store->job_count)
		return;
	job = fake_store_job(store, of->job);
	of->accepted = job->state == STATE_RUNNING && job->token == of->token;
	if (!of->accepted)
		return;
	job->token = 0;
	job->worker = 0;
	job->exit_code = of->exit_code;
	job->signal = of->signal;
	free(job->failure);
	job->failure = fake_text(of->failure);
	free(job->result);
	job->result = fake_text(of->result);
	job->final = of->final;
	job->pause_ms = of->has_pause ? of->pause_ms : 60000;
	free(job->log);
	job->log = of->log.n ? malloc(of->log.n) : NULL;
	if (job->log)
		memcpy(job->log, of->log.p, of->log.n);
	job->log_bytes = of->log.n;
	job->output_file = of->output_file;
	switch (of->kind) {
	case STORE_SUCCEEDED:
		fake_end(out, job, STATE_SUCCEEDED, CAUSE_NONE);
		break;
	case STORE_FAILED_ATTEMPT:
		if (of->cause != CAUSE_CANCELLED && !job->cancel_asked &&
		    !of->final && ++job->failures < job->max_attempts) {
			job->cause = of->cause;
			fake_attempt(job, out->batch->now_ms);
			job->run_at_ms = out->batch->now_ms + job->pause_ms;
			fake_move(store, job, STATE_SCHEDULED);
			break;
		}
		if (of->cause == CAUSE_CANCELLED || job->cancel_asked)
			fake_end(out, job, STATE_CANCELLED, CAUSE_CANCELLED);
		else
			fake_end(out, job, STATE_FAILED, of->cause);
		break;
	case STORE_LOST:
		if (job->cancel_asked)
			fake_end(out, job, STATE_CANCELLED, CAUSE_CANCELLED);
		else if (++job->crashes < job->crash_limit && !job->once)
			fake_move(store, job, STATE_READY);
		else
			fake_end(out, job, STATE_FAILED, of->cause);
		break;
	case STORE_PUT_BACK:
		job->attempt--;
		fake_move(store, job, STATE_READY);
		break;
	}
}

static void run_group(struct store *store, struct store_group_op *of)
{
	struct store_group *group;

	if (of->kind == STORE_GROUP_OPEN) {
		of->id = fake_store_group(store, false);
		group = fake_group_at(store, of->id);
		group->name = (struct slice){fake_text(of->name), of->name.n};
		group->total = of->total;
	}
	group = fake_group_at(store, of->id);
	of->found = group;
	if (group && of->kind == STORE_GROUP_CLOSE)
		group->closed = true;
	if (group && of->kind == STORE_GROUP_TIE)
		of->closed = group->closed && !group->abandoned;
	if (group && of->kind == STORE_GROUP_ABANDON)
		group->closed = group->abandoned = true;
	if (group && of->kind == STORE_GROUP_TIE && !of->closed)
		group->closed = group->abandoned = false;
	if (group)
		store->group_changed[of->id - 1] = true;
}

static void run_queue(struct store *store, const struct store_queue *of)
{
	struct store_queue *queue = NULL;

	for (size_t i = 0; i < store->queue_count; i++) {
		if (slice_equal(store->queues[i].name, of->name))
			queue = &store->queues[i];
	}
	if (!queue) {
		require(store->queue_count < FAKE_MAX);
		queue = &store->queues[store->queue_count++];
		queue->name = (struct slice){fake_text(of->name), of->name.n};
	}
	queue->paused = of->paused;
	queue->max_length = of->max_length;
	queue->overflow = of->overflow;
}

static int64_t context_id(struct store *store, struct slice text)
{
	for (size_t i = 0; i < store->context_count; i++) {
		if (slice_is(text, store->contexts[i]))
			return (int64_t)i + 1;
	}
	require(store->context_count < FAKE_MAX);
	store->contexts[store->context_count++] = fake_text(text);
	return (int64_t)store->context_count;
}

static bool is_refused(struct store *store, const struct store_entry *of)
{
	const struct store_group *group = fake_group_at(store, of->group);

	return of->group && (!group || group->closed);
}

static struct fake_job *find_taker(struct store *store,
				   const struct store_entry *of)
{
	for (size_t i = 0; i < store->job_count; i++) {
		struct fake_job *job = &store->jobs[i];

		if (job->purged)
			continue;
		if (of->key.n && job->key && slice_is(of->key, job->key))
			return job;
		if (of->unique.n && job->unique && !state_is_end(job->state) &&
		    slice_is(of->unique, job->unique))
			return job;
	}
	return NULL;
}

/* Return: is the entry through with it? */
static bool run_conflict(struct fake_out *out, struct store_entry *of)
{
	struct fake_job *job = find_taker(out->store, of);

	if (!job)
		return false;
	of->id = job->id;
	if (of->on_conflict == CONFLICT_RETURN_EXISTING) {
		of->what = STORE_EXISTING;
		return true;
	}
	if (of->on_conflict == CONFLICT_REJECT || job->state == STATE_RUNNING) {
		of->what = STORE_REFUSED_TAKEN;
		return true;
	}
	of->replaced = job->id;
	free(job->key);
	job->key = NULL;
	if (!state_is_end(job->state)) {
		job->reason = strdup("replaced");
		fake_end(out, job, STATE_CANCELLED, CAUSE_CANCELLED);
	}
	return false;
}

static bool is_full(struct store *store, struct slice queue)
{
	int64_t waiting = 0, limit = 0;

	for (size_t i = 0; i < store->queue_count; i++) {
		if (slice_equal(store->queues[i].name, queue))
			limit = store->queues[i].max_length;
	}
	for (size_t i = 0; i < store->lane_count; i++) {
		const int64_t *counts = store->lanes[i].counts;

		if (slice_is(queue, store->lanes[i].queue))
			waiting += counts[STATE_HELD] + counts[STATE_BLOCKED] +
				   counts[STATE_SCHEDULED] +
				   counts[STATE_READY];
	}
	return limit && waiting >= limit;
}

static void fill(struct fake_out *out, struct fake_job *job,
		 const struct store_entry *of)
{
	struct store *store = out->store;
	struct store_batch *batch = out->batch;

	job->name = fake_text(of->name);
	job->key = fake_text(of->key);
	job->unique = fake_text(of->unique);
	job->retry = fake_text(of->retry);
	job->max_attempts = of->max_attempts;
	job->expire_ms = of->expire_ms;
	job->keep_ms = of->keep_ms;
	job->spec = fake_text(of->spec);
	job->tags = fake_text(of->tags);
	job->uid = of->uid;
	job->priority = of->priority;
	job->run_at_ms = of->run_at_ms;
	job->created_ms = batch->now_ms;
	job->timeout_ms = of->timeout_ms;
	job->grace_ms = of->grace_ms;
	job->crash_limit = of->crash_limit;
	job->once = of->once;
	job->descriptors = of->descriptors;
	job->stdout_given = of->stdout_given;
	job->stderr_given = of->stderr_given;
	job->orphans_keep = of->orphans_keep;
	if (of->context != UINT32_MAX)
		job->context = context_id(store,
					  batch->contexts[of->context].text);
}

/* Numbers that later batches name: empty places until then. */
static void run_reserve(struct store *store, struct store_batch *batch)
{
	batch->reserved_job = (int64_t)store->job_count + 1;
	batch->reserved_token = store->tokens + 1;
	store->tokens += batch->reserve;
	for (uint32_t i = 0; i < batch->reserve; i++) {
		struct fake_job *job = &store->jobs[store->job_count++];

		require(store->job_count < FAKE_JOBS_MAX);
		*job = (struct fake_job){.id = (int64_t)store->job_count,
					 .purged = true};
	}
}

static void run_begun(struct fake_out *out, struct store_entry *of)
{
	const struct store_lane *lane = &out->batch->lanes[of->lane];
	struct fake_job *job = fake_store_job(out->store, of->begun.job);

	of->id = job->id;
	of->what = STORE_NEW;
	fake_enter_at(out->store, job, STATE_RUNNING, lane->queue,
		      lane->handler, 0);
	fill(out, job, of);
	job->token = of->begun.token;
	job->worker = of->begun.worker;
	job->attempt = 1;
	job->started_ms = out->batch->now_ms;
}

static void run_entry(struct fake_out *out, struct store_entry *of)
{
	struct store *store = out->store;
	struct store_batch *batch = out->batch;
	const struct store_lane *lane = &batch->lanes[of->lane];
	struct fake_job *job;

	of->id = of->replaced = 0;
	of->what = STORE_NEW;
	if (run_conflict(out, of))
		return;
	if (is_full(store, lane->queue)) {
		of->what = STORE_REFUSED_FULL;
		return;
	}
	if (is_refused(store, of)) {
		of->what = fake_group_at(store, of->group)
				   ? STORE_REFUSED_CLOSED
				   : STORE_REFUSED_GROUP;
		return;
	}
	for (size_t i = 0; of->unit && i < batch->entry_count; i++) {
		if (batch->entries[i].unit == of->unit &&
		    is_refused(store, &batch->entries[i])) {
			of->what = STORE_REFUSED_DEPENDS;
			return;
		}
	}
	job = fake_enter(store,
			 of->hold	 ? STATE_HELD
			 : of->run_at_ms ? STATE_SCHEDULED
					 : STATE_READY,
			 lane->queue, lane->handler, of->group);
	fill(out, job, of);
	of->id = job->id;
}

static struct fake_job *best(struct store *store, int32_t lane)
{
	struct fake_job *found = NULL;

	for (size_t i = 0; i < store->job_count; i++) {
		struct fake_job *job = &store->jobs[i];

		if (job->state == STATE_READY && job->lane == lane &&
		    (!found || job->priority > found->priority))
			found = job;
	}
	return found;
}

static void run_want(struct fake_out *out, uint32_t at)
{
	struct store *store = out->store;
	struct store_batch *batch = out->batch;
	struct store_want *want = &batch->wants[at];
	const struct store_lane *lane = &batch->lanes[want->lane];
	int32_t number = fake_lane_at(store, lane->queue, lane->handler);

	for (want->got = 0; want->got < want->max; want->got++) {
		struct fake_job *job = best(store, number);

		if (!job)
			break;
		fake_move(store, job, STATE_RUNNING);
		job->token = ++store->tokens;
		job->attempt++;
		job->worker = want->worker;
		require(batch->claim_count < out->claim_room);
		batch->claims[batch->claim_count++] = (struct store_claim){
			.want = at,
			.job = job->id,
			.token = job->token,
			.attempt = job->attempt,
			.lane = want->lane,
			.context = job->context,
			.context_text =
				job->context
					? fake_copy(
						  batch->arena,
						  store->contexts[job->context -
								  1])
					: (struct slice){0},
			.group = job->group,
			.uid = job->uid,
			.timeout_ms = job->timeout_ms,
			.grace_ms = job->grace_ms,
			.orphans_keep = job->orphans_keep,
			.once = job->once,
			.descriptors = job->descriptors,
			.spec = fake_copy(batch->arena, job->spec),
		};
	}
}

static void forget_worker(struct store *store, int64_t id)
{
	for (size_t i = 0; i < store->worker_count; i++) {
		if (store->workers[i].id == id)
			store->workers[i--] =
				store->workers[--store->worker_count];
	}
}

static void run_workers(struct store *store, const struct store_batch *batch)
{
	for (size_t i = 0; i < batch->worker_count; i++) {
		forget_worker(store, batch->workers[i].id);
		require(store->worker_count < FAKE_MAX);
		snprintf(store->boot_id, sizeof(store->boot_id), "%.*s",
			 (int)batch->workers[i].boot_id.n,
			 batch->workers[i].boot_id.p);
		store->workers[store->worker_count] = batch->workers[i];
		store->workers[store->worker_count].pool = SLICE("exec");
		store->workers[store->worker_count++].boot_id =
			slice_of(store->boot_id);
	}
}

static void run_due(struct fake_out *out)
{
	struct store *store = out->store;
	struct store_batch *batch = out->batch;
	uint32_t promoted = 0;

	batch->next_due_ms = 0;
	for (size_t i = 0; i < store->job_count; i++) {
		struct fake_job *job = &store->jobs[i];

		if (job->state != STATE_SCHEDULED)
			continue;
		if (job->run_at_ms <= batch->now_ms &&
		    promoted < batch->promote_max) {
			promoted++;
			fake_move(store, job, STATE_READY);
		} else if (!batch->next_due_ms ||
			   job->run_at_ms < batch->next_due_ms) {
			batch->next_due_ms = job->run_at_ms;
		}
	}
	if (store->next_due_ms)
		batch->next_due_ms = store->next_due_ms;
}

static void run_purge(struct fake_out *out)
{
	struct store *store = out->store;
	struct store_batch *batch = out->batch;
	uint32_t left = batch->purge_max;

	batch->purge_more = false;
	if (!left || !batch->purge_succeeded_before_ms)
		return;
	for (size_t i = 0; i < store->job_count; i++) {
		struct fake_job *job = &store->jobs[i];

		if (!state_is_end(job->state) || job->purged ||
		    job->finished_ms >= batch->purge_succeeded_before_ms)
			continue;
		if (!left--) {
			batch->purge_more = true;
			return;
		}
		job->purged = true;
		if (job->output_file)
			batch->purged[batch->purged_count++] = job->id;
	}
}

static void tell_changes(struct fake_out *out)
{
	struct store *store = out->store;
	struct store_batch *batch = out->batch;

	batch->changed_lanes = arena_array(batch->arena, FAKE_MAX,
					   sizeof(*batch->changed_lanes));
	batch->changed_groups = arena_array(batch->arena, FAKE_MAX,
					    sizeof(*batch->changed_groups));
	require(batch->changed_lanes && batch->changed_groups);
	batch->changed_lane_count = batch->changed_group_count = 0;
	for (size_t i = 0; i < store->lane_count; i++) {
		struct fake_lane *lane = &store->lanes[i];
		struct store_lane *to =
			&batch->changed_lanes[batch->changed_lane_count];

		if (!lane->changed)
			continue;
		lane->changed = false;
		batch->changed_lane_count++;
		to->id = (int32_t)i;
		to->queue = slice_of(lane->queue);
		to->handler = slice_of(lane->handler);
		memcpy(to->counts, lane->counts, sizeof(to->counts));
	}
	for (size_t i = 0; i < store->group_count; i++) {
		if (!store->group_changed[i])
			continue;
		store->group_changed[i] = false;
		batch->changed_groups[batch->changed_group_count++] =
			store->groups[i];
	}
}

static void make_room(struct fake_out *out)
{
	struct store_batch *batch = out->batch;

	out->ended_room = out->signal_room = out->store->job_count + 1;
	for (size_t i = 0; i < batch->want_count; i++)
		out->claim_room += batch->wants[i].max;
	batch->ended = arena_array(batch->arena, out->ended_room,
				   sizeof(*batch->ended));
	batch->signals = arena_array(batch->arena, out->signal_room,
				     sizeof(*batch->signals));
	batch->claims = arena_array(batch->arena, out->claim_room,
				    sizeof(*batch->claims));
	batch->purged = arena_array(batch->arena, out->ended_room,
				    sizeof(*batch->purged));
	require(batch->ended && batch->signals && batch->claims &&
		batch->purged);
	batch->purged_count = batch->ended_count = batch->signal_count =
		batch->claim_count = 0;
}

/* What waits for descriptors that are gone. */
static void run_strand(struct fake_out *out)
{
	struct store *store = out->store;

	for (size_t i = 0; out->batch->strand.n && i < store->job_count; i++) {
		struct fake_job *job = &store->jobs[i];

		if (!job->descriptors || job->state == STATE_RUNNING ||
		    state_is_end(job->state))
			continue;
		free(job->failure);
		job->failure = fake_text(out->batch->strand);
		fake_end(out, job, STATE_FAILED, CAUSE_EXEC);
	}
}

static void run_batch(struct store *store, struct store_batch *batch)
{
	struct fake_out out = {.store = store, .batch = batch};

	make_room(&out);
	run_workers(store, batch);
	for (size_t i = 0; i < batch->entry_count; i++) {
		if (batch->entries[i].begun.token)
			run_begun(&out, &batch->entries[i]);
	}
	for (size_t i = 0; i < batch->outcome_count; i++)
		run_outcome(&out, &batch->outcomes[i]);
	run_strand(&out);
	for (size_t i = 0; i < batch->steer_count; i++)
		fake_steer(&out, &batch->steers[i]);
	for (size_t i = 0; i < batch->group_count; i++)
		run_group(store, &batch->groups[i]);
	for (size_t i = 0; i < batch->queue_count; i++)
		run_queue(store, &batch->queues[i]);
	for (size_t i = 0; i < batch->edit_count; i++)
		fake_edit(&out, &batch->edits[i]);
	for (size_t i = 0; i < batch->entry_count; i++)
		if (!batch->entries[i].begun.token)
			run_entry(&out, &batch->entries[i]);
	run_due(&out);
	for (size_t i = 0; i < batch->want_count; i++)
		run_want(&out, (uint32_t)i);
	if (batch->reserve)
		run_reserve(store, batch);
	for (size_t i = 0; i < batch->gone_worker_count; i++)
		forget_worker(store, batch->gone_workers[i]);
	run_purge(&out);
	fake_events(store, batch);
	tell_changes(&out);
}

int store_write(struct store *store, struct store_batch *batch,
		struct store_fault *ret_fault)
{
	int r = 0;

	pthread_mutex_lock(&store->lock);
	store->writers_held++;
	while (store->hold_writes)
		pthread_cond_wait(&store->released, &store->lock);
	store->writers_held--;
	store->writes++;
	if (store->fail_count > 0) {
		store->fail_count--;
		r = store->fail;
		snprintf(ret_fault->message, sizeof(ret_fault->message),
			 "the fake store was told to fail");
	} else {
		run_batch(store, batch);
	}
	pthread_mutex_unlock(&store->lock);
	return r;
}
