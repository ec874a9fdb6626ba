/* What the fake store does to jobs that are there: steering and edits. */

#include "tests/fake/fake_store.h"

/* Its last end becomes one of many. */
void fake_attempt(struct fake_job *job, int64_t now_ms)
{
	if (job->attempt_count == FAKE_ATTEMPTS_MAX)
		return;
	job->attempts[job->attempt_count++] = (struct store_attempt){
		.number = job->attempt,
		.cause = job->cause,
		.started_ms = job->started_ms,
		.finished_ms = now_ms,
		.exit_code = job->exit_code,
		.signal = job->signal,
	};
}

static bool is_waiting(const struct fake_job *job)
{
	return !state_is_end(job->state) && job->state != STATE_RUNNING;
}

/* Does it apply to a job like this? */
static bool applies(const struct store_steer *of, const struct fake_job *job)
{
	switch (of->kind) {
	case STORE_CANCEL:
		return !state_is_end(job->state);
	case STORE_HOLD:
		return job->state == STATE_READY;
	case STORE_RELEASE:
		return job->state == STATE_HELD;
	case STORE_RETRY:
		return state_is_end(job->state) && !job->descriptors &&
		       !(job->once && job->attempt);
	case STORE_REMOVE:
		return state_is_end(job->state);
	case STORE_CHANGE:
	case STORE_STRAND:
		return is_waiting(job);
	}
	return false;
}

static void signal_job(struct fake_out *out, struct store_steer *of,
		       struct fake_job *job)
{
	struct store_batch *batch = out->batch;

	if (job->cancel_asked)
		return;
	of->signalled++;
	if (of->dry_run)
		return;
	job->cancel_asked = true;
	require(batch->signal_count < out->signal_room);
	batch->signals[batch->signal_count++] = (struct store_signal){
		.job = job->id,
		.token = job->token,
		.worker = job->worker,
		.grace_ms = of->grace_ms < 0 ? 10000 : of->grace_ms,
	};
}

static void retry(struct fake_out *out, const struct store_steer *of,
		  struct fake_job *job)
{
	if (job->attempt)
		fake_attempt(job, job->finished_ms);
	if (of->reset_attempts)
		job->failures = job->crashes = 0;
	job->finished_ms = 0;
	job->run_at_ms = of->run_at_ms;
	fake_move(out->store, job,
		  of->run_at_ms ? STATE_SCHEDULED : STATE_READY);
}

static void remove_job(struct fake_out *out, struct fake_job *job)
{
	struct fake_lane *lane = &out->store->lanes[job->lane];

	lane->counts[job->state]--;
	lane->changed = true;
	job->purged = true;
	if (job->output_file)
		out->batch->purged[out->batch->purged_count++] = job->id;
}

static void to_lane(struct store *store, struct fake_job *job,
		    struct slice queue)
{
	enum job_state state = job->state;

	store->lanes[job->lane].counts[state]--;
	store->lanes[job->lane].changed = true;
	job->lane = fake_lane_at(store, queue, slice_of(job->handler));
	free(job->queue);
	job->queue = fake_text(queue);
	store->lanes[job->lane].counts[state]++;
	store->lanes[job->lane].changed = true;
}

static void change(struct fake_out *out, const struct store_steer *of,
		   struct fake_job *job)
{
	if (of->change_priority)
		job->priority = of->priority;
	if (of->queue.n)
		to_lane(out->store, job, of->queue);
	if (of->change_run_at && job->state != STATE_HELD) {
		job->run_at_ms = of->run_at_ms;
		fake_move(out->store, job,
			  of->run_at_ms ? STATE_SCHEDULED : STATE_READY);
	}
}

static void steer_one(struct fake_out *out, struct store_steer *of,
		      struct fake_job *job)
{
	if (!applies(of, job))
		return;
	if (job->state == STATE_RUNNING) {
		signal_job(out, of, job);
		return;
	}
	of->changed++;
	if (of->dry_run)
		return;
	switch (of->kind) {
	case STORE_CANCEL:
		job->reason = fake_text(of->reason);
		fake_end(out, job, STATE_CANCELLED, CAUSE_CANCELLED);
		break;
	case STORE_HOLD:
		fake_move(out->store, job, STATE_HELD);
		break;
	case STORE_RELEASE:
		fake_move(out->store, job, STATE_READY);
		break;
	case STORE_RETRY:
		retry(out, of, job);
		break;
	case STORE_REMOVE:
		remove_job(out, job);
		break;
	case STORE_CHANGE:
		change(out, of, job);
		break;
	case STORE_STRAND:
		free(job->failure);
		job->failure = fake_text(of->failure);
		fake_end(out, job, STATE_FAILED, CAUSE_EXEC);
		break;
	}
}

void fake_steer(struct fake_out *out, struct store_steer *of)
{
	struct store *store = out->store;
	uint32_t looked = 0;

	of->changed = of->signalled = 0;
	of->next = 0;
	for (size_t i = (size_t)of->after; i < store->job_count; i++) {
		if (!fake_matches(&store->jobs[i], &of->filter))
			continue;
		if (looked++ == of->max) {
			of->next = (int64_t)i;
			return;
		}
		steer_one(out, of, &store->jobs[i]);
	}
}

void fake_edit(struct fake_out *out, struct store_edit *of)
{
	const struct store_lane *lane = &out->batch->lanes[of->entry.lane];
	struct fake_job *job;

	of->found = of->job > 0 && (size_t)of->job <= out->store->job_count &&
		    !fake_store_job(out->store, of->job)->purged;
	if (!of->found)
		return;
	job = fake_store_job(out->store, of->job);
	of->state = job->state;
	of->descriptors = job->descriptors;
	of->edited = is_waiting(job) && !job->descriptors;
	if (!of->edited)
		return;
	free(job->spec);
	job->spec = fake_text(of->entry.spec);
	free(job->name);
	job->name = fake_text(of->entry.name);
	job->priority = of->entry.priority;
	job->max_attempts = of->entry.max_attempts;
	to_lane(out->store, job, lane->queue);
}
