/*
 * Ten thousand random operations against a model in memory. The decisions are
 * those of core/job on both sides; what is compared is that the store keeps
 * them: states, attempts, tokens, order, keys, groups, counts.
 */

#include <sqlite3.h>

#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/model.h"

static struct model_job *job_of(struct model *m, int64_t id)
{
	/* Ids are given out in order, and all jobs are kept. */
	if (id < 1 || (size_t)id > m->count)
		return NULL;
	return &m->jobs[id - 1];
}

/* ---- What the model makes of it ---- */

static void step_to(struct model *m, struct model_job *job,
		    const struct job_step *step)
{
	job->facts = step->facts;
	if (step->attempt_ended || step->ended)
		job->cause = step->cause;
	if (step->ended)
		job->finished_ms = m->now_ms;
	if (job->facts.state != STATE_RUNNING)
		job->token = 0;
}

static void model_outcomes(struct model *m, struct store_batch *batch)
{
	static const enum job_event events[] = {
		[STORE_SUCCEEDED] = JOB_SUCCEED,
		[STORE_FAILED_ATTEMPT] = JOB_FAIL,
		[STORE_LOST] = JOB_LOST,
		[STORE_PUT_BACK] = JOB_PUT_BACK,
	};

	for (size_t i = 0; i < batch->outcome_count; i++) {
		struct store_outcome *outcome = &batch->outcomes[i];
		struct model_job *job = job_of(m, outcome->job);
		struct job_step step;

		if (!model_is_live(job) || job->token != outcome->token) {
			assert_false(outcome->accepted);
			continue;
		}
		assert_int_equal(job_step(&job->facts, events[outcome->kind],
					  outcome->cause, m->now_ms, &step),
				 0);
		assert_true(outcome->accepted);
		step_to(m, job, &step);
		if (!step.ended && outcome->kind != STORE_PUT_BACK)
			job->seq = m->next_seq++;
	}
}

static int compare_ids(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void model_steer(struct model *m, struct store_batch *batch)
{
	static const enum job_event events[] = {
		[STORE_CANCEL] = JOB_CANCEL,
		[STORE_HOLD] = JOB_HOLD,
		[STORE_RELEASE] = JOB_RELEASE,
	};
	uint32_t changed = 0, signalled = 0;
	struct store_steer *steer = &m->steer;

	if (!batch->steer_count)
		return;
	qsort(m->steer_ids, steer->filter.id_count, sizeof(int64_t),
	      compare_ids);
	for (size_t i = 0; i < steer->filter.id_count; i++) {
		struct model_job *job = job_of(m, m->steer_ids[i]);
		struct job_step step;

		if (!job || (i && m->steer_ids[i - 1] == m->steer_ids[i]) ||
		    !model_is_live(job) ||
		    job_step(&job->facts, events[steer->kind], CAUSE_NONE,
			     m->now_ms, &step))
			continue;
		changed += !step.kill;
		signalled += step.kill;
		step_to(m, job, &step);
		if (!step.ended && !step.kill &&
		    step.facts.state == STATE_READY)
			job->seq = m->next_seq++;
	}
	assert_int_equal(steer->changed, changed);
	assert_int_equal(steer->signalled, signalled);
	assert_int_equal(batch->signal_count, signalled);
}

static void model_group(struct model *m, struct store_batch *batch)
{
	if (!batch->group_count)
		return;
	if (m->group_op.kind == STORE_GROUP_OPEN) {
		assert_true(m->group_op.id > 0);
		m->groups[m->group_at] = m->group_op.id;
		m->closed[m->group_at] = false;
	} else {
		assert_true(m->group_op.found);
		m->closed[m->group_at] = true;
	}
}

static bool group_takes(const struct model *m, int64_t group)
{
	for (int i = 0; i < GROUPS; i++) {
		if (m->groups[i] == group)
			return !m->closed[i];
	}
	return false; /* replaced: it was closed */
}

static size_t ready_in(const struct model *m, uint32_t lane)
{
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++)
		n += model_is_live(&m->jobs[i]) && m->jobs[i].lane == lane &&
		     m->jobs[i].facts.state == STATE_READY;
	return n;
}

static struct store_want *want_with_room(struct model *m,
					 struct store_batch *batch,
					 uint32_t lane, const uint32_t *used)
{
	for (size_t i = 0; i < batch->want_count; i++) {
		if (m->wants[i].lane == lane && used[i] < m->wants[i].max)
			return &m->wants[i];
	}
	return NULL;
}

/* The next claim of the batch must be this job for this want. */
static void model_claim(struct model *m, struct store_batch *batch,
			struct model_job *job, struct store_want *want,
			uint32_t *used, bool *taken)
{
	struct job_step step;

	for (size_t i = 0; i < batch->claim_count; i++) {
		struct store_claim *claim = &batch->claims[i];

		if (claim->job != job->id)
			continue;
		assert_false(taken[i]);
		taken[i] = true;
		assert_int_equal(claim->want, want - m->wants);
		assert_int_equal(job_step(&job->facts, JOB_CLAIM, CAUSE_NONE,
					  m->now_ms, &step),
				 0);
		step_to(m, job, &step);
		job->token = claim->token;
		assert_int_equal(claim->attempt, job->facts.attempt);
		assert_int_equal(claim->once, job->facts.once);
		assert_int_equal(claim->group, job->group);
		used[want - m->wants]++;
		return;
	}
	fail_msg("job %d was not claimed", (int)job->id);
}

static struct model_job *with_key(struct model *m, int key)
{
	for (size_t i = 0; i < m->count; i++) {
		if (!m->jobs[i].gone && m->jobs[i].key == key)
			return &m->jobs[i];
	}
	return NULL;
}

static bool mixed(const struct store_batch *batch, uint32_t lane)
{
	const struct store_entry *first = NULL;

	for (size_t i = 0; i < batch->entry_count; i++) {
		const struct store_entry *entry = &batch->entries[i];

		if (entry->lane != lane)
			continue;
		if (first && first->priority != entry->priority)
			return true;
		first = entry;
	}
	return false;
}

static bool unit_refused(struct model *m, const struct store_batch *batch,
			 uint32_t unit)
{
	for (size_t i = 0; unit && i < batch->entry_count; i++) {
		const struct store_entry *entry = &batch->entries[i];

		if (entry->unit == unit && entry->group &&
		    !group_takes(m, entry->group))
			return true;
	}
	return false;
}

static void model_entry(struct model *m, struct store_batch *batch, size_t i,
			uint32_t *used, bool *taken)
{
	struct store_entry *entry = &batch->entries[i];
	struct model_job *job;
	struct store_want *want;

	if (entry->group && !group_takes(m, entry->group)) {
		assert_true(entry->what == STORE_REFUSED_GROUP ||
			    entry->what == STORE_REFUSED_CLOSED);
		return;
	}
	if (unit_refused(m, batch, entry->unit)) {
		assert_int_equal(entry->what, STORE_REFUSED_DEPENDS);
		return;
	}
	job = m->entry_keys[i] ? with_key(m, m->entry_keys[i]) : NULL;
	if (job) {
		assert_int_equal(entry->what, STORE_EXISTING);
		assert_int_equal(entry->id, job->id);
		return;
	}
	assert_int_equal(entry->what, STORE_NEW);
	assert_int_equal(entry->id, m->count + 1);
	assert_true(m->count < JOBS_MAX);
	job = &m->jobs[m->count++];
	*job = (struct model_job){
		.id = entry->id,
		.facts =
			{
				.state = job_first_state(entry->hold, false,
							 entry->run_at_ms,
							 m->now_ms),
				.max_attempts = entry->max_attempts,
				.crash_limit = entry->crash_limit,
				.once = entry->once,
				.run_at_ms = entry->run_at_ms,
			},
		.lane = entry->lane,
		.priority = entry->priority,
		.seq = m->next_seq++,
		.group = entry->group,
		.key = m->entry_keys[i],
	};
	want = want_with_room(m, batch, entry->lane, used);
	/* Itself is the one that is ready. */
	if (job->facts.state == STATE_READY && want &&
	    !mixed(batch, entry->lane) && ready_in(m, entry->lane) == 1)
		model_claim(m, batch, job, want, used, taken);
}

static struct model_job *first_ready(struct model *m, uint32_t lane)
{
	struct model_job *best = NULL;

	for (size_t i = 0; i < m->count; i++) {
		struct model_job *job = &m->jobs[i];

		if (!model_is_live(job) || job->lane != lane ||
		    job->facts.state != STATE_READY)
			continue;
		if (!best || job->priority > best->priority ||
		    (job->priority == best->priority && job->seq < best->seq))
			best = job;
	}
	return best;
}

static void model_promote(struct model *m)
{
	for (;;) {
		struct model_job *best = NULL;
		struct job_step step;

		for (size_t i = 0; i < m->count; i++) {
			struct model_job *job = &m->jobs[i];

			if (model_is_live(job) &&
			    job->facts.state == STATE_SCHEDULED &&
			    job->facts.run_at_ms <= m->now_ms &&
			    (!best ||
			     job->facts.run_at_ms < best->facts.run_at_ms))
				best = job;
		}
		if (!best)
			return;
		assert_int_equal(job_step(&best->facts, JOB_DUE, CAUSE_NONE,
					  m->now_ms, &step),
				 0);
		step_to(m, best, &step);
		best->seq = m->next_seq++;
	}
}

static void model_claims(struct model *m, struct store_batch *batch,
			 uint32_t *used, bool *taken)
{
	for (uint32_t lane = 0; lane < LANES; lane++) {
		struct store_want *want;
		struct model_job *job;

		while ((want = want_with_room(m, batch, lane, used)) &&
		       (job = first_ready(m, lane)))
			model_claim(m, batch, job, want, used, taken);
	}
	for (size_t i = 0; i < batch->claim_count; i++)
		assert_true(taken[i]);
	for (size_t i = 0; i < batch->want_count; i++)
		assert_int_equal(m->wants[i].got, used[i]);
}

/* What went must have been allowed to go. */
static void model_purge(struct model *m, const struct store_batch *batch)
{
	for (size_t i = 0; batch->purge_max && i < m->count; i++) {
		struct model_job *job = &m->jobs[i];
		struct store_row *rows;
		size_t count;

		if (job->gone || model_is_live(job))
			continue;
		assert_int_equal(store_get(fixture_reader(m->f), &m->f->arena,
					   &job->id, 1, false, false, &rows,
					   &count),
				 0);
		if (count)
			continue;
		assert_true(job->finished_ms <
			    batch->purge_succeeded_before_ms);
		job->gone = true;
	}
}

/* ---- Comparing ---- */

static void compare_jobs(struct model *m)
{
	int64_t counts[LANES][STATE_COUNT] = {{0}};
	int64_t groups[GROUPS][STATE_COUNT] = {{0}};

	for (size_t i = 0; i < m->count; i++) {
		struct model_job *job = &m->jobs[i];
		struct store_row row;

		arena_reset(&m->f->arena);
		if (job->gone)
			continue;
		row = fixture_row(m->f, job->id);
		assert_int_equal(row.state, job->facts.state);
		assert_int_equal(row.attempt, job->facts.attempt);
		assert_int_equal(row.crashes, job->facts.crashes);
		assert_int_equal(row.cause, job->cause);
		assert_int_equal(row.priority, job->priority);
		assert_int_equal(row.group, job->group);
		assert_int_equal(row.key.n != 0, job->key != 0);
		if (job->facts.state == STATE_RUNNING)
			assert_int_equal(row.cancel_asked,
					 job->facts.cancel_asked);
		counts[job->lane][job->facts.state]++;
		for (int g = 0; g < GROUPS; g++)
			groups[g][job->facts.state] +=
				job->group && job->group == m->groups[g];
	}
	for (int lane = 0; lane < LANES; lane++)
		assert_memory_equal(m->f->lanes[lane].counts, counts[lane],
				    sizeof(counts[lane]));
	for (int g = 0; g < GROUPS; g++) {
		struct store_group group;

		if (!m->groups[g] ||
		    store_get_group(fixture_reader(m->f), &m->f->arena,
				    m->groups[g], &group))
			continue;
		assert_memory_equal(group.counts, groups[g], sizeof(groups[g]));
	}
	fixture_verify(m->f);
}

static void one_batch(struct model *m)
{
	struct store_worker workers[WORKERS] = {
		{.id = 1}, {.id = 2}, {.id = 3}};
	uint32_t used[BATCH_MAX] = {0};
	bool taken[BATCH_MAX * 14] = {false};
	struct store_batch batch;

	arena_reset(&m->f->arena);
	m->f->now_ms += model_pick(m, 5);
	batch = fixture_batch(m->f);
	m->now_ms = batch.now_ms;
	batch.workers = workers;
	batch.worker_count = WORKERS;
	batch.promote_max = 1000;
	if (model_pick(m, 4))
		make_outcomes(m, &batch);
	if (model_pick(m, 4) == 0)
		make_steer(m, &batch);
	if (model_pick(m, 20) == 0)
		make_group(m, &batch);
	if (model_pick(m, 3))
		make_entries(m, &batch);
	if (model_pick(m, 3))
		make_wants(m, &batch);
	if (model_pick(m, 25) == 0) {
		batch.purge_max = 20;
		batch.purge_succeeded_before_ms = m->now_ms - 100;
		batch.purge_failed_before_ms = m->now_ms - 100;
	}
	fixture_write(m->f, &batch);
	m->operations += batch.outcome_count + batch.steer_count +
			 batch.group_count + batch.entry_count +
			 batch.want_count;

	model_outcomes(m, &batch);
	model_steer(m, &batch);
	model_group(m, &batch);
	for (size_t i = 0; i < batch.entry_count; i++)
		model_entry(m, &batch, i, used, taken);
	model_promote(m);
	model_claims(m, &batch, used, taken);
	model_purge(m, &batch);
}

static void be_quick(struct fixture *f)
{
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      "PRAGMA synchronous = OFF", NULL, NULL,
				      NULL),
			 SQLITE_OK);
	f->store->checkpoint_pages = 100;
}

UNIT(the_store_does_what_the_model_does)
{
	struct model m = {.f = *state, .next_seq = 1};
	const char *seed = getenv("REEVE_TEST_SEED");
	int rounds = 0;

	m.seed = seed ? (unsigned int)strtoul(seed, NULL, 10) : 20260703;
	print_message("seed %u\n", m.seed);
	m.jobs = calloc(JOBS_MAX, sizeof(*m.jobs));
	assert_non_null(m.jobs);
	for (size_t i = 0; i < CONTEXTS; i++)
		m.contexts[i].text = (struct slice){"{\"cwd\":\"/a/b/c/d\"}",
						    9 + 2 * i};
	be_quick(m.f);
	while (m.operations < OPERATIONS) {
		one_batch(&m);
		if (++rounds % 150 == 0)
			compare_jobs(&m);
		if (rounds % 400 == 0) {
			fixture_reopen(m.f);
			be_quick(m.f);
		}
	}
	compare_jobs(&m);
	free(m.jobs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(the_store_does_what_the_model_does),
	};

	return cmocka_run_group_tests_name("sqlite_model", tests, NULL, NULL);
}
