#include "daemon/worker/report.h"

#include <stdio.h>
#include <unistd.h>

#include "proto/names.h"

static void end_line(struct json_out *out)
{
	json_out_object_end(out);
	json_out_byte(out, '\n');
}

static void holding(struct json_out *out, int64_t job, int64_t token,
		    int64_t attempt, int64_t started_ms)
{
	json_out_object(out);
	json_out_member_int(out, "job", job);
	json_out_member_int(out, "token", token);
	json_out_member_int(out, "attempt", attempt);
	if (started_ms)
		json_out_member_int(out, "started_ms", started_ms);
	json_out_object_end(out);
}

static void who(struct json_out *out, const struct channel_message *birth,
		const struct runner *runner)
{
	char secret[2 * CHANNEL_SECRET_BYTES + 1];
	char name[CHANNEL_POOL_BYTES + 16];

	for (size_t i = 0; i < CHANNEL_SECRET_BYTES; i++)
		snprintf(secret + 2 * i, 3, "%02x", birth->secret[i]);
	snprintf(name, sizeof(name), "%.*s/%d", CHANNEL_POOL_BYTES - 1,
		 birth->pool[0] ? birth->pool : "exec", birth->slot);
	json_out_member_int(out, "ready", 1);
	json_out_member_text(out, "secret", secret);
	json_out_member_int(out, "worker", birth->worker);
	json_out_member_int(out, "pid", getpid());
	json_out_member_text(out, "name", name);
	json_out_key(out, "handlers");
	json_out_array(out);
	for (const char *const *at = runner->handlers; *at; at++)
		json_out_string(out, slice_of(*at));
	json_out_array_end(out);
	json_out_member_int(out, "prefetch", runner->prefetch);
}

void report_ready(struct json_out *out, const struct desk *desk)
{
	const struct runner *runner = desk->runner;
	struct result *result;
	struct order *job;

	json_out_object(out);
	who(out, desk->birth, desk->runner);
	json_out_member_bool(out, "leaving", desk->leaving);
	json_out_key(out, "holding");
	json_out_array(out);
	TAILQ_FOREACH (result, &desk->results.list, link)
		holding(out, result->job, result->token, result->attempt,
			result->started_ms);
	if (runner->job)
		holding(out, runner->job->id, runner->job->token,
			runner->job->attempt, runner->started_ms);
	TAILQ_FOREACH (job, &runner->others, link)
		holding(out, job->id, job->token, job->attempt,
			job->started_ms);
	TAILQ_FOREACH (job, &desk->queue, link)
		holding(out, job->id, job->token, job->attempt, 0);
	json_out_array_end(out);
	end_line(out);
}

void report_leaving(struct json_out *out, bool idle)
{
	json_out_object(out);
	json_out_member_bool(out, "leaving", true);
	if (idle)
		json_out_member_bool(out, "idle", true);
	end_line(out);
}

void report_pong(struct json_out *out, int64_t number)
{
	json_out_object(out);
	json_out_member_int(out, "pong", number);
	end_line(out);
}

void report_start(struct json_out *out, const struct order *job)
{
	json_out_object(out);
	json_out_member_int(out, "start", job->id);
	json_out_member_int(out, "token", job->token);
	end_line(out);
}

void report_never_begun(struct json_out *out, const struct order *job,
			int64_t now_ms)
{
	json_out_object(out);
	json_out_member_int(out, "done", job->id);
	json_out_member_int(out, "token", job->token);
	json_out_member_text(out, "cause", cause_name(CAUSE_CANCELLED));
	json_out_member_int(out, "finished_ms", now_ms);
	end_line(out);
}

void report_put_back_begin(struct json_out *out)
{
	json_out_object(out);
	json_out_key(out, "put_back");
	json_out_array(out);
}

void report_put_back_one(struct json_out *out, const struct order *job)
{
	json_out_object(out);
	json_out_member_int(out, "job", job->id);
	json_out_member_int(out, "token", job->token);
	json_out_object_end(out);
}

void report_put_back_end(struct json_out *out)
{
	json_out_array_end(out);
	end_line(out);
}
