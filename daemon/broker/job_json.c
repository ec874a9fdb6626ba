#include "daemon/broker/job_json.h"

#define JOB_REST_BYTES (64 * 1024) /* of one job, all that is short */

static void member_text(struct json_out *out, const char *name,
			struct slice text)
{
	if (text.n)
		json_out_member_string(out, name, text);
}

static void member_time(struct json_out *out, const char *name, int64_t ms)
{
	if (ms)
		json_out_member_int(out, name, ms);
}

static void write_failure(struct json_out *out, const struct store_row *row)
{
	if (row->failure.n) {
		json_out_member_raw(out, "failure", row->failure);
	} else if (row->reason.n) {
		json_out_key(out, "failure");
		json_out_object(out);
		json_out_member_string(out, "message", row->reason);
		json_out_object_end(out);
	}
}

/* How the last attempt that ended did so. */
static void write_end(struct json_out *out, const struct store_row *row)
{
	if (row->cause != CAUSE_NONE || row->state == STATE_SUCCEEDED)
		json_out_member_text(out, "cause", cause_name(row->cause));
	if (row->exit_code >= 0)
		json_out_member_int(out, "exit_code", row->exit_code);
	if (row->signal)
		json_out_member_int(out, "signal", row->signal);
	if (row->core)
		json_out_member_bool(out, "core", true);
	write_failure(out, row);
}

static void write_usage(struct json_out *out, const struct store_row *row)
{
	if (!row->attempt)
		return;
	json_out_member_int(out, "cpu_us", row->cpu_us);
	json_out_member_int(out, "peak_kib", row->peak_kib);
	json_out_member_int(out, "stdout_bytes", row->stdout_bytes);
	json_out_member_int(out, "stderr_bytes", row->stderr_bytes);
}

void job_json(struct json_out *out, const struct store_row *row, bool with_spec)
{
	job_json_running(out, row, with_spec, NULL);
}

static void write_members(struct json_out *out, const struct store_row *row,
			  const struct advance *advance)
{
	json_out_member_int(out, "id", row->id);
	json_out_member_text(out, "state", state_name(row->state));
	json_out_member_string(out, "queue", row->queue);
	json_out_member_string(out, "handler", row->handler);
	member_text(out, "name", row->name);
	json_out_member_int(out, "priority", row->priority);
	json_out_member_int(out, "attempt", row->attempt);
	json_out_member_int(out, "max_attempts", row->max_attempts);
	json_out_member_int(out, "crashes", row->crashes);
	json_out_member_int(out, "uid", row->uid);
	json_out_member_int(out, "created_ms", row->created_ms);
	member_time(out, "run_at_ms", row->run_at_ms);
	member_time(out, "started_ms", row->started_ms);
	member_time(out, "finished_ms", row->finished_ms);
	write_end(out, row);
	if (row->cancel_asked)
		json_out_member_bool(out, "cancel_asked", true);
	if (row->group)
		json_out_member_int(out, "group", row->group);
	member_text(out, "key", row->key);
	if (row->tags.n)
		json_out_member_raw(out, "tags", row->tags);
	write_usage(out, row);
	if (row->result.n)
		json_out_member_raw(out, "result", row->result);
	if (row->result_omitted)
		json_out_member_bool(out, "result_omitted", true);
	if (advance)
		advance_write(out, advance, "progress");
	if (row->worker_pid && row->state == STATE_RUNNING)
		json_out_member_int(out, "worker_pid", row->worker_pid);
	if (row->follows)
		json_out_member_int(out, "follows", row->follows);
	if (row->follows_group)
		json_out_member_int(out, "follows_group", row->follows_group);
}

void job_json_fit(struct store_row *row, size_t room)
{
	size_t rest = row->spec.n + row->failure.n + row->tags.n +
		      JOB_REST_BYTES;

	if (!row->result.n || row->result.n + rest <= room)
		return;
	row->result = (struct slice){NULL, 0};
	row->result_omitted = true;
}

void job_json_members(struct json_out *out, const struct store_row *row)
{
	write_members(out, row, NULL);
}

static void write_callbacks(struct json_out *out, const struct store_row *row)
{
	if (!row->callback_count)
		return;
	json_out_key(out, "callbacks");
	json_out_array(out);
	for (size_t i = 0; i < row->callback_count; i++)
		json_out_int(out, row->callbacks[i]);
	json_out_array_end(out);
}

void job_json_running(struct json_out *out, const struct store_row *row,
		      bool with_spec, const struct advance *advance)
{
	json_out_object(out);
	write_members(out, row, advance);
	if (with_spec && row->spec.n)
		json_out_member_raw(out, "spec", row->spec);
	write_callbacks(out, row);
	json_out_object_end(out);
}

void job_json_end(struct json_out *out, const struct store_row *row)
{
	json_out_object(out);
	json_out_member_int(out, "id", row->id);
	json_out_member_text(out, "state", state_name(row->state));
	if (row->state != STATE_SUCCEEDED)
		json_out_member_text(out, "cause", cause_name(row->cause));
	if (row->exit_code >= 0)
		json_out_member_int(out, "exit_code", row->exit_code);
	if (row->signal)
		json_out_member_int(out, "signal", row->signal);
	if (row->result.n)
		json_out_member_raw(out, "result", row->result);
	if (row->result_omitted)
		json_out_member_bool(out, "result_omitted", true);
	write_failure(out, row);
	json_out_object_end(out);
}

int64_t job_json_pending(const struct store_group *group)
{
	int64_t pending = 0;

	for (int state = 0; state < STATE_COUNT; state++) {
		if (!state_is_end((enum job_state)state))
			pending += group->counts[state];
	}
	return pending;
}

void job_json_counts(struct json_out *out, const int64_t counts[STATE_COUNT])
{
	json_out_object(out);
	for (int state = 0; state < STATE_COUNT; state++)
		json_out_member_int(out, state_name((enum job_state)state),
				    counts[state]);
	json_out_object_end(out);
}

/* More digits would say more than anybody knows. */
static double rounded(double share)
{
	return (double)(int64_t)(share * 1000000 + 0.5) / 1000000;
}

static void write_group_progress(struct json_out *out,
				 const struct store_group *group,
				 double advanced)
{
	double running = (double)group->counts[STATE_RUNNING];
	int64_t all = 0, ended = 0;

	for (int state = 0; state < STATE_COUNT; state++) {
		all += group->counts[state];
		if (state_is_end((enum job_state)state))
			ended += group->counts[state];
	}
	if (!group->closed && group->total > all)
		all = group->total;
	if (!all)
		return;
	/* The counts and what is said are not of the same moment. */
	if (advanced > running)
		advanced = running;
	json_out_key(out, "progress");
	json_out_float(out, rounded(((double)ended + advanced) / (double)all));
}

void job_json_group_members(struct json_out *out,
			    const struct store_group *group, double advanced)
{
	int64_t pending = job_json_pending(group);

	json_out_member_int(out, "id", group->id);
	member_text(out, "name", group->name);
	member_time(out, "total", group->total);
	json_out_member_bool(out, "closed", group->closed);
	json_out_member_bool(out, "complete", group->closed && pending == 0);
	json_out_member_int(out, "pending", pending);
	json_out_key(out, "counts");
	job_json_counts(out, group->counts);
	write_group_progress(out, group, advanced);
	if (group->abandoned)
		json_out_member_bool(out, "abandoned", true);
}

void job_json_group(struct json_out *out, const struct store_group *group,
		    double advanced)
{
	json_out_object(out);
	job_json_group_members(out, group, advanced);
	json_out_object_end(out);
}
