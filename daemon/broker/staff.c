#include "daemon/broker/staff.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"
#include "daemon/broker/unwilling.h"
#include "daemon/broker/worker_link.h"

/* Every so many ticks the memory of a worker is looked at. */
#define STAFF_LOOK_TICKS 10
#define STAFF_STRAND_MAX 1000
#define SECOND_NS INT64_C(1000000000)

static struct pool_load load_of(const struct broker *broker, uint32_t number)
{
	const struct sched_pool *sched = &broker->sched.pools[number];

	return (struct pool_load){
		.open = sched->paused ? 0 : sched->open,
		.busy = sched->busy,
		.serving = sched->serving,
		.retiring = broker->pools.list[number].retiring,
	};
}

static void tell(struct broker *broker, enum channel_kind kind,
		 const struct worker *worker, uint32_t pool, int64_t value)
{
	link_send(broker, &(struct channel_message){
				  .kind = kind,
				  .worker = worker ? worker->id : 0,
				  .pool_number = (int32_t)pool,
				  .value = value,
			  });
}

static void look_at(struct broker *broker, struct served_pool *pool,
		    uint32_t number, int64_t now_ns)
{
	const struct pool_load load = load_of(broker, number);

	if (pool_wanted(&pool->size, &pool->rule, &load, now_ns))
		tell(broker, CHANNEL_SCALE, NULL, number, pool->size.wanted);
}

void staff_look(struct broker *broker, int64_t now_ns)
{
	struct pools *pools = &broker->pools;

	for (uint32_t i = 1; i < pools->config.count; i++) {
		if (pools->list[i].config)
			look_at(broker, &pools->list[i], i, now_ns);
	}
}

/* It finishes what it has, gets nothing new, and exits. */
static void drain(struct broker *broker, struct worker *worker)
{
	worker->drained = true;
	fleet_leaving(broker, worker);
	/* Away: told when it dials in. */
	if (worker->link)
		worker_link_drain(worker->link);
}

static void drain_leavers(struct broker *broker, uint32_t number)
{
	struct served_pool *pool = &broker->pools.list[number];
	const struct pool_load load = load_of(broker, number);
	uint32_t left = pool_leavers(&pool->size, &load);
	struct sched_worker *sched, *next;

	for (sched = TAILQ_FIRST(&broker->sched.pools[number].workers);
	     sched && left; sched = next) {
		struct worker *worker = worker_of(sched);

		next = TAILQ_NEXT(sched, link);
		if (!worker->retiring)
			continue;
		drain(broker, worker);
		left--;
	}
}

void staff_ready(struct broker *broker, struct worker *worker)
{
	if (pools_find(&broker->pools, worker->pool) && !worker->commands)
		drain_leavers(broker, worker->pool);
}

/* Those that are idle for longest stand last among the idle. */
static struct worker *idlest(struct broker *broker, uint32_t number)
{
	struct sched_pool *pool = &broker->sched.pools[number];
	struct worker *found = NULL;
	struct sched_worker *sched;

	TAILQ_FOREACH (sched, &pool->workers, link) {
		struct worker *worker = worker_of(sched);

		if (sched->leaving || worker->retiring)
			continue;
		if (found && sched->busy)
			break;
		found = worker;
	}
	return found;
}

static void shrink(struct broker *broker, uint32_t number)
{
	struct served_pool *pool = &broker->pools.list[number];
	const struct pool_load load = load_of(broker, number);
	uint32_t left = pool_excess(&pool->size, &load);

	for (; left; left--) {
		struct worker *worker = idlest(broker, number);

		if (!worker)
			return;
		tell(broker, CHANNEL_RETIRE, worker, number, 1);
		drain(broker, worker);
	}
}

int64_t staff_rss_kib(pid_t pid)
{
	char path[64], text[128];
	long long total, resident;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (sscanf(text, "%lld %lld", &total, &resident) != 2)
		return 0;
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static bool is_worn(const struct served_pool *pool, struct worker *worker,
		    int64_t now_ns)
{
	static const char *const words[] = {"", "jobs", "age", "memory"};
	enum pool_wear wear;

	if ((now_ns / SECOND_NS + worker->id) % STAFF_LOOK_TICKS == 0)
		worker->rss_kib = staff_rss_kib(worker->pid);
	if (worker->recycle || worker->lacking ||
	    worker->generation < pool->generation)
		return true;
	wear = pool_worn(&pool->rule, worker->jobs_done,
			 now_ns - worker->since_ns, worker->rss_kib,
			 (uint64_t)worker->id);
	if (wear == POOL_FRESH)
		return false;
	log_info("worker is replaced for its %s pool=%s worker=%lld pid=%d "
		 "jobs=%lld rss_kib=%lld",
		 words[wear], worker->pool_name, (long long)worker->id,
		 (int)worker->pid, (long long)worker->jobs_done,
		 (long long)worker->rss_kib);
	return true;
}

static void retire_one(struct broker *broker, struct served_pool *pool,
		       struct worker *worker, uint32_t number)
{
	worker->retiring = true;
	pool->retiring++;
	tell(broker, CHANNEL_RETIRE, worker, number, 0);
}

static void retire(struct broker *broker, uint32_t number, int64_t now_ns)
{
	struct served_pool *pool = &broker->pools.list[number];
	const struct pool_load load = load_of(broker, number);
	uint32_t room = pool_retire_room(&pool->size, &load);
	struct sched_worker *sched;

	TAILQ_FOREACH (sched, &broker->sched.pools[number].workers, link) {
		struct worker *worker = worker_of(sched);

		if (!room)
			return;
		if (sched->leaving || worker->retiring ||
		    !is_worn(pool, worker, now_ns))
			continue;
		room--;
		retire_one(broker, pool, worker, number);
	}
}

/* Short jobs end by the thousand between two ticks. */
void staff_worked(struct broker *broker, struct worker *worker)
{
	uint32_t number = worker->pool;
	struct served_pool *pool = pools_find(&broker->pools, number);
	struct pool_load load;

	if (!pool || pool->rule.retire_jobs <= 0 || worker->sched.leaving ||
	    worker->retiring || broker->stop != BROKER_RUNS ||
	    pool_worn(&pool->rule, worker->jobs_done, 0, 0,
		      (uint64_t)worker->id) != POOL_WORN_JOBS)
		return;
	load = load_of(broker, number);
	/* No room: the next end asks again, or the next tick. */
	if (pool_retire_room(&pool->size, &load) &&
	    is_worn(pool, worker, clock_mono_ns()))
		retire_one(broker, pool, worker, number);
}

/* Its workers cannot be made, and its jobs are not to wait for them. */
static void strand(struct broker *broker, const struct served_pool *pool,
		   uint32_t number)
{
	struct json_out *out = &broker->scratch;
	struct batch *batch = broker->gathering;
	char text[CHANNEL_REASON_BYTES + 256];
	const struct pools_handler *handler;
	struct slice failure, name;
	size_t i;

	if (!pool->degraded || pool->config->broken != POOL_BROKEN_FAIL ||
	    broker->sched.pools[number].serving ||
	    !broker->sched.pools[number].open)
		return;
	snprintf(text, sizeof(text), "no worker of pool %s can be started: %s",
		 pool->config->name,
		 pool->reason[0] ? pool->reason : "they die at once");
	json_out_reset(out);
	json_out_object(out);
	json_out_member_text(out, "type", "PoolBroken");
	json_out_member_text(out, "message", text);
	json_out_object_end(out);
	if (!json_out_ok(out) ||
	    arena_copy(&batch->arena, json_out_slice(out), &failure))
		return;
	for (handler = broker->pools.handlers; handler;
	     handler = handler->hh.next) {
		struct store_steer *steer;

		if (handler->pool != number ||
		    arena_copy(&batch->arena, slice_of(handler->name), &name) ||
		    batch_add_steer(batch, &i))
			continue;
		steer = &batch->store.steers[i];
		steer->kind = STORE_STRAND;
		steer->filter.handler = name;
		steer->filter.states = 1u << STATE_READY;
		steer->uid = UINT32_MAX;
		steer->failure = failure;
		steer->max = STAFF_STRAND_MAX;
	}
	cycle_kick(broker);
}

/* Their pool is not in the configuration any more: they finish what they have. */
static void dismiss(struct broker *broker, uint32_t number)
{
	struct sched_worker *sched, *next;

	for (sched = TAILQ_FIRST(&broker->sched.pools[number].workers); sched;
	     sched = next) {
		struct worker *worker = worker_of(sched);

		next = TAILQ_NEXT(sched, link);
		/* Those of an earlier supervisor leave by themselves. */
		if (sched->leaving || !worker->announced)
			continue;
		tell(broker, CHANNEL_RETIRE, worker, number, 1);
		drain(broker, worker);
	}
}

void staff_tick(struct broker *broker, int64_t now_ns)
{
	struct pools *pools = &broker->pools;

	if (broker->stop != BROKER_RUNS)
		return;
	pools_look(broker);
	unwilling_tick(broker, now_ns);
	for (uint32_t i = 1; i <= SCHED_POOL_NONE; i++) {
		if (!pools_find(pools, i)) {
			dismiss(broker, i);
			continue;
		}
		look_at(broker, &pools->list[i], i, now_ns);
		shrink(broker, i);
		retire(broker, i, now_ns);
		drain_leavers(broker, i);
		strand(broker, &pools->list[i], i);
	}
}

void staff_resize(struct broker *broker, uint32_t pool, uint32_t min,
		  uint32_t max)
{
	struct served_pool *one = &broker->pools.list[pool];

	one->rule.min = min;
	one->rule.max = max;
	link_send(broker, &(struct channel_message){
				  .kind = CHANNEL_RESIZE,
				  .pool_number = (int32_t)pool,
				  .pool_min = (int32_t)min,
				  .pool_max = (int32_t)max,
			  });
	look_at(broker, one, pool, clock_mono_ns());
}
