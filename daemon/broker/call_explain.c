/* Explain: why a job waits, what would let it start; or how it ended. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/broker/carry.h"
#include "daemon/broker/cause_text.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "proto/calls_jobs.h"
#include "proto/json_in.h"

#define AHEAD_MAX 1000000 /* nobody needs to know it better */

struct explain {
	struct read_request request;
	struct call *call;
	struct arena answer;
	int64_t id;
	struct store_row *row; /* NULL: no such job */
	struct store_attempt *attempts;
	size_t attempt_count;
	int64_t ahead, run_ms;
	/* The answer as it grows. */
	struct json_out *out;
	const char *first; /* the message of the first reason: the summary */
	bool no_memory;
	uint32_t attempt;   /* that the next reason tells of; 0: of none */
	int64_t at_ms;	    /* likewise */
	int64_t timeout_ms; /* of one that an attempt ran into; 0: unknown */
	int64_t expected_ms;
};

/* Did one of its attempts, with the time that it may take? */
static bool ran_out(const struct explain *e)
{
	for (size_t i = 0; i < e->attempt_count; i++) {
		if (e->attempts[i].cause == CAUSE_TIMEOUT)
			return true;
	}
	return e->row->cause == CAUSE_TIMEOUT;
}

static int read_timeout(struct store *store, struct explain *e)
{
	struct store_spec spec;
	int r = store_get_spec(store, &e->answer, e->id, &spec);

	if (r == 0)
		e->timeout_ms = spec.timeout_ms;
	return r == -ENOENT ? 0 : r;
}

static int step(struct store *store, struct read_request *request)
{
	struct explain *e = (struct explain *)request;
	struct store_row *row;
	int64_t known;
	size_t count, looked;
	int r = store_get(store, &e->answer, &e->id, 1, true, false, &row,
			  &count, &looked);

	if (r || !count)
		return r;
	e->row = row;
	r = store_attempts(store, &e->answer, e->id, &e->attempts,
			   &e->attempt_count);
	if (r == 0 && ran_out(e))
		r = read_timeout(store, e);
	if (r || row->state != STATE_READY)
		return r;
	r = store_ahead(store, e->id, AHEAD_MAX, &e->ahead);
	if (r == -ENOENT) /* it was claimed a moment ago */
		r = 0;
	if (r == 0)
		r = store_run_time(store, row->queue, row->handler, row->name,
				   &e->run_ms, &known);
	return r;
}

/* One reason; @remedy: a command line, or NULL. */
printf_like(4, 5) static void reason(struct explain *e, const char *rule,
				     const char *remedy, const char *format,
				     ...)
{
	const char *message;
	va_list args;

	va_start(args, format);
	message = arena_vprint(&e->answer, format, args);
	va_end(args);
	if (!message) {
		e->no_memory = true;
		return;
	}
	if (!e->first)
		e->first = message;
	json_out_object(e->out);
	json_out_member_text(e->out, "rule", rule);
	json_out_member_text(e->out, "message", message);
	if (remedy)
		json_out_member_text(e->out, "remedy", remedy);
	if (e->attempt)
		json_out_member_int(e->out, "attempt", e->attempt);
	e->attempt = 0;
	if (e->at_ms)
		json_out_member_int(e->out, "at_ms", e->at_ms);
	e->at_ms = 0;
	json_out_object_end(e->out);
}

/* 1500 as "1.5 s"; exact enough for people. */
static const char *duration(char *room, size_t size, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	if (ms < 60000)
		snprintf(room, size, "%.1f s", (double)ms / 1000);
	else if (ms < 7200000)
		snprintf(room, size, "%" PRId64 " min", ms / 60000);
	else
		snprintf(room, size, "%" PRId64 " h", ms / 3600000);
	return room;
}

/* Why an attempt ended. */
static const char *why(struct explain *e, enum job_cause cause,
		       int32_t exit_code, int32_t signal, struct slice failure)
{
	const char *text = cause_text(&e->answer, cause, exit_code, signal,
				      failure);
	char limit[32];

	if (text && cause == CAUSE_TIMEOUT && e->timeout_ms)
		text = arena_print(
			&e->answer, "%s, %s", text,
			duration(limit, sizeof(limit), e->timeout_ms));
	if (!text)
		e->no_memory = true;
	return text ? text : "";
}

static const char *command(char *room, size_t size, const char *verb,
			   int64_t id)
{
	snprintf(room, size, "reeve %s %" PRId64, verb, id);
	return room;
}

/* " of 3": so many its rule has; retried by hand it had more, then nothing. */
static const char *of_all(char room[24], const struct store_row *row)
{
	room[0] = '\0';
	if (row->attempt <= row->max_attempts)
		snprintf(room, 24, " of %u", row->max_attempts);
	return room;
}

static void explain_scheduled(struct explain *e)
{
	const struct store_row *row = e->row;
	int64_t left_ms = row->run_at_ms - clock_wall_ms();
	char wait[32], all[24];

	duration(wait, sizeof(wait), left_ms);
	e->expected_ms = e->at_ms = row->run_at_ms;
	if (row->attempt && row->cause != CAUSE_NONE) {
		reason(e, "backoff", NULL,
		       "attempt %u%s %s; the next one comes in %s",
		       row->attempt, of_all(all, row),
		       why(e, row->cause, row->exit_code, row->signal,
			   row->failure),
		       wait);
		return;
	}
	reason(e, "scheduled", NULL,
	       "it is not to start before its time, in %s", wait);
}

/* When its turn comes, if those before it take as long as others did. */
static void expect_start(struct explain *e, int64_t workers, int64_t busy)
{
	int64_t now_ms = clock_wall_ms(), before = e->ahead;

	if (busy >= workers)
		before++;
	if (!before)
		e->expected_ms = now_ms;
	else if (e->run_ms && workers)
		e->expected_ms = now_ms + (before * e->run_ms) / workers;
}

static const char *jobs_go(int64_t count)
{
	return count == 1 ? "job of its queue goes" : "jobs of its queue go";
}

/* No pool serves it: perhaps somebody outside does. */
static void explain_consumers(struct explain *e)
{
	const struct broker *broker = e->call->broker;
	struct slice handler = e->row->handler;
	size_t waiting = reserves_waiting(broker, handler);
	char remedy[320];

	if (waiting) {
		reason(e, "consumers_busy", NULL,
		       "%zu %s handler '%.*s'; %" PRId64 " %s before it",
		       waiting,
		       waiting == 1 ? "consumer reserves" : "consumers reserve",
		       (int)handler.n, handler.p, e->ahead, jobs_go(e->ahead));
		return;
	}
	if (!reserve_handler_find(&broker->reserves.handlers, handler))
		reason(e, "no_pool", "reeve pool ls",
		       "no pool serves handler '%.*s'", (int)handler.n,
		       handler.p);
	snprintf(remedy, sizeof(remedy), "reeve work %.*s -- CMD",
		 (int)handler.n, handler.p);
	reason(e, "no_consumer", remedy,
	       "no consumer reserves handler '%.*s' now", (int)handler.n,
	       handler.p);
}

static void explain_ready(struct explain *e, bool stopped)
{
	const struct broker *broker = e->call->broker;
	uint32_t number = pools_serving(&broker->pools, e->row->handler);
	const struct sched_pool *pool = &broker->sched.pools[number];
	int64_t workers = pool->serving, busy = pool->busy;

	if (number == SCHED_POOL_NONE) {
		explain_consumers(e);
		return;
	}
	if (pools_lane(&broker->pools, e->row->handler) != number) {
		reason(e, "no_workers", "reeve worker ls",
		       "the workers of pool %s do not serve it yet: they are "
		       "being replaced",
		       broker->pools.list[number].config->name);
		return;
	}
	if (!workers) {
		reason(e, "no_workers", "reeve status",
		       "no worker is there to run it");
		return;
	}
	/* Whoever is free rests: that was said. */
	if (broker->pools.list[number].unwilling >= workers)
		return;
	if (busy < workers && !e->ahead && !stopped)
		reason(e, "next", NULL, "it is about to start");
	else if (busy < workers && !e->ahead)
		return;
	else if (!e->ahead)
		reason(e, "workers_busy", "reeve worker ls",
		       "%" PRId64 " of %" PRId64
		       " workers are busy; it is the next of its queue",
		       busy, workers);
	else
		reason(e, "workers_busy", "reeve worker ls",
		       "%" PRId64 " of %" PRId64 " workers are busy, and "
		       "%" PRId64 " %s before it",
		       busy, workers, e->ahead, jobs_go(e->ahead));
	if (!stopped)
		expect_start(e, workers, busy);
}

/* How those are who serve it. Return: was somebody told to stop them? */
static bool explain_pool(struct explain *e)
{
	const struct pools *pools = &e->call->broker->pools;
	uint32_t number = pools_serving(pools, e->row->handler);
	const struct served_pool *pool;
	char remedy[CHANNEL_POOL_BYTES + 32];

	if (number == SCHED_POOL_NONE)
		return false;
	pool = &pools->list[number];
	if (pool->draining) {
		snprintf(remedy, sizeof(remedy), "reeve pool resume %s",
			 pool->config->name);
		reason(e, "pool_drained", remedy,
		       "pool %s is drained: nothing of it starts",
		       pool->config->name);
	}
	if (pool->degraded && number == POOLS_EXEC)
		reason(e, "degraded", "reeve status",
		       "workers die too often; replacements are held back");
	else if (pool->degraded)
		reason(e, "degraded", "reeve pool ls",
		       "no worker of pool %s can be started: %s",
		       pool->config->name, pools_trouble(pool));
	else if (pool->refusing || pool->unwilling)
		reason(e, pool->refusing ? "degraded" : "put_back",
		       "reeve pool ls", "pool %s gets %s done: %s",
		       pool->config->name,
		       pool->refusing ? "nothing" : "little",
		       pools_trouble(pool));
	return pool->draining;
}

/* Whatever else it waits for: these start nothing. Return: is there one? */
static bool explain_stopped(struct explain *e)
{
	const struct broker *broker = e->call->broker;
	bool paused = queue_settings(&broker->queues, e->row->queue).paused;
	char remedy[320];

	if (paused) {
		snprintf(remedy, sizeof(remedy), "reeve queue resume %.*s",
			 (int)e->row->queue.n, e->row->queue.p);
		reason(e, "paused", remedy, "queue '%.*s' is paused",
		       (int)e->row->queue.n, e->row->queue.p);
	}
	if (broker->stop != BROKER_RUNS)
		reason(e, "draining", "reeve daemon start",
		       "the daemon is being stopped: nothing starts");
	return explain_pool(e) || paused || broker->stop != BROKER_RUNS;
}

/* Released now, it would still wait. */
static void explain_later(struct explain *e)
{
	int64_t left_ms = e->row->run_at_ms - clock_wall_ms();
	char wait[32];

	if (left_ms <= 0)
		return;
	e->at_ms = e->row->run_at_ms;
	reason(e, "scheduled", NULL,
	       "released, it is not to start before its time, in %s",
	       duration(wait, sizeof(wait), left_ms));
}

static void explain_waiting(struct explain *e)
{
	char remedy[64];
	bool stopped;

	switch (e->row->state) {
	case STATE_HELD:
		reason(e, "held",
		       command(remedy, sizeof(remedy), "release", e->id),
		       "it is held until somebody releases it");
		explain_later(e);
		break;
	case STATE_SCHEDULED:
		explain_scheduled(e);
		break;
	case STATE_BLOCKED:
		reason(e, "blocked", NULL, "it waits for another job");
		break;
	case STATE_READY:
	case STATE_RUNNING:
	case STATE_SUCCEEDED:
	case STATE_FAILED:
	case STATE_CANCELLED:
	case STATE_COUNT:
		break;
	}
	stopped = explain_stopped(e);
	if (e->row->state == STATE_READY)
		explain_ready(e, stopped);
	if (stopped)
		e->expected_ms = 0; /* nobody knows */
}

/* The chain of tries, oldest first. */
static void explain_attempts(struct explain *e)
{
	for (size_t i = 0; i < e->attempt_count; i++) {
		const struct store_attempt *attempt = &e->attempts[i];

		e->attempt = attempt->number;
		reason(e, cause_name(attempt->cause), NULL, "attempt %u %s",
		       attempt->number,
		       why(e, attempt->cause, attempt->exit_code,
			   attempt->signal, attempt->failure));
	}
}

static void explain_running(struct explain *e)
{
	const struct store_row *row = e->row;
	char time[32], remedy[64], all[24];

	explain_attempts(e);
	e->first = NULL;
	reason(e, "running", command(remedy, sizeof(remedy), "logs -f", e->id),
	       "attempt %u%s runs%s%s%s", row->attempt, of_all(all, row),
	       row->started_ms ? " since " : "",
	       row->started_ms ? duration(time, sizeof(time),
					  clock_wall_ms() - row->started_ms)
			       : "",
	       row->cancel_asked ? "; it was asked to end" : "");
}

/* Did an attempt run, so that there is output of it? */
static bool has_run(const struct store_row *row)
{
	struct slice type;

	if (row->failure.n && json_find(row->failure, "type", &type) &&
	    slice_is(type, "\"" CARRY_LOST_TYPE "\""))
		return false;
	return row->attempt;
}

static void explain_ended(struct explain *e)
{
	const struct store_row *row = e->row;
	bool good = row->state == STATE_SUCCEEDED;
	char room[64], all[24], who[32] = "it";
	const char *said = cause_cut(&e->answer, row->reason);
	const char *remedy = NULL;

	explain_attempts(e);
	e->first = NULL;
	if (!said) {
		e->no_memory = true;
		return;
	}
	/* Its descriptors are gone: only a new one has some. */
	if (has_run(row))
		remedy = command(room, sizeof(room), "logs", e->id);
	else if (!row->descriptors)
		remedy = command(room, sizeof(room), "retry", e->id);
	if (row->attempt)
		snprintf(who, sizeof(who), "attempt %u", row->attempt);
	e->attempt = row->attempt;
	reason(e, cause_name(row->cause), remedy, "%s %s%s%s", who,
	       why(e, row->cause, row->exit_code, row->signal, row->failure),
	       row->reason.n ? ": " : "", said);
	if (!good && row->attempt)
		reason(e, "ended",
		       row->descriptors
			       ? NULL
			       : command(room, sizeof(room), "retry", e->id),
		       "no further attempt follows: %u%s %s made", row->attempt,
		       of_all(all, row), row->attempt == 1 ? "was" : "were");
}

/* Whom it follows, and who follows it. */
static void explain_callbacks(struct explain *e)
{
	const struct store_row *row = e->row;
	char remedy[64];

	if (row->follows)
		reason(e, "follows",
		       command(remedy, sizeof(remedy), "show", row->follows),
		       "it is a callback of job %" PRId64, row->follows);
	if (row->follows_group)
		reason(e, "follows", NULL, "it is a callback of group %" PRId64,
		       row->follows_group);
	if (row->callback_count == 1)
		reason(e, "callbacks",
		       command(remedy, sizeof(remedy), "show",
			       row->callbacks[0]),
		       "job %" PRId64 " was entered as its callback",
		       row->callbacks[0]);
	else if (row->callback_count)
		reason(e, "callbacks",
		       command(remedy, sizeof(remedy), "show",
			       row->callbacks[0]),
		       "%zu jobs were entered as its callbacks, the first is "
		       "%" PRId64,
		       row->callback_count, row->callbacks[0]);
}

static void answer(struct explain *e)
{
	struct json_out *out;
	const char *summary;

	e->out = &e->call->broker->scratch;
	json_out_reset(e->out);
	json_out_array(e->out);
	if (state_is_end(e->row->state))
		explain_ended(e);
	else if (e->row->state == STATE_RUNNING)
		explain_running(e);
	else
		explain_waiting(e);
	explain_callbacks(e);
	json_out_array_end(e->out);
	summary = arena_print(&e->answer, "job %" PRId64 " %s: %s", e->id,
			      state_name(e->row->state),
			      e->first ? e->first : "");
	if (e->no_memory || !summary || !json_out_ok(e->out)) {
		call_error_memory(e->call);
		return;
	}
	out = call_reply(e->call, false);
	json_out_member_raw(out, "reasons", json_out_slice(e->out));
	json_out_member_text(out, "summary", summary);
	if (e->expected_ms)
		json_out_member_int(out, "expected_start_ms", e->expected_ms);
	call_reply_end(e->call);
}

static void done(struct read_request *request, int result)
{
	struct explain *e = (struct explain *)request;
	struct call *call = e->call;
	struct json_out *out;

	if (result) {
		call_error_storage(call, "the database could not be read");
	} else if (!e->row) {
		out = call_error(call, "org.reeve.jobs.NoSuchJob");
		json_out_member_int(out, "id", e->id);
		call_error_end(call, "there is no job with this id",
			       "it may have been purged; List shows what is "
			       "there");
	} else {
		answer(e);
	}
	arena_fini(&e->answer);
	call_release(call);
}

void call_explain(struct call *call, void *params)
{
	struct call_explain *p = params;
	struct explain *e = arena_alloc(&call->arena, sizeof(*e));

	if (!e) {
		call_error_memory(call);
		return;
	}
	e->call = call;
	e->id = p->id;
	e->request.step = step;
	e->request.done = done;
	call_hold(call);
	reader_ask(&call->broker->reader, &e->request);
}
