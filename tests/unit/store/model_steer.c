#include "tests/unit/store/model.h"

struct model_job *model_job(struct model *m, int64_t id)
{
	/* Ids are given out in order, and all jobs are kept. */
	if (id < 1 || (size_t)id > m->count)
		return NULL;
	return &m->jobs[id - 1];
}

void model_step_to(struct model *m, struct model_job *job,
		   const struct job_step *step)
{
	job->facts = step->facts;
	if (step->attempt_ended || step->ended)
		job->cause = step->cause;
	job->facts.final = false;
	job->facts.backoff_ms = 0;
	if (step->ended) {
		job->finished_ms = m->now_ms;
		job->ran = step->attempt_ended;
		m->ended++;
	}
	if (job->facts.state != STATE_RUNNING)
		job->token = 0;
}

static int compare_ids(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool model_retry(struct model *m, struct model_job *job)
{
	struct job_facts facts = job->facts;
	struct job_step step;

	facts.run_at_ms = m->steer.run_at_ms > m->now_ms ? m->steer.run_at_ms
							 : m->now_ms;
	if (job_step(&facts, JOB_RETRY, CAUSE_NONE, m->now_ms, &step) ||
	    model_word(m, job->word))
		return false;
	if (!job->retried) {
		job->tries = facts.max_attempts;
		job->losses = facts.crash_limit;
		job->retried = true;
	}
	if (m->steer.reset_attempts) {
		facts.max_attempts = job->tries + facts.attempt - facts.crashes;
		facts.crash_limit = job->losses + facts.crashes;
	}
	assert_int_equal(
		job_step(&facts, JOB_RETRY, CAUSE_NONE, m->now_ms, &step), 0);
	if (!job->ran)
		job->cause = CAUSE_NONE;
	job->facts = step.facts;
	job->expire_ms = 0;
	job->seq = m->next_seq++;
	m->retried++;
	return true;
}

static bool model_change(struct model *m, struct model_job *job)
{
	const struct store_steer *steer = &m->steer;
	struct model_job to = *job;
	struct job_step step;

	if (steer->change_priority)
		to.priority = steer->priority;
	if (steer->queue.n && to.lane != 2)
		to.lane = 0;
	if (steer->change_run_at && steer->run_at_ms > m->now_ms)
		to.facts.run_at_ms = steer->run_at_ms;
	else if (steer->change_run_at && to.facts.run_at_ms > m->now_ms)
		to.facts.run_at_ms = m->now_ms;
	if (job_step(&to.facts, JOB_CHANGE, CAUSE_NONE, m->now_ms, &step))
		return false;
	if (steer->change_run_at)
		to.facts = step.facts;
	if (to.priority == job->priority && to.lane == job->lane &&
	    to.facts.state == job->facts.state &&
	    to.facts.run_at_ms == job->facts.run_at_ms)
		return false;
	if (to.facts.state == STATE_READY && job->facts.state != STATE_READY)
		to.seq = m->next_seq++;
	*job = to;
	return true;
}

/* @ret_kill: it runs, and is to end */
static bool steer_one(struct model *m, struct model_job *job, bool *ret_kill)
{
	static const enum job_event events[] = {
		[STORE_CANCEL] = JOB_CANCEL,
		[STORE_HOLD] = JOB_HOLD,
		[STORE_RELEASE] = JOB_RELEASE,
	};
	enum store_steer_kind kind = m->steer.kind;
	bool live = model_is_live(job);
	struct job_step step;

	if (kind == STORE_RETRY)
		return !live && model_retry(m, job);
	if (kind == STORE_REMOVE) {
		job->gone = !live;
		m->removed += !live;
		return !live;
	}
	if (kind == STORE_CHANGE)
		return live && model_change(m, job);
	if (!live ||
	    job_step(&job->facts, events[kind], CAUSE_NONE, m->now_ms, &step))
		return false;
	*ret_kill = step.kill;
	model_step_to(m, job, &step);
	if (!step.ended && !step.kill && step.facts.state == STATE_READY)
		job->seq = m->next_seq++;
	return true;
}

void model_steer(struct model *m, struct store_batch *batch)
{
	uint32_t changed = 0, signalled = 0;
	struct store_steer *steer = &m->steer;

	if (!batch->steer_count)
		return;
	qsort(m->steer_ids, steer->filter.id_count, sizeof(int64_t),
	      compare_ids);
	for (size_t i = 0; i < steer->filter.id_count; i++) {
		struct model_job *job = model_job(m, m->steer_ids[i]);
		bool kill = false;

		if (!job || (i && m->steer_ids[i - 1] == m->steer_ids[i]) ||
		    job->gone || !steer_one(m, job, &kill))
			continue;
		changed += !kill;
		signalled += kill;
	}
	assert_int_equal(steer->changed, changed);
	assert_int_equal(steer->signalled, signalled);
	assert_int_equal(batch->signal_count, signalled);
}

void model_edit(struct model *m, const struct store_batch *batch)
{
	const struct store_entry *entry = &m->edit.entry;
	struct model_job *job = model_job(m, m->edit.job), *holder;
	struct job_step step;
	enum job_state before;

	if (!batch->edit_count)
		return;
	assert_int_equal(m->edit.found, job && !job->gone);
	if (!job || job->gone)
		return;
	before = job->facts.state;
	holder = model_word(m, m->entry_words[BATCH_MAX]);
	assert_int_equal(m->edit.state, before);
	assert_int_equal(m->edit.edited,
			 model_is_live(job) && before != STATE_RUNNING &&
				 !(entry->once && job->facts.attempt) &&
				 (!holder || holder == job));
	if (!m->edit.edited)
		return;
	m->edited++;
	job->lane = entry->lane;
	job->priority = entry->priority;
	job->word = m->entry_words[BATCH_MAX];
	job->rule = m->entry_rules[BATCH_MAX];
	job->expire_ms = entry->expire_ms ? job->created_ms + entry->expire_ms
					  : 0;
	job->keep_ms = entry->keep_ms;
	job->retried = false;
	job->facts.max_attempts = job->rule
					  ? (uint32_t[]){3, 2, 4}[job->rule - 1]
					  : entry->max_attempts;
	job->facts.crash_limit = entry->crash_limit > job->facts.crashes
					 ? entry->crash_limit
					 : job->facts.crashes + 1;
	job->facts.once = entry->once;
	job->facts.run_at_ms = entry->run_at_ms;
	assert_int_equal(
		job_step(&job->facts, JOB_CHANGE, CAUSE_NONE, m->now_ms, &step),
		0);
	job->facts = step.facts;
	if (step.facts.state == STATE_READY && before != STATE_READY)
		job->seq = m->next_seq++;
}
