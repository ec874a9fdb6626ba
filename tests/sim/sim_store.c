#include "tests/sim/sim_store.h"

#include "tests/sim/sim.h"

static void *grown(void *array, size_t *room, size_t need, size_t size)
{
	size_t old = *room;

	if (need <= old)
		return array;
	while (*room < need)
		*room = *room ? *room * 2 : 256;
	array = realloc(array, *room * size);
	require(array);
	memset((char *)array + old * size, 0, (*room - old) * size);
	return array;
}

struct sim_row *sim_store_row(struct sim *sim, int64_t job)
{
	require(job > 0 && (size_t)job <= sim->store.row_count);
	return &sim->store.rows[job - 1];
}

struct sim_outcome *sim_store_result(struct sim *sim, int64_t token)
{
	for (size_t i = 0; i < sim->store.result_count; i++) {
		if (sim->store.results[i].token == token)
			return &sim->store.results[i];
	}
	return NULL;
}

void sim_store_forget_result(struct sim *sim, int64_t token)
{
	struct sim_outcome *result = sim_store_result(sim, token);

	if (result)
		*result = sim->store.results[--sim->store.result_count];
}

struct sim_worker_row *sim_store_worker(struct sim *sim, int64_t id)
{
	for (size_t i = 0; i < sim->store.worker_count; i++) {
		if (sim->store.workers[i].id == id)
			return &sim->store.workers[i];
	}
	return NULL;
}

/* ---- One row ---- */

static void count(struct sim_store *store, const struct sim_row *row, int by)
{
	store->counts[row->facts.state] += (uint64_t)by;
	if (row->facts.state == STATE_READY)
		store->ready[row->lane] += (uint64_t)by;
}

/* The attempt that ended: whom it is charged to, and was that right? */
static void settle_token(struct sim *sim, struct sim_row *row,
			 enum job_event event)
{
	struct sim_store *store = &sim->store;
	struct sim_token *token = &store->tokens[row->token];

	sim_check(sim, token->fate == FATE_OPEN, "token %lld ends twice",
		  (long long)row->token);
	token->fate = FATE_ENDED;
	if (event != JOB_LOST && event != JOB_PUT_BACK)
		return;

	sim_check(sim, !sim_store_result(sim, row->token),
		  "job %lld: results/ holds its end, thrown away",
		  (long long)token->job);
	sim_check(sim,
		  !token->answered || token->answered != sim->broker.generation,
		  "job %lld: its end was on the connection, thrown away",
		  (long long)token->job);
	if (event == JOB_PUT_BACK) {
		token->fate = FATE_PUT_BACK;
		sim->stats.put_back++;
		sim->stats.restarts += token->started;
		sim_check(sim, !token->started || !row->facts.once,
			  "once job %lld started, and was put back",
			  (long long)token->job);
		return;
	}
	token->fate = FATE_LOST;
	sim->stats.charged++;
	store->charged = grown(store->charged, &store->charged_room,
			       (size_t)token->worker + 1,
			       sizeof(*store->charged));
	if (row->facts.once)
		return;
	for (size_t i = 0; i < store->live_count; i++) {
		const struct sim_row *other = sim_store_row(sim,
							    store->live[i]);

		sim_check(sim,
			  other->worker != token->worker ||
				  other->token >= row->token,
			  "job %lld is charged, an older one of its worker "
			  "has not ended",
			  (long long)token->job);
	}
	sim_check(sim, ++store->charged[token->worker] == 1,
		  "worker %lld: more than its first job is charged",
		  (long long)token->worker);
}

static void check_attempt(struct sim *sim, const struct job_facts *before,
			  const struct job_facts *after, enum job_event event)
{
	uint32_t expected = before->attempt;

	expected += event == JOB_CLAIM;
	expected -= event == JOB_PUT_BACK;
	sim_check(sim, after->attempt == expected, "attempt went from %u to %u",
		  before->attempt, after->attempt);
	sim_check(sim,
		  after->crashes >= before->crashes &&
			  after->crashes <= after->crash_limit,
		  "crashes went from %u to %u", before->crashes,
		  after->crashes);
	sim_check(sim, !state_is_end(before->state) || event == JOB_RETRY,
		  "an end was left");
	sim_check(sim, event != JOB_EXPIRE || before->state != STATE_RUNNING,
		  "what runs expired");
	sim_check(sim,
		  event != JOB_STRAND || (before->state != STATE_RUNNING &&
					  after->state == STATE_FAILED),
		  "what was stranded ran, or did not fail");
}

/* The only place where a row changes. */
static bool row_step(struct sim *sim, struct sim_batch *batch, int64_t job,
		     enum job_event event, enum job_cause cause, bool *ret_kill)
{
	struct sim_store *store = &sim->store;
	struct sim_row *row = sim_store_row(sim, job);
	struct job_step step;

	if (job_step(&row->facts, event, cause, sim->wall_ms, &step))
		return false;
	check_attempt(sim, &row->facts, &step.facts, event);
	count(store, row, -1);
	if (row->token && step.facts.state != STATE_RUNNING) {
		settle_token(sim, row, event);
		row->token = row->worker = 0;
	}
	row->facts = step.facts;
	row->cause = step.cause;
	count(store, row, 1);
	if (step.facts.state == STATE_READY)
		row->seq = ++store->next_seq;
	if (step.ended) {
		batch->ended[batch->ended_count++] = job;
		sim->stats.ends[step.facts.state]++;
	}
	*ret_kill = step.kill;
	return true;
}

/* ---- The parts of a batch, in their order ---- */

static void commit_workers(struct sim *sim, const struct sim_batch *batch)
{
	struct sim_store *store = &sim->store;

	for (size_t i = 0; i < batch->worker_count; i++) {
		if (sim_store_worker(sim, batch->workers[i].id))
			continue;
		require(store->worker_count < ARRAY_COUNT(store->workers));
		store->workers[store->worker_count++] = batch->workers[i];
	}
}

static void commit_outcomes(struct sim *sim, struct sim_batch *batch)
{
	for (size_t i = 0; i < batch->outcome_count; i++) {
		const struct sim_outcome *outcome = &batch->outcomes[i];
		const struct sim_row *row = sim_store_row(sim, outcome->job);
		bool kill;

		/* The token is the fence: a second result means nothing. */
		if (row->token != outcome->token)
			continue;
		if (!row_step(sim, batch, outcome->job, outcome->event,
			      outcome->cause, &kill))
			sim_fail(sim, "an outcome means nothing to job %lld",
				 (long long)outcome->job);
	}
}

static void commit_gone(struct sim *sim, const struct sim_batch *batch)
{
	struct sim_store *store = &sim->store;

	for (size_t i = 0; i < batch->gone_count; i++) {
		struct sim_worker_row *row = sim_store_worker(sim,
							      batch->gone[i]);

		if (!row)
			continue;
		for (size_t j = 0; j < store->live_count; j++)
			sim_check(sim,
				  sim_store_row(sim, store->live[j])->worker !=
					  row->id,
				  "a running job names a forgotten worker");
		*row = store->workers[--store->worker_count];
	}
}

/* Descriptors of a broker that is gone went with it. */
static void commit_strand(struct sim *sim, struct sim_batch *batch)
{
	struct sim_store *store = &sim->store;

	if (!batch->strand)
		return;
	store->begun = sim->broker.generation;
	store->begun_seq = store->next_seq;
	for (size_t i = 0; i < store->live_count; i++) {
		const struct sim_row *row = sim_store_row(sim, store->live[i]);
		bool kill;

		if (!row->carried || row->facts.state == STATE_RUNNING ||
		    state_is_end(row->facts.state) ||
		    sim->broken == SIM_FORGET_STRAND)
			continue;
		require(row_step(sim, batch, store->live[i], JOB_STRAND,
				 CAUSE_NONE, &kill));
		sim_check(sim, row->cause == CAUSE_EXEC,
			  "job %lld is stranded, and does not say so",
			  (long long)store->live[i]);
		sim->stats.stranded++;
	}
}

static bool ends_in(const struct sim_batch *batch, int64_t job)
{
	for (size_t i = 0; i < batch->ended_count; i++) {
		if (batch->ended[i] == job)
			return true;
	}
	return false;
}

/* An end that was told is no end any more. */
static void revive(struct sim *sim, struct sim_batch *batch,
		   const struct sim_steer *steer)
{
	struct sim_store *store = &sim->store;
	struct sim_row *row = sim_store_row(sim, steer->job);
	int64_t run_at_ms = row->facts.run_at_ms;
	bool once = row->facts.once, kill;

	/* Who waits for the end that this very batch brings hears of it; and
	 * descriptors do not come back. */
	if (ends_in(batch, steer->job) || row->carried)
		return;
	row->facts.run_at_ms = steer->delay_ms ? sim->wall_ms + steer->delay_ms
					       : 0;
	if (sim->broken == SIM_RETRY_ONCE && once && row->facts.attempt) {
		row->facts.once = false;
		row->facts.attempt = row->facts.crashes = 0;
	}
	if (!row_step(sim, batch, steer->job, JOB_RETRY, CAUSE_NONE, &kill)) {
		row->facts.run_at_ms = run_at_ms;
		return;
	}
	row->facts.once = once;
	if (sim->broken == SIM_RETRY_UNCOUNTED)
		store->counts[row->facts.state]--;
	row->seen = false;
	row->expire_ms = 0;
	store->live = grown(store->live, &store->live_room,
			    store->live_count + 1, sizeof(*store->live));
	store->live[store->live_count++] = steer->job;
	sim->stats.retried++;
}

static void change(struct sim *sim, struct sim_batch *batch,
		   const struct sim_steer *steer)
{
	struct sim_row *row = sim_store_row(sim, steer->job);
	int64_t run_at_ms = row->facts.run_at_ms;
	bool kill;

	row->facts.run_at_ms = steer->delay_ms ? sim->wall_ms + steer->delay_ms
					       : 0;
	if (!row_step(sim, batch, steer->job, JOB_CHANGE, CAUSE_NONE, &kill))
		row->facts.run_at_ms = run_at_ms;
}

static void commit_steers(struct sim *sim, struct sim_batch *batch)
{
	for (size_t i = 0; i < batch->steer_count; i++) {
		const struct sim_steer *steer = &batch->steers[i];
		const struct sim_row *row;
		bool kill;

		if (steer->event == JOB_RETRY)
			revive(sim, batch, steer);
		else if (steer->event == JOB_CHANGE)
			change(sim, batch, steer);
		if (steer->event == JOB_RETRY || steer->event == JOB_CHANGE ||
		    !row_step(sim, batch, steer->job, steer->event, CAUSE_NONE,
			      &kill) ||
		    !kill)
			continue;
		row = sim_store_row(sim, steer->job);
		batch->signals[batch->signal_count++] = (struct sim_outcome){
			.job = steer->job,
			.token = row->token,
			.worker = row->worker,
		};
	}
}

static void commit_entries(struct sim *sim, struct sim_batch *batch)
{
	struct sim_store *store = &sim->store;

	for (size_t i = 0; i < batch->entry_count; i++) {
		struct sim_entry *entry = &batch->entries[i];
		struct job_facts *facts = &entry->row.facts;

		facts->run_at_ms = entry->delay_ms
					   ? sim->wall_ms + entry->delay_ms
					   : 0;
		if (entry->carries)
			entry->row.carried = sim->broker.generation;
		if (entry->expire_ms)
			entry->row.expire_ms = sim->wall_ms + entry->expire_ms;
		facts->state = job_first_state(entry->hold, false,
					       facts->run_at_ms, sim->wall_ms);
		job_facts_check(facts);
		store->rows = grown(store->rows, &store->row_room,
				    store->row_count + 1, sizeof(*store->rows));
		entry->row.seq = ++store->next_seq;
		store->rows[store->row_count++] = entry->row;
		count(store, &entry->row, 1);
		store->live = grown(store->live, &store->live_room,
				    store->live_count + 1,
				    sizeof(*store->live));
		store->live[store->live_count++] = (int64_t)store->row_count;
		store->calls = grown(store->calls, &store->call_room,
				     entry->call + 1, sizeof(*store->calls));
		store->calls[entry->call] = (int64_t)store->row_count;
		sim->stats.submitted++;
	}
}

static bool has_expired(struct sim *sim, int64_t job)
{
	const struct sim_row *row = sim_store_row(sim, job);

	return row->expire_ms && row->expire_ms <= sim->wall_ms &&
	       row->facts.state != STATE_RUNNING &&
	       !state_is_end(row->facts.state);
}

static void commit_due(struct sim *sim, struct sim_batch *batch)
{
	for (size_t i = 0; i < sim->store.live_count; i++) {
		int64_t job = sim->store.live[i];
		const struct job_facts *facts = &sim_store_row(sim, job)->facts;
		bool kill;

		if (has_expired(sim, job) && sim->broken != SIM_FORGET_EXPIRY) {
			require(row_step(sim, batch, job, JOB_EXPIRE,
					 CAUSE_NONE, &kill));
			sim->stats.expired++;
			continue;
		}
		if (facts->state == STATE_SCHEDULED &&
		    facts->run_at_ms <= sim->wall_ms)
			require(row_step(sim, batch, job, JOB_DUE, CAUSE_NONE,
					 &kill));
	}
}

/* The next of a lane: higher priority first, then the older. */
static int64_t next_ready(struct sim *sim, uint32_t lane)
{
	const struct sim_row *best = NULL;
	int64_t found = 0;

	for (size_t i = 0; i < sim->store.live_count; i++) {
		const struct sim_row *row = sim_store_row(sim,
							  sim->store.live[i]);

		if (row->facts.state != STATE_READY || row->lane != lane)
			continue;
		if (best &&
		    (row->priority < best->priority ||
		     (row->priority == best->priority && row->seq > best->seq)))
			continue;
		best = row;
		found = sim->store.live[i];
	}
	return found;
}

static void claim(struct sim *sim, struct sim_batch *batch, int64_t job,
		  int64_t worker)
{
	struct sim_store *store = &sim->store;
	struct sim_row *row = sim_store_row(sim, job);
	bool kill;

	sim_check(sim, !row->facts.once || row->starts == 0,
		  "once job %lld is claimed after it started", (long long)job);
	sim_check(sim, !has_expired(sim, job),
		  "job %lld is claimed after it expired", (long long)job);
	require(row_step(sim, batch, job, JOB_CLAIM, CAUSE_NONE, &kill));
	store->tokens = grown(store->tokens, &store->token_room,
			      store->token_count + 2, sizeof(*store->tokens));
	row->token = (int64_t)++store->token_count;
	row->worker = worker;
	store->tokens[row->token] = (struct sim_token){
		.job = job,
		.worker = worker,
		.claimed = sim->broker.generation,
	};
	batch->claims[batch->claim_count++] = (struct sim_claim){
		.as = {.job = job, .token = row->token, .worker = worker},
		.lane = row->lane,
		.attempt = row->facts.attempt,
		.once = row->facts.once,
	};
}

static void commit_claims(struct sim *sim, struct sim_batch *batch)
{
	for (size_t i = 0; i < batch->want_count; i++) {
		uint32_t lane = (uint32_t)batch->wants[i].lane->id;

		for (uint32_t n = 0; n < batch->wants[i].max; n++) {
			int64_t job = next_ready(sim, lane);

			if (!job)
				break;
			claim(sim, batch, job, batch->want_workers[i]);
		}
	}
}

static void bury_ended(struct sim *sim)
{
	struct sim_store *store = &sim->store;
	size_t kept = 0;

	for (size_t i = 0; i < store->live_count; i++) {
		int64_t job = store->live[i];

		if (!state_is_end(sim_store_row(sim, job)->facts.state))
			store->live[kept++] = job;
	}
	store->live_count = kept;
}

void sim_store_commit(struct sim *sim, struct sim_batch *batch)
{
	sim->stats.batches++;
	commit_workers(sim, batch);
	commit_outcomes(sim, batch);
	commit_gone(sim, batch);
	commit_strand(sim, batch);
	commit_steers(sim, batch);
	commit_entries(sim, batch);
	commit_due(sim, batch);
	commit_claims(sim, batch);
	bury_ended(sim);
}

void sim_store_fini(struct sim_store *store)
{
	free(store->rows);
	free(store->live);
	free(store->tokens);
	free(store->charged);
	free(store->calls);
	*store = (struct sim_store){0};
}
