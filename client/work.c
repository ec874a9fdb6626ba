#include "client/work.h"

#include "client/say.h"
#include "proto/json_depth.h"
#include "proto/json_in.h"
#include "proto/json_out.h"
#include "proto/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORK_VARIABLES 8
#define WORK_WHY 320

/* ---- The start ---- */

/* What a job has of the daemon, and nobody else's job. */
static bool is_ours(const char *variable)
{
	static const char *const names[] = {
		"REEVE_JOB=",	"REEVE_ATTEMPT=",     "REEVE_TOKEN=",
		"REEVE_GROUP=", "REEVE_SOCKET=",      "REEVE_HANDLER=",
		"REEVE_QUEUE=", "REEVE_PROGRESS_FD=",
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static void put(char **at, const char *name, int64_t value)
{
	if (asprintf(at, "%s=%" PRId64, name, value) < 0)
		*at = NULL;
}

static void put_text(char **at, const char *name, const char *value)
{
	if (asprintf(at, "%s=%s", name, value) < 0)
		*at = NULL;
}

static void put_socket(const struct tool *tool, char **at)
{
	char path[108];

	if (tool->socket)
		put_text(at, "REEVE_SOCKET", tool->socket);
	else if (reeve_socket_path(path, sizeof(path), NULL) == 0)
		put_text(at, "REEVE_SOCKET", path);
	else
		put_text(at, "REEVE_SOCKET", "");
}

/* Ours first, WORK_VARIABLES of them; those are owned. NULL: no memory. */
static char **make_env(const struct tool *tool, const struct reeve_lease *lease)
{
	size_t count = 0, n = WORK_VARIABLES;
	bool whole = true;
	char **env;

	while (environ && environ[count])
		count++;
	env = calloc(WORK_VARIABLES + count + 1, sizeof(*env));
	if (!env)
		return NULL;
	put(&env[0], "REEVE_JOB", lease->id);
	put(&env[1], "REEVE_ATTEMPT", lease->attempt);
	put(&env[2], "REEVE_TOKEN", lease->token);
	put(&env[3], "REEVE_GROUP", lease->group);
	put_text(&env[4], "REEVE_HANDLER", lease->handler);
	put_text(&env[5], "REEVE_QUEUE", lease->queue);
	put_socket(tool, &env[6]);
	put(&env[7], "REEVE_PROGRESS_FD", 3);
	for (size_t i = 0; i < WORK_VARIABLES; i++)
		whole &= env[i] != NULL;
	for (size_t i = 0; i < count; i++) {
		if (!is_ours(environ[i]))
			env[n++] = environ[i];
	}
	if (whole)
		return env;
	for (size_t i = 0; i < WORK_VARIABLES; i++)
		free(env[i]);
	free(env);
	return NULL;
}

int work_start(struct work_job *job, const struct work_place *place,
	       struct reeve_lease *lease, int64_t now_ms)
{
	struct child_order order = {
		.argv = place->argv,
		.path = place->path,
		.most = WORK_RESULT_BYTES,
	};
	int result = -ENOMEM;

	*job = (struct work_job){
		.lease = lease, .begun_ms = now_ms, .child = CHILD_NONE};
	order.envp = make_env(place->tool, lease);
	/* A line, for who reads lines. */
	if (asprintf(&job->input, "%s\n", lease->args) < 0)
		job->input = NULL;
	order.input = job->input;
	if (order.envp && job->input)
		result = child_start(&job->child, &place->guard, &order);
	for (size_t i = 0; order.envp && i < WORK_VARIABLES; i++)
		free(order.envp[i]);
	free(order.envp);
	return result;
}

void work_stop(struct work_job *job, int64_t now_ms, int64_t grace_ms)
{
	if (job->kill_ms)
		return;
	job->kill_ms = now_ms + grace_ms;
	child_signal(&job->child, SIGTERM);
}

void work_step(struct work_job *job, const struct work_place *place,
	       int64_t now_ms)
{
	if (job->ended)
		return;
	if (job->kill_ms && now_ms >= job->kill_ms)
		child_signal(&job->child, SIGKILL);
	job->ended = child_step(&job->child, &place->guard, now_ms);
}

int64_t work_due_ms(const struct work_job *job)
{
	if (job->ended || job->lost || job->child.word.newest_bytes == 0)
		return INT64_MAX;
	return job->child.word.next_ms;
}

int work_report(struct work_job *job, const struct work_place *place,
		int64_t now_ms, enum reeve_hold *ret)
{
	struct reeve_held held = {job->lease->id, job->lease->token};
	struct arena arena = {0};
	const char *note;
	double fraction;
	int result = 0;

	*ret = REEVE_HOLD_OURS;
	if (work_due_ms(job) <= now_ms &&
	    word_take(&job->child.word, now_ms, &arena, &fraction, &note))
		result = reeve_tell_progress(place->tool->r, &held, fraction,
					     note, ret);
	arena_fini(&arena);
	return result;
}

/* ---- The end ---- */

/* One JSON value, or text without its last newline; nothing is null. */
static void write_result(const struct work_job *job, bool text,
			 struct json_out *out)
{
	struct slice output = {job->child.output, job->child.output_bytes};
	struct json_fault fault;

	if (!text && json_check(output, &fault) == 0) {
		json_out_raw(out, json_trim(output));
		return;
	}
	if (output.n > 0 && output.p[output.n - 1] == '\n')
		output.n--;
	if (output.n == 0)
		json_out_null(out);
	else
		json_out_string(out, output);
}

/* JSON that would not fit into a reply with something around it. */
static bool is_too_deep(const struct work_job *job, bool text)
{
	struct slice output = {job->child.output, job->child.output_bytes};
	struct json_fault fault;
	int result = text ? JSON_E_SYNTAX : json_check(output, &fault);

	return result == JSON_E_DEPTH ||
	       (result == 0 && json_is_deeper(output, LIMIT_DATA_DEPTH));
}

static bool has_failed(const struct work_job *job)
{
	return job->child.signalled || job->child.status != 0;
}

static void say_why(const struct work_job *job, char why[WORK_WHY])
{
	const struct child *child = &job->child;
	char tail[CHILD_TAIL + 1];
	const char *last;
	int n;

	if (!has_failed(job) && job->too_deep) {
		snprintf(why, WORK_WHY,
			 "its output is JSON nested deeper than %d levels",
			 LIMIT_DATA_DEPTH);
		return;
	}
	if (!has_failed(job)) {
		snprintf(why, WORK_WHY,
			 "its output has more than %d bytes as a result",
			 WORK_RESULT_BYTES);
		return;
	}
	if (child->signalled)
		n = snprintf(why, WORK_WHY, "killed by SIG%s",
			     sigabbrev_np(child->status)
				     ? sigabbrev_np(child->status)
				     : "?");
	else
		n = snprintf(why, WORK_WHY, "exit code %d", child->status);
	if (child_tail(child, tail) == 0)
		return;
	last = strrchr(tail, '\n');
	snprintf(why + n, (size_t)(WORK_WHY - n), ": %.256s",
		 last ? last + 1 : tail);
}

static int settle_failed(struct work_job *job, const struct work_place *place,
			 enum reeve_hold *hold)
{
	struct reeve_outcome outcome = {.id = job->lease->id,
					.token = job->lease->token};
	char tail[CHILD_TAIL + 1], why[WORK_WHY];

	say_why(job, why);
	outcome.failure = why;
	outcome.failure_type = job->child.signalled ? "Signal" : "ExitCode";
	if (child_tail(&job->child, tail) > 0)
		outcome.trace = tail;
	if (job->asked) {
		outcome.failure_type = "Cancelled";
	} else if (!has_failed(job)) {
		outcome.failure_type = job->too_deep ? "ResultNotJSON"
						     : "ResultTooLarge";
		outcome.bury = true;
	}
	return reeve_settle(place->tool->r, &outcome, 1, hold);
}

static int settle_well(struct work_job *job, const struct work_place *place,
		       struct slice text, enum reeve_hold *hold)
{
	struct reeve_outcome outcome = {.id = job->lease->id,
					.token = job->lease->token,
					.result = text.p};

	/* Text grows when it becomes JSON. */
	if (text.n <= WORK_RESULT_BYTES)
		return reeve_settle(place->tool->r, &outcome, 1, hold);
	job->child.too_much = true;
	return settle_failed(job, place, hold);
}

int work_settle(struct work_job *job, const struct work_place *place,
		enum work_end *ret)
{
	struct reeve_held held = {job->lease->id, job->lease->token};
	enum reeve_hold hold = REEVE_HOLD_OURS;
	struct json_out out = {0};
	int result = 0;

	job->too_deep = !has_failed(job) && is_too_deep(job, place->text);
	if (job->lost) {
		hold = REEVE_HOLD_LOST;
	} else if (job->put_back) {
		*ret = WORK_PUT_BACK;
		result = reeve_put_back(place->tool->r, &held, 1, 0, &hold);
	} else if (job->asked || has_failed(job) || job->child.too_much ||
		   job->too_deep) {
		*ret = job->asked ? WORK_CANCELLED : WORK_FAILED;
		result = settle_failed(job, place, &hold);
	} else {
		write_result(job, place->text, &out);
		json_out_byte(&out, '\0');
		result = json_out_ok(&out)
				 ? settle_well(job, place, json_out_slice(&out),
					       &hold)
				 : REEVE_E_MEMORY;
		*ret = job->child.too_much ? WORK_FAILED : WORK_SUCCEEDED;
		json_out_fini(&out);
	}
	if (hold == REEVE_HOLD_LOST)
		*ret = WORK_LOST;
	return result;
}

static const char *const words[] = {
	[WORK_SUCCEEDED] = "succeeded", [WORK_FAILED] = "failed",
	[WORK_CANCELLED] = "cancelled", [WORK_LOST] = "lost",
	[WORK_PUT_BACK] = "put_back",
};

static int tell_json(const struct work_job *job, const struct work_place *place,
		     enum work_end end, int64_t now_ms)
{
	const struct reeve_lease *lease = job->lease;
	struct json_out out = {0};
	char why[WORK_WHY];
	int result = 0;

	json_out_object(&out);
	json_out_member_int(&out, "v", 1);
	json_out_member_int(&out, "id", lease->id);
	json_out_member_int(&out, "attempt", lease->attempt);
	json_out_member_text(&out, "handler", lease->handler);
	json_out_member_text(&out, "queue", lease->queue);
	json_out_member_text(&out, "end", words[end]);
	if (job->child.reaped_ms)
		json_out_member_int(
			&out, job->child.signalled ? "signal" : "exit_code",
			job->child.status);
	json_out_member_int(&out, "run_ms", now_ms - job->begun_ms);
	if (end == WORK_SUCCEEDED) {
		json_out_key(&out, "result");
		write_result(job, place->text, &out);
	} else if (end == WORK_FAILED) {
		say_why(job, why);
		json_out_member_text(&out, "failure", why);
	}
	json_out_object_end(&out);
	json_out_byte(&out, '\n');
	if (!json_out_ok(&out))
		result = -ENOMEM;
	else if (fwrite(out.p, 1, out.n, stdout) != out.n ||
		 fflush(stdout) != 0)
		result = -errno;
	json_out_fini(&out);
	return result;
}

int work_tell(const struct work_job *job, const struct work_place *place,
	      enum work_end end, int64_t now_ms)
{
	int64_t id = job->lease->id;
	char why[WORK_WHY];

	if (place->tool->json)
		return tell_json(job, place, end, now_ms);
	switch (end) {
	case WORK_FAILED:
		say_why(job, why);
		say_note(place->tool, "job %" PRId64 " failed: %s", id, why);
		break;
	case WORK_CANCELLED:
		say_note(place->tool, "job %" PRId64 " was cancelled", id);
		break;
	case WORK_LOST:
		say_note(place->tool,
			 "job %" PRId64 ": its lease was over, and what came "
			 "of it here does not count (see: reeve show %" PRId64
			 ")",
			 id, id);
		break;
	case WORK_PUT_BACK:
		say_note(place->tool, "job %" PRId64 " was put back", id);
		break;
	case WORK_SUCCEEDED:
	default:
		break;
	}
	return 0;
}

bool work_may_pass(const struct reeve *r, int result)
{
	const char *name = reeve_error(r)->name;

	return result == REEVE_E_UNREACHABLE || result == REEVE_E_LOST ||
	       strcmp(name, "org.reeve.consume.Draining") == 0 ||
	       strcmp(name, "org.reeve.jobs.StorageFailed") == 0;
}

int work_exit(const struct work_job *job, enum work_end end)
{
	switch (end) {
	case WORK_SUCCEEDED:
		return 0;
	case WORK_CANCELLED:
		return EXIT_CANCELLED;
	case WORK_FAILED:
		if (job->child.signalled)
			return 128 + job->child.status;
		return has_failed(job) ? job->child.status : EXIT_FAILED;
	case WORK_LOST:
	case WORK_PUT_BACK:
	default:
		return EXIT_FAILED;
	}
}

void work_free(struct work_job *job)
{
	child_fini(&job->child);
	free(job->input);
	reeve_lease_free(job->lease);
	*job = (struct work_job){0};
}
