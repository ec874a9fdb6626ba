/*
 * Ten thousand random operations against a model in memory. The decisions are
 * those of core/job on both sides; what is compared is that the store keeps
 * them: states, attempts, tokens, order, keys, groups, counts.
 */

#include <sqlite3.h>

#include "daemon/core/retry.h"
#include "daemon/store/sqlite_txn.h"
#include "tests/unit/store/model.h"

/* ---- What the model makes of it ---- */

/* What the rule of the job says, by the same functions of core. */
static void apply_rule(struct model *m, struct model_job *job,
		       const struct store_outcome *outcome)
{
	struct job_facts *facts = &job->facts;
	int64_t failures = (int64_t)facts->attempt - facts->crashes;
	struct schema_fault fault;
	struct retry_rule rule;

	assert_int_equal(retry_rule_decode(&m->f->arena, model_rule(job->rule),
					   "", &rule, &fault),
			 0);
	facts->final = !retry_applies(&rule, outcome->cause,
				      outcome->exit_code);
	if (job->retried && (int64_t)facts->max_attempts > rule.max_attempts)
		failures -= (int64_t)facts->max_attempts - rule.max_attempts;
	if (!facts->final)
		facts->backoff_ms = retry_delay_ms(
			&rule, failures > 1 ? (uint32_t)failures : 1,
			(uint64_t)job->token);
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
		struct model_job *job = model_job(m, outcome->job);
		struct job_step step;

		if (!model_is_live(job) || job->token != outcome->token) {
			assert_false(outcome->accepted);
			continue;
		}
		if (job->rule && outcome->kind == STORE_FAILED_ATTEMPT)
			apply_rule(m, job, outcome);
		assert_int_equal(job_step(&job->facts, events[outcome->kind],
					  outcome->cause, m->now_ms, &step),
				 0);
		assert_true(outcome->accepted);
		model_step_to(m, job, &step);
		if (!step.ended && outcome->kind != STORE_PUT_BACK)
			job->seq = m->next_seq++;
	}
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
		model_step_to(m, job, &step);
		job->token = claim->token;
		assert_int_equal(claim->attempt, job->facts.attempt);
		assert_int_equal(claim->once, job->facts.once);
		assert_int_equal(claim->group, job->group);
		used[want - m->wants]++;
		return;
	}
	fail_msg("job %d was not claimed", (int)job->id);
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

/* @ret_replaced: is it cancelled for the new one? */
static void take_over(struct model *m, struct model_job *holder, bool key,
		      bool *ret_replaced)
{
	struct job_step step;

	*ret_replaced = false;
	if (!holder)
		return;
	if (key)
		holder->key_held = false;
	if (!model_is_live(holder))
		return;
	assert_int_equal(job_step(&holder->facts, JOB_CANCEL, CAUSE_NONE,
				  m->now_ms, &step),
			 0);
	model_step_to(m, holder, &step);
	assert_true(step.ended);
	*ret_replaced = true;
	m->replaced++;
}

static void model_entry(struct model *m, struct store_batch *batch, size_t i,
			const struct verdict *verdict, uint32_t *used,
			bool *taken)
{
	struct store_entry *entry = &batch->entries[i];
	struct model_job *job;
	struct store_want *want;
	bool of_key, of_word;

	m->seen[verdict->what]++;
	if (verdict->what == STORE_REFUSED_GROUP) {
		assert_true(entry->what == STORE_REFUSED_GROUP ||
			    entry->what == STORE_REFUSED_CLOSED);
		return;
	}
	assert_int_equal(entry->what, verdict->what);
	assert_int_equal(entry->id, verdict->id);
	if (verdict->what != STORE_NEW)
		return;
	take_over(m, verdict->key, true, &of_key);
	take_over(m, verdict->word, false, &of_word);
	assert_int_equal(entry->replaced, of_key    ? verdict->key->id
					  : of_word ? verdict->word->id
						    : 0);
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
		.key_held = m->entry_keys[i] != 0,
		.word = m->entry_words[i],
		.rule = m->entry_rules[i],
		.created_ms = m->now_ms,
		.expire_ms = entry->expire_ms ? m->now_ms + entry->expire_ms
					      : 0,
		.keep_ms = entry->keep_ms,
	};
	if (job->rule)
		job->facts.max_attempts = (uint32_t[]){3, 2, 4}[job->rule - 1];
	want = want_with_room(m, batch, entry->lane, used);
	/* Itself is the one that is ready. */
	if (job->facts.state == STATE_READY && want &&
	    !mixed(batch, entry->lane) && ready_in(m, entry->lane) == 1)
		model_claim(m, batch, job, want, used, taken);
}

static void model_entries(struct model *m, struct store_batch *batch,
			  uint32_t *used, bool *taken)
{
	struct verdict verdicts[BATCH_MAX];
	size_t last;

	for (size_t i = 0; i < batch->entry_count; i = last) {
		uint32_t unit = batch->entries[i].unit;

		last = i + 1;
		while (unit && last < batch->entry_count &&
		       batch->entries[last].unit == unit)
			last++;
		model_decide(m, batch, i, last, verdicts);
		for (size_t at = i; at < last; at++)
			model_entry(m, batch, at, &verdicts[at], used, taken);
	}
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

static bool may_expire(const struct model_job *job)
{
	return model_is_live(job) && job->facts.state != STATE_RUNNING &&
	       job->expire_ms;
}

static void model_expire(struct model *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct model_job *job = &m->jobs[i];
		struct job_step step;

		if (!may_expire(job) || job->expire_ms > m->now_ms)
			continue;
		assert_int_equal(job_step(&job->facts, JOB_EXPIRE, CAUSE_NONE,
					  m->now_ms, &step),
				 0);
		model_step_to(m, job, &step);
		m->expired++;
	}
}

/* The earliest that is due or expires. */
static int64_t next_due(const struct model *m)
{
	int64_t next = 0;

	for (size_t i = 0; i < m->count; i++) {
		const struct model_job *job = &m->jobs[i];

		if (may_expire(job) && (!next || job->expire_ms < next))
			next = job->expire_ms;
		if (model_is_live(job) && job->facts.state == STATE_SCHEDULED &&
		    (!next || job->facts.run_at_ms < next))
			next = job->facts.run_at_ms;
	}
	return next;
}

static void model_promote(struct model *m)
{
	/* What this batch itself brought is not due yet. */
	if (!m->next_due_ms || m->next_due_ms > m->now_ms)
		return;
	model_expire(m);
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
		model_step_to(m, best, &step);
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
		size_t count, looked;

		if (job->gone || model_is_live(job))
			continue;
		assert_int_equal(store_get(fixture_reader(m->f), &m->f->arena,
					   &job->id, 1, false, false, &rows,
					   &count, &looked),
				 0);
		if (count)
			continue;
		if (job->keep_ms >= 0)
			assert_true(job->finished_ms + job->keep_ms <
				    m->now_ms);
		else
			assert_true(job->finished_ms <
				    batch->purge_succeeded_before_ms);
		job->gone = true;
	}
	/* Also open groups, if none of their jobs is left. */
	for (int g = 0; batch->purge_max && g < GROUPS; g++) {
		struct store_group group;

		if (!m->groups[g] ||
		    store_get_group(fixture_reader(m->f), &m->f->arena,
				    m->groups[g], &group) == 0)
			continue;
		for (size_t i = 0; i < m->count; i++)
			assert_true(m->jobs[i].gone ||
				    m->jobs[i].group != m->groups[g]);
		m->groups[g] = 0;
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
		/* Ends count for the group also when the job is gone. */
		for (int g = 0; g < GROUPS; g++)
			groups[g][job->facts.state] +=
				job->group && job->group == m->groups[g];
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
		assert_int_equal(row.max_attempts, job->facts.max_attempts);
		assert_int_equal(row.run_at_ms, job->facts.run_at_ms);
		if (job->facts.state == STATE_RUNNING)
			assert_int_equal(row.cancel_asked,
					 job->facts.cancel_asked);
		counts[job->lane][job->facts.state]++;
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
	m->ended = 0;
	batch.workers = workers;
	batch.worker_count = WORKERS;
	batch.promote_max = 1000;
	if (model_pick(m, 4))
		make_outcomes(m, &batch);
	if (model_pick(m, 4) == 0)
		make_steer(m, &batch);
	if (model_pick(m, 20) == 0)
		make_group(m, &batch);
	if (model_pick(m, 20) == 0)
		make_queue(m, &batch);
	if (model_pick(m, 6) == 0)
		make_edit(m, &batch);
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
			 batch.group_count + batch.queue_count +
			 batch.edit_count + batch.entry_count +
			 batch.want_count;

	model_outcomes(m, &batch);
	model_steer(m, &batch);
	model_group(m, &batch);
	model_edit(m, &batch);
	model_entries(m, &batch, used, taken);
	model_promote(m);
	model_claims(m, &batch, used, taken);
	assert_int_equal(batch.ended_count, m->ended);
	m->next_due_ms = next_due(m);
	assert_int_equal(batch.next_due_ms, m->next_due_ms);
	model_purge(m, &batch);
}

static void be_quick(struct fixture *f)
{
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      "PRAGMA synchronous = FULL", NULL, NULL,
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
		if (++rounds % 50 == 0)
			compare_jobs(&m);
		if (rounds % 400 == 0) {
			fixture_reopen(m.f);
			be_quick(m.f);
		}
	}
	compare_jobs(&m);
	/* All of it was there, and not once or twice. */
	for (int what = STORE_NEW; what <= STORE_REFUSED_TAKEN; what++)
		assert_true(what == STORE_REFUSED_CLOSED || m.seen[what] > 20);
	assert_true(m.retried > 20 && m.expired > 20 && m.replaced > 20 &&
		    m.edited > 20 && m.removed > 20);
	free(m.jobs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(the_store_does_what_the_model_does),
	};

	return cmocka_run_group_tests_name("sqlite_model", tests, NULL, NULL);
}
