/* Ping, Hello, Status, Shutdown. */

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/job_json.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "daemon/broker/stop.h"
#include "proto/calls_admin.h"
#include "proto/limits.h"

void call_ping(struct call *call, void *params)
{
	struct call_ping *p = params;
	struct json_out *out = call_reply(call, false);

	if (p->payload.p)
		json_out_member_string(out, "payload", p->payload);
	json_out_member_int(out, "now_ms", clock_wall_ms());
	call_reply_end(call);
}

static void write_limits(struct json_out *out)
{
#define LIMIT_ROW(name, text, value) {text, value},
	static const struct {
		const char *name;
		int64_t value;
	} rows[] = {LIMITS(LIMIT_ROW)};

	json_out_key(out, "limits");
	json_out_object(out);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		json_out_member_int(out, rows[i].name, rows[i].value);
	json_out_object_end(out);
}

static void write_words(struct json_out *out, const char *key,
			const char *const *words, size_t count)
{
	json_out_key(out, key);
	json_out_array(out);
	for (size_t i = 0; i < count; i++)
		json_out_string(out, slice_of(words[i]));
	json_out_array_end(out);
}

void call_hello(struct call *call, void *params)
{
	static const char *const features[] = {"jobs", "groups", "output",
					       "exec", "pools"};
	static const char *const roles[] = {"submit", "watch", "steer",
					    "admin"};
	struct json_out *out = call_reply(call, false);
	struct utsname host = {0};

	(void)params;
	uname(&host);
	json_out_member_text(out, "version", REEVE_VERSION);
	json_out_member_text(out, "node", host.nodename);
	json_out_member_text(out, "engine", "sqlite");
	json_out_member_int(out, "generation", call->broker->since_ms);
	write_words(out, "features", features, ARRAY_COUNT(features));
	write_limits(out);
	json_out_member_int(out, "uid", call->uid);
	write_words(out, "roles", roles, ARRAY_COUNT(roles));
	call_reply_end(call);
}

static void write_storage(struct json_out *out, const struct broker *broker)
{
	struct statvfs space;
	bool known = statvfs(broker->config->state_dir, &space) == 0;

	json_out_key(out, "storage");
	json_out_object(out);
	json_out_member_text(out, "path", broker->config->state_dir);
	json_out_member_int(out, "bytes",
			    broker->read_store ? store_size(broker->read_store)
					       : 0);
	if (known)
		json_out_member_int(out, "free_bytes",
				    (int64_t)(space.f_bavail * space.f_frsize));
	json_out_member_bool(out, "writable",
			     !broker->store_full && !broker->store_broken);
	if (broker->store_full || broker->store_broken)
		json_out_member_text(out, "message", broker->store_message);
	json_out_object_end(out);
}

static void warn_of_pools(struct json_out *out, const struct broker *broker)
{
	for (uint32_t i = 0; i < POOLS_MAX; i++) {
		const struct served_pool *pool = &broker->pools.list[i];
		char text[CHANNEL_REASON_BYTES + 256];

		if (!pool->config || !pools_trouble(pool))
			continue;
		if (i == POOLS_EXEC)
			snprintf(text, sizeof(text),
				 "workers die too often; replacements are "
				 "held back");
		else
			snprintf(text, sizeof(text), "pool %s%s: %s",
				 pool->config->name,
				 pools_is_degraded(pool) ? " is degraded" : "",
				 pools_trouble(pool));
		json_out_string(out, slice_of(text));
	}
}

static void write_warnings(struct json_out *out, const struct broker *broker)
{
	json_out_key(out, "warnings");
	json_out_array(out);
	if (broker->store_full)
		json_out_string(out,
				SLICE("new jobs are refused: no space left in "
				      "the state directory"));
	warn_of_pools(out, broker);
	if (!broker->link.cgroups)
		json_out_string(out,
				SLICE("without cgroups a process that leaves "
				      "its job's tree is found later"));
	json_out_array_end(out);
}

static const char *state_word(const struct broker *broker)
{
	switch (broker->stop) {
	case BROKER_RUNS:
		return "running";
	case BROKER_DRAINS:
	case BROKER_KILLS:
		return "draining";
	case BROKER_STOPS:
		break;
	}
	return "stopping";
}

static void write_status(struct call *call, const int64_t counts[STATE_COUNT])
{
	struct broker *broker = call->broker;
	struct json_out *out = call_reply(call, false);

	json_out_member_text(out, "state", state_word(broker));
	json_out_member_int(out, "since_ms", broker->since_ms);
	json_out_member_text(out, "version", REEVE_VERSION);
	json_out_member_int(out, "generation", broker->since_ms);
	json_out_member_int(out, "pid", getppid());
	json_out_member_int(out, "broker_pid", getpid());
	json_out_member_int(out, "connections", (int64_t)broker->conns.count);
	json_out_member_int(out, "workers", (int64_t)broker->fleet.count);
	json_out_member_int(out, "busy", (int64_t)fleet_busy(&broker->fleet));
	json_out_key(out, "counts");
	job_json_counts(out, counts);
	write_storage(out, broker);
	json_out_member_text(out, "cgroups",
			     broker->link.cgroups ? "yes"
						  : broker->link.cgroup_reason);
	write_warnings(out, broker);
	call_reply_end(call);
}

/* Status counts every job there is: the store knows them by lane. */
struct status {
	struct read_request request;
	struct call *call;
	struct arena answer;
	int64_t counts[STATE_COUNT];
};

static int status_step(struct store *store, struct read_request *request)
{
	struct status *status = (struct status *)request;
	struct store_filter all = {.all = true};
	int64_t next;

	return store_count(store, &status->answer, &all, 0, status->counts,
			   &next);
}

static void status_done(struct read_request *request, int result)
{
	struct status *status = (struct status *)request;
	struct call *call = status->call;

	/* A database that cannot be read is no reason to say nothing. */
	if (result)
		memset(status->counts, 0, sizeof(status->counts));
	if (call->conn)
		write_status(call, status->counts);
	arena_fini(&status->answer);
	call_release(call);
}

void call_status(struct call *call, void *params)
{
	struct status *status = arena_alloc(&call->arena, sizeof(*status));

	(void)params;
	if (!status) {
		call_error_memory(call);
		return;
	}
	status->call = call;
	if (!call->broker->reader.started) {
		write_status(call, status->counts);
		return;
	}
	status->request.step = status_step;
	status->request.done = status_done;
	call_hold(call);
	reader_ask(&call->broker->reader, &status->request);
}

void call_shutdown(struct call *call, void *params)
{
	struct call_shutdown *p = params;
	int64_t timeout_ms = CALL_HAS(p, SHUTDOWN, timeout_ms) ? p->timeout_ms
							       : -1;

	stop_asked(call, CALL_HAS(p, SHUTDOWN, mode) ? p->mode : SHUTDOWN_LEAVE,
		   timeout_ms);
}
