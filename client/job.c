/*
 * Jobs as the daemon tells them, decoded. Unknown members are skipped: the
 * interface may grow; what is there with the wrong type is an error.
 */

#include "client/job.h"

#include "proto/json_in.h"
#include "proto/json_out.h"
#include "proto/names.h"

#include <errno.h>

#define SAME(a, b) _Static_assert((int)(a) == (int)(b), "one list of words")
SAME(REEVE_CANCELLED, STATE_CANCELLED);
SAME(REEVE_RUNNING, STATE_RUNNING);
SAME(REEVE_CAUSE_EXEC, CAUSE_EXEC);
SAME(REEVE_CAUSE_WORKER_LOST, CAUSE_WORKER_LOST);
SAME(REEVE_CAUSE_OTHER, CAUSE_COUNT);

struct job_box {
	struct reeve_job job; /* first: the two are freed as one */
	struct arena arena;
};

enum job_kind { JOB_INT, JOB_TEXT, JOB_JSON, JOB_FLOAT };

static const struct {
	const char *name;
	enum job_kind kind;
	size_t offset;
} job_fields[] = {
#define JOB_FIELD(name, kind, member)                                          \
	{                                                                      \
		name, kind, offsetof(struct reeve_job, member)                 \
	}
	JOB_FIELD("id", JOB_INT, id),
	JOB_FIELD("queue", JOB_TEXT, queue),
	JOB_FIELD("handler", JOB_TEXT, handler),
	JOB_FIELD("name", JOB_TEXT, name),
	JOB_FIELD("key", JOB_TEXT, key),
	JOB_FIELD("priority", JOB_INT, priority),
	JOB_FIELD("attempt", JOB_INT, attempt),
	JOB_FIELD("max_attempts", JOB_INT, max_attempts),
	JOB_FIELD("crashes", JOB_INT, crashes),
	JOB_FIELD("group", JOB_INT, group),
	JOB_FIELD("uid", JOB_INT, uid),
	JOB_FIELD("created_ms", JOB_INT, created_ms),
	JOB_FIELD("run_at_ms", JOB_INT, run_at_ms),
	JOB_FIELD("started_ms", JOB_INT, started_ms),
	JOB_FIELD("finished_ms", JOB_INT, finished_ms),
	JOB_FIELD("exit_code", JOB_INT, exit_code),
	JOB_FIELD("signal", JOB_INT, signal),
	JOB_FIELD("cpu_us", JOB_INT, cpu_us),
	JOB_FIELD("peak_kib", JOB_INT, peak_kib),
	JOB_FIELD("stdout_bytes", JOB_INT, stdout_bytes),
	JOB_FIELD("stderr_bytes", JOB_INT, stderr_bytes),
	JOB_FIELD("worker_pid", JOB_INT, worker_pid),
	JOB_FIELD("result", JOB_JSON, result),
	JOB_FIELD("progress", JOB_FLOAT, progress),
	JOB_FIELD("note", JOB_TEXT, note),
};

static int decode_text(struct arena *arena, struct slice value,
		       const char **ret)
{
	struct slice text, copy;
	int result = json_string(arena, value, &text);

	if (result == 0)
		result = arena_copy(arena, text, &copy);
	if (result == 0)
		*ret = copy.p;
	return result;
}

static int decode_json(struct arena *arena, struct slice value,
		       const char **ret)
{
	struct slice copy;
	int result = arena_copy(arena, value, &copy);

	if (result == 0)
		*ret = copy.p;
	return result;
}

static int decode_word(struct reeve_job *job, struct arena *arena,
		       struct slice key, struct slice value)
{
	enum job_state state;
	enum job_cause cause;
	struct slice text;

	if (json_string(arena, value, &text) != 0)
		return JSON_E_KIND;
	if (json_key_is(key, "state")) {
		if (!state_parse(text, &state))
			return JSON_E_KIND;
		job->state = (enum reeve_state)state;
	} else {
		job->cause = REEVE_CAUSE_OTHER;
		if (cause_parse(text, &cause))
			job->cause = (enum reeve_cause)cause;
	}
	return 0;
}

static int decode_field(struct reeve_job *job, struct arena *arena,
			struct slice key, struct slice value)
{
	for (size_t i = 0; i < ARRAY_COUNT(job_fields); i++) {
		void *member = (char *)job + job_fields[i].offset;

		if (!json_key_is(key, job_fields[i].name))
			continue;
		switch (job_fields[i].kind) {
		case JOB_INT:
			return json_int(value, member);
		case JOB_FLOAT:
			return json_float(value, member);
		case JOB_JSON:
			return decode_json(arena, value, member);
		case JOB_TEXT:
		default:
			return decode_text(arena, value, member);
		}
	}
	return 0;
}

/* A word as a shell would need it, so that the line can be pasted. */
static void write_word(struct json_out *line, struct slice word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-";
	size_t i = 0;

	while (i < word.n && word.p[i] && strchr(plain, word.p[i]))
		i++;
	if (word.n > 0 && i == word.n) {
		for (i = 0; i < word.n; i++)
			json_out_byte(line, word.p[i]);
		return;
	}
	json_out_byte(line, '\'');
	for (i = 0; i < word.n; i++) {
		if (word.p[i] == '\'') {
			for (const char *at = "'\\''"; *at; at++)
				json_out_byte(line, *at);
		} else {
			json_out_byte(line, word.p[i]);
		}
	}
	json_out_byte(line, '\'');
}

/* What it calls, and with what. */
static int make_call(struct reeve_job *job, struct arena *arena)
{
	struct json_out line = {0};
	struct slice copy;
	int result = -ENOMEM;

	json_out_append(&line, slice_of(job->handler));
	json_out_byte(&line, ' ');
	json_out_append(&line, slice_of(job->args));
	if (json_out_ok(&line))
		result = arena_copy(arena, json_out_slice(&line), &copy);
	if (result == 0)
		job->command = copy.p;
	json_out_fini(&line);
	return result;
}

/* The member "spec", as the daemon gives it when it is asked to. */
static int decode_command(struct reeve_job *job, struct arena *arena,
			  struct slice spec)
{
	struct json_out line = {0};
	struct slice value, item, text, copy;
	struct json_iter iter;
	int result = 0;

	if (json_find(spec, "shell", &value) && json_kind(value) == JSON_STRING)
		return decode_text(arena, value, &job->command);
	if (json_find(spec, "args", &value) && json_kind(value) == JSON_OBJECT)
		return decode_json(arena, value, &job->args);
	if (!json_find(spec, "argv", &value))
		return 0;
	iter = json_enter(value);
	while (result == 0 && json_item(&iter, &item)) {
		if (line.n > 0)
			json_out_byte(&line, ' ');
		result = json_string(arena, item, &text);
		if (result == 0)
			write_word(&line, text);
	}
	if (result == 0 && !json_out_ok(&line))
		result = -ENOMEM;
	if (result == 0)
		result = arena_copy(arena, json_out_slice(&line), &copy);
	if (result == 0)
		job->command = copy.p;
	json_out_fini(&line);
	return result;
}

static int decode_failure(struct reeve_job *job, struct arena *arena,
			  struct slice failure)
{
	struct slice value;
	int result = 0;

	if (json_find(failure, "message", &value) &&
	    json_kind(value) == JSON_STRING)
		result = decode_text(arena, value, &job->failure);
	if (result == 0 && json_find(failure, "type", &value) &&
	    json_kind(value) == JSON_STRING)
		result = decode_text(arena, value, &job->failure_type);
	if (result == 0 && json_find(failure, "trace", &value) &&
	    json_kind(value) == JSON_STRING)
		result = decode_text(arena, value, &job->failure_trace);
	return result;
}

static int decode_member(struct reeve_job *job, struct arena *arena,
			 struct slice key, struct slice value)
{
	if (json_kind(value) == JSON_NULL)
		return 0;
	if (json_key_is(key, "state") || json_key_is(key, "cause"))
		return decode_word(job, arena, key, value);
	if (json_key_is(key, "spec"))
		return decode_command(job, arena, value);
	if (json_key_is(key, "failure"))
		return decode_failure(job, arena, value);
	return decode_field(job, arena, key, value);
}

/*
 * A key that a library made, ours or Python's, so that it may send again: it is
 * nobody's word for the job.
 */
static bool is_made_key(const char *key)
{
	static const char hex[] = "0123456789abcdef";

	if (strncmp(key, "py-", 3) == 0)
		return strspn(key + 3, hex) == 18 && key[21] == '-' &&
		       strspn(key + 22, hex) >= 12;
	return key[0] == 'r' && strspn(key + 1, hex) == 19 && key[20] == '-' &&
	       strspn(key + 21, hex) >= 8;
}

/* Take a member out of an object that ends with a NUL. */
static void cut_member(char *object, const char *name)
{
	struct json_iter iter = json_enter(slice_of(object));
	struct slice key, value;
	char *from, *to;

	while (json_member(&iter, &key, &value)) {
		if (!json_key_is(key, name))
			continue;
		from = object + (key.p - 1 - object);
		to = object + (value.p + value.n - object);
		to += strspn(to, " \t\r\n");
		if (*to == ',') {
			to++;
		} else {
			while (strchr(" \t\r\n,", from[-1]))
				from--;
		}
		memmove(from, to, strlen(to) + 1);
		return;
	}
}

int job_decode_any(struct slice checked, struct reeve_job **ret)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	struct job_box *box = calloc(1, sizeof(*box));
	struct slice key, value, copy;
	struct json_iter iter;
	int result;

	if (!box)
		return -ENOMEM;
	job = &box->job;
	*job = (struct reeve_job){
		.queue = "",
		.handler = "",
		.name = "",
		.key = "",
		.command = "",
		.failure = "",
		.failure_type = "",
		.failure_trace = "",
		.args = "",
		.result = "null",
		.note = "",
		.progress = -1,
		.exit_code = -1,
		.cpu_us = -1,
		.peak_kib = -1,
		.stdout_bytes = -1,
		.stderr_bytes = -1,
	};
	if (json_kind(checked) != JSON_OBJECT)
		return JOB_E_MALFORMED;
	result = arena_copy(&box->arena, checked, &copy);
	if (result != 0)
		return result;
	job->json = copy.p;
	iter = json_enter(copy);
	while (json_member(&iter, &key, &value)) {
		result = decode_member(job, &box->arena, key, value);
		if (result < 0)
			return result;
		if (result > 0)
			return JOB_E_MALFORMED;
	}
	if (job->args[0] && make_call(job, &box->arena) != 0)
		return -ENOMEM;
	if (is_made_key(job->key)) {
		job->key = "";
		cut_member((char *)copy.p, "key");
	}
	*ret = TAKE(job);
	return 0;
}

int job_decode(struct slice checked, struct reeve_job **ret)
{
	int result = job_decode_any(checked, ret);

	if (result == 0 && (*ret)->id <= 0) {
		reeve_job_free(TAKE(*ret));
		return JOB_E_MALFORMED;
	}
	return result;
}

int reeve_job_parse(const char *json, struct reeve_job **ret)
{
	struct slice text = slice_of(json);
	struct json_fault fault;
	int result;

	if (json_check(text, &fault) != 0)
		return REEVE_E_PROTOCOL;
	result = job_decode(json_trim(text), ret);
	if (result == 0)
		return 0;
	return result < 0 ? REEVE_E_MEMORY : REEVE_E_PROTOCOL;
}

void reeve_job_free(struct reeve_job *job)
{
	struct job_box *box = (struct job_box *)job;

	if (!job)
		return;
	arena_fini(&box->arena);
	free(box);
}

bool reeve_job_ended(const struct reeve_job *job)
{
	return state_is_end((enum job_state)job->state);
}

const char *reeve_state_name(enum reeve_state state)
{
	return state_name((enum job_state)state);
}

const char *reeve_cause_name(enum reeve_cause cause)
{
	if (cause >= REEVE_CAUSE_OTHER)
		return "other";
	return cause_name((enum job_cause)cause);
}
