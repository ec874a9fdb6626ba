/* Workers, Pools, Handlers, Resize, Recycle, Drain. */

#include <stdio.h>

#include "daemon/broker/cycle.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/staff.h"
#include "daemon/broker/state.h"
#include "daemon/config/pools_text.h"
#include "proto/calls_admin.h"

/* ---- What there is ---- */

static const char *worker_state(const struct worker *worker)
{
	if (worker->died_ns || worker->dead)
		return "stopping";
	if (!worker->link)
		return "starting";
	if (worker->sched.leaving || worker->retiring)
		return "draining";
	return worker->sched.job_count ? "busy" : "idle";
}

static void write_worker(struct json_out *out, const struct worker *worker)
{
	const struct sched_job *job = TAILQ_FIRST(&worker->sched.jobs);
	int64_t kib = staff_rss_kib(worker->pid);

	json_out_object(out);
	json_out_member_int(out, "pid", worker->pid);
	json_out_member_int(out, "slot", worker->slot);
	json_out_member_text(out, "pool", worker->pool_name);
	json_out_member_text(out, "state", worker_state(worker));
	if (job)
		json_out_member_int(out, "job", job->id);
	json_out_member_int(out, "queued",
			    job ? worker->sched.job_count - 1 : 0);
	json_out_member_int(out, "since_ms", worker->since_ms);
	json_out_member_int(out, "jobs_done", worker->jobs_done);
	if (kib)
		json_out_member_int(out, "rss_kib", kib);
	json_out_member_int(out, "cpu_ms", worker->cpu_us / 1000);
	json_out_object_end(out);
}

void call_workers(struct call *call, void *params)
{
	struct json_out *out = call_reply(call, false);

	(void)params;
	json_out_key(out, "workers");
	json_out_array(out);
	for (const struct worker *worker = call->broker->fleet.by_id; worker;
	     worker = worker->hh.next) {
		if (!worker->dead && worker->scheduled)
			write_worker(out, worker);
	}
	json_out_array_end(out);
	call_reply_end(call);
}

static const char *pool_state(const struct broker *broker,
			      const struct served_pool *pool)
{
	if (broker->stop != BROKER_RUNS || pool->draining)
		return "draining";
	return pools_is_degraded(pool) ? "degraded" : "running";
}

static void write_handlers(struct json_out *out, const struct served_pool *pool,
			   uint32_t number)
{
	json_out_key(out, "handlers");
	json_out_array(out);
	if (number == POOLS_EXEC)
		json_out_string(out, SLICE("exec"));
	for (char **name = pool->config->handles;
	     number != POOLS_EXEC && name && *name; name++)
		json_out_string(out, slice_of(*name));
	json_out_array_end(out);
}

static void write_pool(struct json_out *out, const struct broker *broker,
		       uint32_t number)
{
	const struct served_pool *pool = &broker->pools.list[number];
	const struct sched_pool *sched = &broker->sched.pools[number];
	uint32_t wanted = number == POOLS_EXEC ? pool->rule.max
					       : pool->size.wanted;
	const char *trouble = pools_trouble(pool);

	json_out_object(out);
	json_out_member_text(out, "name", pool->config->name);
	json_out_member_text(out, "kind", pools_kind_name(pool->config->kind));
	json_out_member_text(out, "state", pool_state(broker, pool));
	if (trouble)
		json_out_member_text(out, "reason", trouble);
	write_handlers(out, pool, number);
	json_out_member_int(out, "min", pool->rule.min);
	json_out_member_int(out, "max", pool->rule.max);
	json_out_member_int(out, "wanted", wanted);
	json_out_member_int(out, "workers", sched->serving);
	json_out_member_int(out, "busy", sched->busy);
	json_out_member_int(out, "waiting", (int64_t)sched->open);
	json_out_object_end(out);
}

void call_pools(struct call *call, void *params)
{
	struct json_out *out = call_reply(call, false);

	(void)params;
	json_out_key(out, "pools");
	json_out_array(out);
	for (uint32_t i = 0; i < POOLS_MAX; i++) {
		if (call->broker->pools.list[i].config)
			write_pool(out, call->broker, i);
	}
	json_out_array_end(out);
	call_reply_end(call);
}

static void write_handler(struct json_out *out, const char *name,
			  const struct pool_config *pool)
{
	json_out_object(out);
	json_out_member_text(out, "name", name);
	json_out_member_text(out, "pool", pool->name);
	json_out_member_text(out, "kind", pools_kind_name(pool->kind));
	json_out_object_end(out);
}

void call_handlers(struct call *call, void *params)
{
	const struct pools *pools = &call->broker->pools;
	struct json_out *out = call_reply(call, false);
	const struct pools_handler *handler;

	(void)params;
	json_out_key(out, "handlers");
	json_out_array(out);
	write_handler(out, "exec", pools->list[POOLS_EXEC].config);
	for (handler = pools->handlers; handler; handler = handler->hh.next)
		write_handler(out, handler->name,
			      pools->list[handler->pool].config);
	json_out_array_end(out);
	call_reply_end(call);
}

/* ---- What becomes of it ---- */

/* The pool of handlers with that name, or the call is answered. */
static struct served_pool *find_pool(struct call *call, struct slice name,
				     uint32_t *ret_number)
{
	struct served_pool *pool = pools_named(&call->broker->pools, name,
					       ret_number);
	struct json_out *out;

	if (pool && *ret_number != POOLS_EXEC)
		return pool;
	if (pool) {
		call_error_parameter(call, "pool",
				     "the pool of commands is as the "
				     "configuration says: pools.exec.workers");
		return NULL;
	}
	out = call_error(call, "org.reeve.admin.NoSuchPool");
	json_out_member_string(out, "pool", name);
	call_error_end(call, "there is no pool with this name",
		       "reeve pool ls shows all");
	return NULL;
}

void call_resize(struct call *call, void *params)
{
	struct call_resize *p = params;
	struct served_pool *pool;
	int64_t min, max;
	uint32_t number;

	pool = find_pool(call, p->pool, &number);
	if (!pool)
		return;
	max = CALL_HAS(p, RESIZE, max) ? p->max : pool->rule.max;
	min = CALL_HAS(p, RESIZE, min) ? p->min : pool->rule.min;
	/* Who says one of them moves the other one along. */
	if (min > max && !CALL_HAS(p, RESIZE, min))
		min = max;
	else if (min > max && !CALL_HAS(p, RESIZE, max))
		max = min;
	if (min > max) {
		call_error_parameter(call, "min", "must not be above max");
		return;
	}
	staff_resize(call->broker, number, (uint32_t)min, (uint32_t)max);
	call_reply(call, false);
	call_reply_end(call);
}

static int64_t recycle_pid(struct broker *broker, int64_t pid)
{
	struct worker *worker;

	for (worker = broker->fleet.by_id; worker; worker = worker->hh.next) {
		if (worker->pid != pid || worker->dead || worker->commands ||
		    !worker->scheduled || worker->sched.leaving)
			continue;
		worker->recycle = true;
		return 1;
	}
	return 0;
}

void call_recycle(struct call *call, void *params)
{
	struct call_recycle *p = params;
	bool by_pid = CALL_HAS(p, RECYCLE, pid);
	struct json_out *out;
	uint32_t number;
	int64_t count;

	if (by_pid == CALL_HAS(p, RECYCLE, pool)) {
		call_error_parameter(call, "pool",
				     "give either a pid or a "
				     "pool");
		return;
	}
	if (by_pid) {
		count = recycle_pid(call->broker, p->pid);
		if (!count) {
			call_error_parameter(call, "pid",
					     "no worker of a pool of handlers "
					     "has this pid");
			return;
		}
	} else {
		if (!find_pool(call, p->pool, &number))
			return;
		count = call->broker->sched.pools[number].serving;
		link_send(call->broker, &(struct channel_message){
						.kind = CHANNEL_RECYCLE,
						.pool_number = (int32_t)number,
					});
	}
	out = call_reply(call, false);
	json_out_member_int(out, "count", count);
	call_reply_end(call);
}

void call_drain_pool(struct call *call, void *params)
{
	struct call_drain_pool *p = params;
	struct served_pool *pool;
	uint32_t number;

	pool = find_pool(call, p->pool, &number);
	if (!pool)
		return;
	pool->draining = p->enable;
	sched_pool_pause(&call->broker->sched, number, p->enable);
	cycle_kick(call->broker);
	call_reply(call, false);
	call_reply_end(call);
}
