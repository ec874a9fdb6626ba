#include "daemon/core/sched.h"

void sched_init(struct sched *sched)
{
	*sched = (struct sched){0};
	TAILQ_INIT(&sched->incoming);
	for (size_t i = 0; i < SCHED_POOLS_MAX; i++) {
		TAILQ_INIT(&sched->pools[i].workers);
		TAILQ_INIT(&sched->pools[i].lanes);
	}
}

void sched_fini(struct sched *sched)
{
	require(sched->lane_count == 0 && sched->worker_count == 0);
	require(TAILQ_EMPTY(&sched->incoming));
	for (size_t i = 0; i < SCHED_POOLS_MAX; i++)
		require(sched->pools[i].open == 0);
}

/* ---- Lanes ---- */

/* Only lanes with something to want are in the rotation. */
static void lane_update(struct sched *sched, struct sched_lane *lane)
{
	struct sched_pool *pool = &sched->pools[lane->pool];
	uint64_t all = lane->ready + lane->incoming;
	uint64_t open = all > lane->asked ? all - lane->asked : 0;

	if (lane->paused)
		open = 0;
	pool->open = pool->open - lane->open + open;
	lane->open = open;
	if (open && !lane->linked)
		TAILQ_INSERT_TAIL(&pool->lanes, lane, link);
	else if (!open && lane->linked)
		TAILQ_REMOVE(&pool->lanes, lane, link);
	lane->linked = open > 0;
}

void sched_lane_add(struct sched *sched, struct sched_lane *lane, int32_t id,
		    uint32_t pool)
{
	require(pool < SCHED_POOLS_MAX);
	*lane = (struct sched_lane){.id = id, .pool = pool};
	sched->lane_count++;
}

void sched_lane_move(struct sched *sched, struct sched_lane *lane,
		     uint32_t pool)
{
	struct sched_pool *from = &sched->pools[lane->pool];

	require(pool < SCHED_POOLS_MAX);
	if (lane->linked)
		TAILQ_REMOVE(&from->lanes, lane, link);
	from->open -= lane->open;
	lane->linked = false;
	lane->open = 0;
	lane->pool = pool;
	lane_update(sched, lane);
}

void sched_lane_remove(struct sched *sched, struct sched_lane *lane)
{
	require(lane->asked == 0 && sched->lane_count > 0);
	if (lane->incoming)
		TAILQ_REMOVE(&sched->incoming, lane, incoming_link);
	lane->incoming = 0;
	lane->ready = 0;
	lane_update(sched, lane);
	sched->lane_count--;
}

void sched_lane_ready(struct sched *sched, struct sched_lane *lane,
		      uint64_t ready)
{
	lane->ready = ready;
	lane_update(sched, lane);
}

void sched_lane_incoming(struct sched *sched, struct sched_lane *lane,
			 uint64_t count)
{
	if (!count)
		return;
	if (!lane->incoming)
		TAILQ_INSERT_TAIL(&sched->incoming, lane, incoming_link);
	lane->incoming += count;
	lane_update(sched, lane);
}

void sched_lane_pause(struct sched *sched, struct sched_lane *lane, bool paused)
{
	lane->paused = paused;
	lane_update(sched, lane);
}

void sched_pool_pause(struct sched *sched, uint32_t pool, bool paused)
{
	require(pool < SCHED_POOLS_MAX);
	sched->pools[pool].paused = paused;
}

/* ---- Workers ---- */

static uint32_t worker_load(const struct sched_worker *worker)
{
	return worker->job_count + worker->asked;
}

static uint32_t worker_free(const struct sched_worker *worker)
{
	uint32_t load = worker_load(worker);

	if (worker->leaving || worker->resting || load >= worker->credit.jobs)
		return 0;
	return worker->credit.jobs - load;
}

/* Idle workers stand first, so that looking for one need not pass the busy. */
static void worker_place(struct sched *sched, struct sched_worker *worker)
{
	struct sched_pool *pool = &sched->pools[worker->pool];
	bool busy = !worker->leaving && worker_load(worker);

	pool->busy = pool->busy - worker->busy + busy;
	worker->busy = busy;
	TAILQ_REMOVE(&pool->workers, worker, link);
	if (worker->leaving || worker->resting || worker_load(worker))
		TAILQ_INSERT_TAIL(&pool->workers, worker, link);
	else
		TAILQ_INSERT_HEAD(&pool->workers, worker, link);
}

/* Only the step between idle and busy moves it. */
static void worker_load_changed(struct sched *sched,
				struct sched_worker *worker, bool was_idle)
{
	if (was_idle != (worker_load(worker) == 0))
		worker_place(sched, worker);
}

void sched_worker_add(struct sched *sched, struct sched_worker *worker,
		      uint32_t pool, uint32_t credit_limit)
{
	require(pool < SCHED_POOLS_MAX);
	*worker = (struct sched_worker){.pool = pool};
	credit_init(&worker->credit, credit_limit);
	TAILQ_INIT(&worker->jobs);
	TAILQ_INSERT_HEAD(&sched->pools[pool].workers, worker, link);
	sched->pools[pool].serving++;
	sched->worker_count++;
}

void sched_worker_rest(struct sched *sched, struct sched_worker *worker,
		       bool resting)
{
	worker->resting = resting;
	worker_place(sched, worker);
}

void sched_worker_concurrent(struct sched_worker *worker, uint32_t jobs)
{
	require(jobs >= 1 && jobs <= SCHED_CONCURRENT_MAX);
	worker->concurrent = true;
	worker->credit.jobs = worker->credit.limit = jobs;
}

void sched_worker_leave(struct sched *sched, struct sched_worker *worker)
{
	if (!worker->leaving)
		sched->pools[worker->pool].serving--;
	worker->leaving = true;
	worker_place(sched, worker);
}

struct sched_job *sched_worker_lost(struct sched *sched,
				    struct sched_worker *worker,
				    bool *ret_charged)
{
	struct sched_job *job = TAILQ_FIRST(&worker->jobs);

	if (!worker->leaving)
		sched_worker_leave(sched, worker);
	if (!job)
		return NULL;
	*ret_charged = worker->concurrent || !worker->lost;
	worker->lost = true;
	TAILQ_REMOVE(&worker->jobs, job, link);
	worker->job_count--;
	return job;
}

void sched_worker_remove(struct sched *sched, struct sched_worker *worker)
{
	require(worker->job_count == 0 && TAILQ_EMPTY(&worker->jobs));
	require(worker->asked == 0 && sched->worker_count > 0);
	if (!worker->leaving)
		sched_worker_leave(sched, worker);
	TAILQ_REMOVE(&sched->pools[worker->pool].workers, worker, link);
	sched->worker_count--;
}

/* ---- Wants ---- */

/* What is written into, while one plan is made. */
struct plan {
	struct sched *sched;
	struct sched_want *wants;
	size_t room, count;
	size_t worker_first; /* where the wants of this worker begin */
};

static bool plan_full(const struct plan *plan)
{
	return plan->count == plan->room;
}

/* A want of the lane for the worker; its earlier one grows if there is one. */
static void plan_want(struct plan *plan, struct sched_lane *lane,
		      struct sched_worker *worker, uint32_t jobs)
{
	struct sched_pool *pool = &plan->sched->pools[lane->pool];
	size_t i = plan->worker_first;

	require(jobs > 0 && jobs <= lane->open);
	while (i < plan->count && plan->wants[i].lane != lane)
		i++;
	if (i == plan->count)
		plan->wants[plan->count++] =
			(struct sched_want){.lane = lane, .worker = worker};
	plan->wants[i].max += jobs;
	lane->asked += jobs;
	worker->asked += jobs;

	lane_update(plan->sched, lane);
	if (!lane->linked)
		return;
	TAILQ_REMOVE(&pool->lanes, lane, link);
	TAILQ_INSERT_TAIL(&pool->lanes, lane, link);
}

static void plan_idle(struct plan *plan, struct sched_pool *pool)
{
	for (;;) {
		struct sched_worker *worker = TAILQ_FIRST(&pool->workers);
		struct sched_lane *lane = TAILQ_FIRST(&pool->lanes);

		if (!worker || worker->leaving || worker->resting ||
		    worker_load(worker))
			return;
		if (!lane || plan_full(plan))
			return;
		plan->worker_first = plan->count;
		plan_want(plan, lane, worker, 1);
		worker_place(plan->sched, worker);
	}
}

/* @jobs more for a worker, of each lane one, of a single lane all at once. */
static void plan_fill(struct plan *plan, struct sched_pool *pool,
		      struct sched_worker *worker, uint64_t jobs)
{
	plan->worker_first = plan->count;
	while (jobs > 0 && !plan_full(plan)) {
		struct sched_lane *lane = TAILQ_FIRST(&pool->lanes);
		uint64_t part = 1;

		if (!lane)
			return;
		if (!TAILQ_NEXT(lane, link))
			part = jobs < lane->open ? jobs : lane->open;
		plan_want(plan, lane, worker, (uint32_t)part);
		jobs -= part;
	}
}

/* What is open is shared evenly among all who have room; false: nobody has. */
static bool plan_rest(struct plan *plan, struct sched_pool *pool)
{
	struct sched_worker *worker;
	uint32_t left = 0, with_room;

	TAILQ_FOREACH (worker, &pool->workers, link)
		left += worker_free(worker) > 0;
	with_room = left;

	TAILQ_FOREACH (worker, &pool->workers, link) {
		uint64_t jobs = worker_free(worker);
		uint64_t share;

		if (!pool->open || plan_full(plan))
			return false;
		if (!jobs)
			continue;
		/* It was counted above. */
		require(left > 0);
		share = (pool->open + left - 1) / left;
		plan_fill(plan, pool, worker, jobs < share ? jobs : share);
		left--;
	}
	return with_room > 0;
}

/* What came in belongs to the batch that leaves: ready when it is committed. */
static void plan_end(struct sched *sched)
{
	struct sched_lane *lane;

	while ((lane = TAILQ_FIRST(&sched->incoming))) {
		TAILQ_REMOVE(&sched->incoming, lane, incoming_link);
		lane->incoming = 0;
		lane_update(sched, lane);
	}
}

size_t sched_plan(struct sched *sched, struct sched_want *ret, size_t room)
{
	struct plan plan = {.sched = sched, .wants = ret, .room = room};

	for (size_t i = 0; i < SCHED_POOLS_MAX && !sched->draining; i++) {
		struct sched_pool *pool = &sched->pools[i];

		if (!pool->open || pool->paused)
			continue;
		plan_idle(&plan, pool);
		/* Once more for what those with little room left over. */
		while (pool->open && !plan_full(&plan) &&
		       plan_rest(&plan, pool))
			continue;
	}
	plan_end(sched);
	return plan.count;
}

struct sched_want sched_ask(struct sched *sched, struct sched_lane *lane,
			    uint32_t max)
{
	struct sched_pool *pool = &sched->pools[lane->pool];
	struct sched_want want = {
		.lane = lane,
		.max = lane->open < max ? (uint32_t)lane->open : max,
	};

	lane->asked += want.max;
	lane_update(sched, lane);
	if (lane->linked) {
		TAILQ_REMOVE(&pool->lanes, lane, link);
		TAILQ_INSERT_TAIL(&pool->lanes, lane, link);
	}
	return want;
}

void sched_want_done(struct sched *sched, const struct sched_want *want)
{
	struct sched_lane *lane = want->lane;
	struct sched_worker *worker = want->worker;

	require(lane->asked >= want->max);
	lane->asked -= want->max;
	lane_update(sched, lane);
	if (!worker)
		return;
	require(worker->asked >= want->max);
	worker->asked -= want->max;
	worker_load_changed(sched, worker, false);
}

/* Looking for room among the busy must not cost more than it saves. */
#define START_LOOK 16

struct sched_worker *sched_start(const struct sched *sched,
				 const struct sched_lane *lane)
{
	const struct sched_pool *pool = &sched->pools[lane->pool];
	struct sched_worker *worker = TAILQ_FIRST(&pool->workers);

	if (sched->draining || lane->paused || pool->paused || pool->open)
		return NULL;
	for (int i = 0; worker && i < START_LOOK; i++) {
		if (worker_free(worker))
			return worker;
		worker = TAILQ_NEXT(worker, link);
	}
	return NULL;
}

/* ---- Jobs ---- */

void sched_give(struct sched *sched, struct sched_worker *worker,
		struct sched_job *job, int64_t now_ns)
{
	bool was_idle = worker_load(worker) == 0;

	require(!worker->lost);
	if (!worker->job_count)
		worker->head_since_ns = now_ns;
	job->given_ns = now_ns;
	job->recalled = false;
	TAILQ_INSERT_TAIL(&worker->jobs, job, link);
	worker->job_count++;
	worker_load_changed(sched, worker, was_idle);
}

struct sched_job *sched_find(struct sched_worker *worker, int64_t token)
{
	struct sched_job *job;

	/* Results come in the order of delivery: it is nearly always first. */
	TAILQ_FOREACH (job, &worker->jobs, link) {
		if (job->token == token)
			return job;
	}
	return NULL;
}

void sched_end(struct sched *sched, struct sched_worker *worker,
	       struct sched_job *job, int64_t run_ns, int64_t now_ns)
{
	require(worker->job_count > 0);
	if (job == TAILQ_FIRST(&worker->jobs))
		worker->head_since_ns = now_ns;
	TAILQ_REMOVE(&worker->jobs, job, link);
	worker->job_count--;
	if (run_ns >= 0 && !worker->concurrent)
		credit_ran(&worker->credit, run_ns);
	worker_load_changed(sched, worker, false);
}

/* ---- Recall ---- */

struct recall {
	struct sched_recalled *found;
	size_t room, count;
	int64_t now_ns, next_ns;
};

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void recall_worker(struct recall *recall, struct sched_worker *worker)
{
	struct sched_job *first = TAILQ_FIRST(&worker->jobs);
	int64_t due = worker->head_since_ns + SCHED_RECALL_NS;
	struct sched_job *job;

	if (!first || worker->concurrent ||
	    (worker->job_count == 1 && worker->credit.jobs == 1))
		return;
	if (due > recall->now_ns) {
		recall->next_ns = earlier(recall->next_ns, due);
		return;
	}

	/* What runs is long: nothing more is to queue behind it. */
	worker->credit.jobs = 1;
	TAILQ_FOREACH_REVERSE(job, &worker->jobs, sched_jobs, link)
	{
		if (job == first)
			break;
		if (job->recalled)
			continue;
		due = job->given_ns + SCHED_RECALL_NS;
		if (due > recall->now_ns) {
			recall->next_ns = earlier(recall->next_ns, due);
			continue;
		}
		if (recall->count == recall->room) {
			recall->next_ns = recall->now_ns;
			return;
		}
		job->recalled = true;
		recall->found[recall->count++] = (struct sched_recalled){worker,
									 job};
	}
}

size_t sched_recall(struct sched *sched, int64_t now_ns,
		    struct sched_recalled *ret, size_t room,
		    int64_t *ret_next_ns)
{
	struct recall recall = {
		.found = ret,
		.room = room,
		.now_ns = now_ns,
		.next_ns = INT64_MAX,
	};
	struct sched_worker *worker;

	for (size_t i = 0; i < SCHED_POOLS_MAX; i++) {
		TAILQ_FOREACH (worker, &sched->pools[i].workers, link)
			recall_worker(&recall, worker);
	}
	*ret_next_ns = recall.next_ns;
	return recall.count;
}
