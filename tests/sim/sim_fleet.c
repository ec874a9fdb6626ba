#include "daemon/core/adopt.h"
#include "tests/sim/sim.h"

static struct sim_hand *hand_of(struct sim *sim,
				const struct sim_worker *worker)
{
	return &sim->broker.hands[worker - sim->workers];
}

static struct sim_worker *worker_of(struct sim *sim,
				    const struct sim_hand *hand)
{
	return &sim->workers[hand - sim->broker.hands];
}

struct sim_hand *sim_fleet_find(struct sim *sim, int64_t id)
{
	for (int i = 0; i < SIM_WORKERS; i++) {
		struct sim_hand *hand = &sim->broker.hands[i];

		if (hand->used && hand->id == id)
			return hand;
	}
	return NULL;
}

static struct sim_hand *hand_new(struct sim *sim, struct sim_worker *worker)
{
	struct sim_hand *hand = hand_of(sim, worker);

	*hand = (struct sim_hand){.used = true, .id = worker->id};
	hand->blind = true;
	hand->since_ns = sim->now_ns;
	TAILQ_INIT(&hand->adopted);
	return hand;
}

void sim_broker_born(struct sim *sim, struct sim_worker *worker)
{
	if (sim->broker.phase != BROKER_DOWN)
		hand_new(sim, worker)->blind = false;
}

static void tell(struct sim *sim, struct sim_hand *hand, enum sim_word word,
		 const struct sim_outcome *as, uint32_t attempt)
{
	struct sim_worker *worker = worker_of(sim, hand);
	struct sim_message message = {word, *as, attempt};

	if (hand->linked && worker->alive)
		sim_queue_push(&worker->to_worker, &message);
}

static struct sim_outcome outcome_of(const struct sim_hand *hand,
				     const struct sched_job *job)
{
	return (struct sim_outcome){
		.job = job->id,
		.token = job->token,
		.worker = hand->id,
		.run_ns = -1,
	};
}

static void put_back(struct sim *sim, const struct sim_hand *hand,
		     const struct sched_job *job)
{
	struct sim_outcome outcome = outcome_of(hand, job);

	outcome.event = JOB_PUT_BACK;
	sim_broker_add(sim, &outcome);
}

/* All are listed, so that a run that failed midway can be cleared away. */
static struct sim_given *given_new(struct sim *sim)
{
	struct sim_given *given = calloc(1, sizeof(*given));

	require(given);
	LIST_INSERT_HEAD(&sim->broker.given, given, all);
	return given;
}

static void given_free(struct sim_given *given)
{
	LIST_REMOVE(given, all);
	free(given);
}

/* Whatever is in results/ has ended; of one worker, or (0) of all. */
static void import(struct sim *sim, int64_t worker)
{
	for (size_t i = 0; i < sim->store.result_count; i++) {
		const struct sim_outcome *result = &sim->store.results[i];

		if (sim->broken == SIM_IGNORE_RESULTS ||
		    (worker && result->worker != worker))
			continue;
		sim_broker_add(sim, result);
		sim->stats.imported++;
	}
}

static bool has_result(struct sim *sim, int64_t token)
{
	return sim->broken != SIM_IGNORE_RESULTS &&
	       sim_store_result(sim, token);
}

/* ---- Death ---- */

/* What becomes of a job whose worker is gone. */
static void judge(struct sim *sim, const struct sim_hand *hand,
		  struct sim_given *given, const struct sim_worker_row *row,
		  bool first)
{
	struct sim_outcome outcome = outcome_of(hand, &given->sched);
	struct adopt_facts facts = {
		.same_boot = !row || row->boot == sim->boot,
		.first = first || sim->broken == SIM_CHARGE_ALL,
		.once = given->once && sim->broken != SIM_ONCE_PUT_BACK,
		.unbegun = !hand->blind &&
			   (!given->begun || sim->broken == SIM_TRUST_READY),
	};

	outcome.event = JOB_LOST;
	switch (adopt_decide(&facts)) {
	case ADOPT_HOST_LOST:
		outcome.cause = CAUSE_HOST_LOST;
		break;
	case ADOPT_WORKER_LOST:
		outcome.cause = CAUSE_WORKER_LOST;
		break;
	case ADOPT_PUT_BACK:
		outcome.event = JOB_PUT_BACK;
		break;
	case ADOPT_WAIT:
	case ADOPT_KEEP:
	default:
		sim_fail(sim, "a dead worker is waited for");
	}
	if (!given->sent)
		outcome.event = JOB_PUT_BACK;
	/* It did not stop, so its worker was stopped. */
	if (outcome.event == JOB_LOST)
		sim_overrun_judge(given, &outcome);
	sim_broker_add(sim, &outcome);
}

/* Jobs whose end was in results/: what is left did not end, and the first of
 * that is the one that had started. */
static void drop_ended(struct sim *sim, struct sim_hand *hand)
{
	struct sched_job *job, *next;

	for (job = TAILQ_FIRST(&hand->adopted); job; job = next) {
		next = TAILQ_NEXT(job, link);
		if (!has_result(sim, job->token))
			continue;
		TAILQ_REMOVE(&hand->adopted, job, link);
		given_free((struct sim_given *)job);
	}
	if (!hand->scheduled)
		return;
	for (job = TAILQ_FIRST(&hand->sched.jobs); job; job = next) {
		next = TAILQ_NEXT(job, link);
		if (!has_result(sim, job->token))
			continue;
		sched_end(&sim->broker.sched, &hand->sched, job, -1,
			  sim->now_ns);
		given_free((struct sim_given *)job);
	}
}

static void hand_end(struct sim *sim, struct sim_hand *hand)
{
	struct sched_job *job;
	bool first = true;

	sim_trace(sim, "broker: worker %lld is gone", (long long)hand->id);
	hand->dead = true;
	hand->linked = false;
	import(sim, hand->id); /* it may have filed what it could not say */
	drop_ended(sim, hand);
	while ((job = TAILQ_FIRST(&hand->adopted))) {
		TAILQ_REMOVE(&hand->adopted, job, link);
		judge(sim, hand, (struct sim_given *)job, NULL, first);
		given_free((struct sim_given *)job);
		first = false;
	}
	while (hand->scheduled &&
	       (job = sched_worker_lost(&sim->broker.sched, &hand->sched,
					&first))) {
		judge(sim, hand, (struct sim_given *)job, NULL, first);
		given_free((struct sim_given *)job);
	}
	sim_broker_gone(sim, hand->id);
}

static void hand_release(struct sim *sim, struct sim_hand *hand)
{
	if (hand->sched.asked)
		return;
	if (hand->scheduled)
		sched_worker_remove(&sim->broker.sched, &hand->sched);
	*hand = (struct sim_hand){0};
}

void sim_fleet_notice(struct sim *sim, struct sim_worker *worker)
{
	struct sim_hand *hand = hand_of(sim, worker);

	if (!hand->used || worker->alive)
		return;
	/* Its connection may still hold results that it wrote before. */
	if (worker->to_broker.count && sim->broken != SIM_HASTY_DEATH) {
		sim_fleet_read(sim, worker);
		return;
	}
	if (!hand->dead)
		hand_end(sim, hand);
	hand_release(sim, hand);
}

/* ---- Birth and return ---- */

static bool holds(const struct sim_worker *worker, struct sim_given *given)
{
	for (size_t i = 0; i < worker->holding_count; i++) {
		if (worker->holding[i].token != given->sched.token)
			continue;
		given->begun = worker->holding[i].begun;
		return true;
	}
	return false;
}

static void return_one(struct sim *sim, struct sim_hand *hand,
		       struct sim_worker *worker, struct sim_given *given,
		       bool scheduled)
{
	struct sched *sched = &sim->broker.sched;
	struct sim_outcome as = outcome_of(hand, &given->sched);
	struct adopt_facts facts = {
		.same_boot = true,
		.worker_alive = true,
		.dialled_in = true,
		.holds = holds(worker, given),
		.once = given->once,
	};

	switch (adopt_decide(&facts)) {
	case ADOPT_KEEP:
		if (!scheduled) {
			sched_give(sched, &hand->sched, &given->sched,
				   sim->now_ns);
			sim->stats.adopted++;
		}
		if ((given->cancel || given->overrun.stage != OVERRUN_RUNS) &&
		    sim->broken != SIM_FORGET_CANCEL)
			tell(sim, hand, WORD_CANCEL, &as, 0);
		return;
	case ADOPT_PUT_BACK:
		put_back(sim, hand, &given->sched);
		if (scheduled)
			sched_end(sched, &hand->sched, &given->sched, -1,
				  sim->now_ns);
		given_free(given);
		return;
	case ADOPT_HOST_LOST:
	case ADOPT_WORKER_LOST:
	case ADOPT_WAIT:
	default:
		sim_fail(sim, "a worker that dialled in is judged as dead");
	}
}

static void on_ready(struct sim *sim, struct sim_worker *worker)
{
	struct sim_hand *hand = hand_of(sim, worker);
	struct sched_job *job, *next;

	hand->linked = true;
	hand->blind = false;
	if (!hand->scheduled)
		sched_worker_add(&sim->broker.sched, &hand->sched,
				 sim_pool(sim, worker->slot),
				 sim->credit_limit);
	hand->scheduled = true;
	if (sim_worker_leaving(sim, worker) && !hand->sched.leaving)
		sched_worker_leave(&sim->broker.sched, &hand->sched);
	for (job = TAILQ_FIRST(&hand->sched.jobs); job; job = next) {
		next = TAILQ_NEXT(job, link);
		return_one(sim, hand, worker, (struct sim_given *)job, true);
	}
	while ((job = TAILQ_FIRST(&hand->adopted))) {
		TAILQ_REMOVE(&hand->adopted, job, link);
		return_one(sim, hand, worker, (struct sim_given *)job, false);
	}
}

static void on_done(struct sim *sim, struct sim_hand *hand,
		    const struct sim_outcome *as)
{
	struct sched_job *job = NULL;
	struct sim_outcome outcome = *as;

	if (hand->scheduled)
		job = sched_find(&hand->sched, as->token);
	if (job && as->event == JOB_FAIL)
		sim_overrun_judge((struct sim_given *)job, &outcome);
	if (job) {
		sched_end(&sim->broker.sched, &hand->sched, job, as->run_ns,
			  sim->now_ns);
		given_free((struct sim_given *)job);
	}
	/* Also one that is known already: what was heard before may not be
	 * durable yet, and `settled` lets the worker forget it. */
	outcome.by_worker = true;
	if (as->event != JOB_PUT_BACK &&
	    sim->broken == SIM_SETTLE_BEFORE_COMMIT)
		tell(sim, hand, WORD_SETTLED, as, 0);
	sim_broker_add(sim, &outcome);
}

bool sim_fleet_read(struct sim *sim, struct sim_worker *worker)
{
	struct sim_hand *hand = hand_of(sim, worker);
	struct sim_message message;

	if (!hand->used || !sim_queue_pop(&worker->to_broker, &message))
		return false;
	require(hand->linked || message.word == WORD_READY);
	switch (message.word) {
	case WORD_READY:
		on_ready(sim, worker);
		break;
	case WORD_PUT_BACK:
		message.as.event = JOB_PUT_BACK;
		message.as.run_ns = -1;
		on_done(sim, hand, &message.as);
		break;
	case WORD_DONE:
		on_done(sim, hand, &message.as);
		break;
	case WORD_JOB:
	case WORD_CANCEL:
	case WORD_RECALL:
	case WORD_SETTLED:
	default:
		sim_fail(sim, "a broker was told word %d", (int)message.word);
	}
	return true;
}

void sim_broker_close_link(struct sim *sim, struct sim_worker *worker)
{
	struct sim_hand *hand = hand_of(sim, worker);

	if (!hand->used || !worker->alive || !worker->connected ||
	    worker->peer_closed)
		return;
	sim_trace(sim, "broker closes on worker %lld", (long long)hand->id);
	worker->peer_closed = true;
	worker->to_broker.count = worker->to_broker.first = 0;
	hand->linked = false;
	hand->blind = true;
}

/* ---- Work ---- */

/* It came back from a worker that an earlier broker had given it to. */
static bool is_stranded(struct sim *sim, int64_t job)
{
	uint64_t carried = sim_store_row(sim, job)->carried;

	return carried && carried != sim->broker.generation &&
	       sim->broken != SIM_GIVE_STRANDED;
}

void sim_fleet_give(struct sim *sim, const struct sim_claim *claim)
{
	struct sim_hand *hand = sim_fleet_find(sim, claim->as.worker);
	struct sim_given *given;

	if (is_stranded(sim, claim->as.job)) {
		struct sim_outcome outcome = claim->as;

		outcome.event = JOB_FAIL;
		outcome.cause = CAUSE_EXEC;
		sim_broker_add(sim, &outcome);
		sim->stats.stranded++;
		return;
	}
	if (!hand || hand->dead) {
		struct sim_outcome outcome = claim->as;

		outcome.event = JOB_PUT_BACK;
		sim_broker_add(sim, &outcome);
		return;
	}
	given = given_new(sim);
	given->sched.id = claim->as.job;
	given->sched.token = claim->as.token;
	given->sched.lane = &sim->broker.lanes[claim->lane];
	given->once = claim->once;
	given->sent = hand->linked;
	sim_overrun_begin(sim, given);
	sched_give(&sim->broker.sched, &hand->sched, &given->sched,
		   sim->now_ns);
	if (sim->broken != SIM_DISPATCH_BEFORE_COMMIT)
		tell(sim, hand, WORD_JOB, &claim->as, claim->attempt);
}

void sim_fleet_cancel(struct sim *sim, const struct sim_outcome *signal)
{
	struct sim_hand *hand = sim_fleet_find(sim, signal->worker);
	struct sched_job *job = NULL;

	if (!hand)
		return;
	if (hand->scheduled)
		job = sched_find(&hand->sched, signal->token);
	if (!job) {
		TAILQ_FOREACH (job, &hand->adopted, link) {
			if (job->token == signal->token)
				break;
		}
	}
	/* It may be away: it hears it when it dials in. */
	if (job) {
		((struct sim_given *)job)->cancel = true;
		sim_overrun_ask(sim, (struct sim_given *)job);
	}
	tell(sim, hand, WORD_CANCEL, signal, 0);
}

struct sim_given *sim_fleet_head(struct sim_hand *hand, int64_t *ret_since_ns)
{
	struct sched_job *job = TAILQ_FIRST(&hand->adopted);

	*ret_since_ns = hand->since_ns;
	if (!job && hand->scheduled) {
		job = TAILQ_FIRST(&hand->sched.jobs);
		*ret_since_ns = hand->sched.head_since_ns;
	}
	return (struct sim_given *)job;
}

void sim_fleet_recall(struct sim *sim)
{
	struct sched_recalled found[8];
	int64_t next_ns;
	size_t count = sched_recall(&sim->broker.sched, sim->now_ns, found,
				    ARRAY_COUNT(found), &next_ns);

	for (size_t i = 0; i < count; i++) {
		struct sim_hand *hand =
			(struct sim_hand *)((char *)found[i].worker -
					    offsetof(struct sim_hand, sched));
		struct sim_outcome as = outcome_of(hand, found[i].job);

		tell(sim, hand, WORD_RECALL, &as, 0);
		sim->stats.recalled++;
	}
}

/* ---- Adoption ---- */

static struct sim_worker *process_of(struct sim *sim,
				     const struct sim_worker_row *row)
{
	for (int i = 0; i < SIM_WORKERS; i++) {
		struct sim_worker *worker = &sim->workers[i];

		if (worker->alive && worker->pid == row->pid &&
		    (worker->start_ticks == row->start_ticks ||
		     sim->broken == SIM_PID_ONLY))
			return worker;
	}
	return NULL;
}

static void adopt_row(struct sim *sim, const struct sim_row *row, int64_t job,
		      bool first)
{
	const struct sim_worker_row *known = sim_store_worker(sim, row->worker);
	struct sim_worker *worker;
	struct sim_given *given = given_new(sim);
	struct sim_hand *hand;

	sim_check(sim, known, "job %lld runs on a worker without a row",
		  (long long)job);
	given->sched.id = job;
	given->sched.token = row->token;
	given->once = row->facts.once;
	given->sent = true;
	given->cancel = row->facts.cancel_asked;
	worker = known->boot == sim->boot ? process_of(sim, known) : NULL;
	if (worker && sim->broken == SIM_FORGET_WAITING) {
		given_free(given);
		return;
	}
	if (worker) {
		hand = hand_of(sim, worker);
		hand->row_known = true;
		sim_overrun_begin(sim, given);
		if (given->cancel)
			sim_overrun_ask(sim, given);
		TAILQ_INSERT_TAIL(&hand->adopted, &given->sched, link);
		return;
	}
	judge(sim, &(struct sim_hand){.id = row->worker, .blind = true}, given,
	      known, first);
	given_free(given);
}

/* The running row with the next higher token. */
static const struct sim_row *next_running(struct sim *sim, int64_t after,
					  int64_t *ret_job)
{
	const struct sim_row *best = NULL;

	for (size_t i = 0; i < sim->store.live_count; i++) {
		const struct sim_row *row = sim_store_row(sim,
							  sim->store.live[i]);

		if (row->token <= after || (best && row->token > best->token))
			continue;
		best = row;
		*ret_job = sim->store.live[i];
	}
	return best;
}

/* Has its worker an older attempt that is running and left no result? */
static bool is_first(struct sim *sim, const struct sim_row *row)
{
	for (size_t i = 0; i < sim->store.live_count; i++) {
		const struct sim_row *other = sim_store_row(sim,
							    sim->store.live[i]);

		if (other->worker == row->worker && other->token < row->token &&
		    !sim_store_result(sim, other->token))
			return false;
	}
	return true;
}

void sim_fleet_adopt(struct sim *sim)
{
	const struct sim_row *row;
	int64_t job, after = 0;

	import(sim, 0);
	for (int i = 0; i < SIM_WORKERS; i++) {
		if (sim->workers[i].alive)
			hand_new(sim, &sim->workers[i]);
	}
	for (size_t i = 0; i < sim->store.worker_count; i++) {
		const struct sim_worker_row *known = &sim->store.workers[i];

		if (known->boot != sim->boot || !process_of(sim, known))
			sim_broker_gone(sim, known->id);
	}
	while ((row = next_running(sim, after, &job))) {
		after = row->token;
		if (has_result(sim, row->token))
			continue;
		adopt_row(sim, row, job, is_first(sim, row));
	}
}

void sim_fleet_clear(struct sim *sim)
{
	for (int i = 0; i < SIM_WORKERS; i++) {
		struct sim_hand *hand = &sim->broker.hands[i];
		struct sched_job *job;
		bool charged;

		while (hand->used && (job = TAILQ_FIRST(&hand->adopted))) {
			TAILQ_REMOVE(&hand->adopted, job, link);
			given_free((struct sim_given *)job);
		}
		while (hand->scheduled &&
		       (job = sched_worker_lost(&sim->broker.sched,
						&hand->sched, &charged)))
			given_free((struct sim_given *)job);
		if (hand->scheduled)
			sched_worker_remove(&sim->broker.sched, &hand->sched);
		*hand = (struct sim_hand){0};
	}
}
