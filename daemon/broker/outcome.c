#include "daemon/broker/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/shallow.h"
#include "proto/json_depth.h"
#include "proto/json_in.h"
#include "proto/json_out.h"
#include "proto/limits.h"
#include "proto/utf8.h"

#define OUTCOME_SIGNAL_MAX 64
/* Of what a handler says of its failure: whole characters. */
#define OUTCOME_TYPE_BYTES 256
#define OUTCOME_MESSAGE_BYTES 4096
#define OUTCOME_TRACE_BYTES 16384

/* The members of a statement, walked through once: it is looked into often. */
#define FIELDS_MAX 32
struct fields {
	struct slice keys[FIELDS_MAX], values[FIELDS_MAX];
	size_t count;
	bool odd; /* a key is written with an escape */
};

/* What is behind the last that fits is nothing that we know. */
static void read_fields(struct slice object, struct fields *ret)
{
	struct json_iter iter = json_enter(object);

	ret->count = 0;
	ret->odd = false;
	while (ret->count < FIELDS_MAX &&
	       json_member(&iter, &ret->keys[ret->count],
			   &ret->values[ret->count])) {
		struct slice key = ret->keys[ret->count++];

		ret->odd = ret->odd || memchr(key.p, '\\', key.n);
	}
}

static bool find_field(const struct fields *fields, const char *name,
		       struct slice *ret)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < fields->count; i++) {
		struct slice key = fields->keys[i];

		if ((key.n != n || memcmp(key.p, name, n) != 0) &&
		    (!fields->odd || !json_key_is(key, name)))
			continue;
		*ret = fields->values[i];
		return true;
	}
	return false;
}

static int64_t member_int(const struct fields *line, const char *name,
			  int64_t none)
{
	struct slice value;
	int64_t n;

	if (!find_field(line, name, &value) || json_int(value, &n))
		return none;
	return n;
}

static bool member_true(const struct fields *line, const char *name)
{
	struct slice value;
	bool is = false;

	return find_field(line, name, &value) && json_bool(value, &is) == 0 &&
	       is;
}

/* A string member, decoded; n 0 when absent. */
static int member_string(const struct fields *line, const char *name,
			 struct arena *arena, struct slice *ret)
{
	struct slice value;
	int r;

	*ret = (struct slice){0};
	if (!find_field(line, name, &value) || json_kind(value) == JSON_NULL)
		return 0;
	r = json_string(arena, value, ret);
	return r > 0 ? OUTCOME_E_BAD : r;
}

/*
 * {"type","message"}: the errno's name, for programs, when it could not start,
 * and what a person should read about the end.
 */
static int failure_text(int64_t error, struct slice message,
			struct arena *arena, struct slice *ret)
{
	const char *name = error > 0 && error < 4096
				   ? strerrorname_np((int)error)
				   : NULL;
	struct json_out out = {0};
	int r;

	json_out_object(&out);
	if (name)
		json_out_member_text(&out, "type", name);
	json_out_member_string(&out, "message", message);
	json_out_object_end(&out);
	r = json_out_ok(&out) ? arena_copy(arena, json_out_slice(&out), ret)
			      : -ENOMEM;
	json_out_fini(&out);
	return r;
}

static int read_cause(const struct fields *line, struct arena *arena,
		      struct store_outcome *outcome)
{
	struct slice word;
	int r = member_string(line, "cause", arena, &word);

	if (r)
		return r;
	/* A handler that returned has none to tell. */
	if (word.n && !cause_parse(word, &outcome->cause))
		return OUTCOME_E_BAD;
	outcome->kind = outcome->cause == CAUSE_NONE ? STORE_SUCCEEDED
						     : STORE_FAILED_ATTEMPT;
	return 0;
}

/* The file itself stays where it is; what it must be is kept with the end. */
static int describe_file(const struct fields *line, struct arena *arena,
			 struct slice *ret)
{
	struct json_out out = {0};
	struct slice sum;
	int r = member_string(line, "sha256", arena, &sum);

	if (r)
		return r;
	json_out_object(&out);
	json_out_member_int(&out, "bytes", member_int(line, "file_bytes", 0));
	json_out_member_string(&out, "sha256", sum);
	json_out_object_end(&out);
	r = json_out_ok(&out) ? arena_copy(arena, json_out_slice(&out), ret)
			      : -ENOMEM;
	json_out_fini(&out);
	return r;
}

static int read_bytes(const struct fields *line, struct arena *arena,
		      struct store_outcome *outcome)
{
	struct slice text;
	int r = member_string(line, "log64", arena, &text);

	if (r == 0 && outcome->output_file)
		r = describe_file(line, arena, &outcome->log);
	else if (r == 0 && text.n)
		r = json_base64(arena, text, &outcome->log);
	if (r)
		return r > 0 ? OUTCOME_E_BAD : r;
	r = member_string(line, "message", arena, &text);
	if (r)
		return r;
	return text.n ? failure_text(member_int(line, "errno", 0), text, arena,
				     &outcome->failure)
		      : 0;
}

/* Nobody could read the job any more. */
static void fail_too_deep(struct store_outcome *outcome)
{
	outcome->kind = STORE_FAILED_ATTEMPT;
	outcome->cause = CAUSE_HANDLER;
	outcome->failure = SLICE("{\"type\":\"ResultNotJSON\",\"message\":"
				 "\"the result is nested too deep\"}");
}

/* What a handler returned, as it wrote it; nothing is nothing to keep. */
static int read_result(const struct fields *line, struct arena *arena,
		       struct store_outcome *outcome)
{
	struct slice value;

	if (!find_field(line, "result", &value) ||
	    json_kind(value) == JSON_NULL)
		return 0;
	if (outcome->kind == STORE_SUCCEEDED &&
	    json_is_deeper(value, LIMIT_DATA_DEPTH)) {
		fail_too_deep(outcome);
		return 0;
	}
	return arena_copy(arena, value, &outcome->result);
}

static int copy_text(struct json_out *out, const struct fields *error,
		     const char *name, size_t max, struct arena *arena)
{
	struct slice text;
	int r = member_string(error, name, arena, &text);

	if (r == 0 && text.n) {
		text.n = utf8_cut(text, max);
		json_out_member_string(out, name, text);
	}
	return r;
}

/* {"type","message","trace"}, each cut to what is kept of it. */
static int read_error(const struct fields *line, struct arena *arena,
		      struct slice *ret)
{
	struct json_out out = {0};
	struct fields members;
	struct slice error;
	int r;

	if (!find_field(line, "error", &error) ||
	    json_kind(error) != JSON_OBJECT)
		return OUTCOME_E_BAD;
	read_fields(error, &members);
	json_out_object(&out);
	r = copy_text(&out, &members, "type", OUTCOME_TYPE_BYTES, arena);
	if (r == 0)
		r = copy_text(&out, &members, "message", OUTCOME_MESSAGE_BYTES,
			      arena);
	if (r == 0)
		r = copy_text(&out, &members, "trace", OUTCOME_TRACE_BYTES,
			      arena);
	json_out_object_end(&out);
	if (r == 0)
		r = json_out_ok(&out)
			    ? arena_copy(arena, json_out_slice(&out), ret)
			    : -ENOMEM;
	json_out_fini(&out);
	return r;
}

/* Why a handler failed, and what it wishes about another try. */
static int read_fail(const struct fields *line, struct arena *arena,
		     struct store_outcome *outcome)
{
	struct slice retry;
	bool again = true;

	outcome->kind = STORE_FAILED_ATTEMPT;
	outcome->cause = CAUSE_HANDLER;
	if (find_field(line, "retry", &retry) &&
	    json_kind(retry) != JSON_NULL && json_bool(retry, &again))
		return OUTCOME_E_BAD;
	outcome->final = !again || member_true(line, "bury");
	outcome->pause_ms = member_int(line, "retry_ms", -1);
	outcome->has_pause = outcome->pause_ms >= 0;
	outcome->least_ms = member_int(line, "retry_after_ms", 0);
	return read_error(line, arena, &outcome->failure);
}

/* What a worker could not give back before it left. */
static int read_put_back(struct slice list, struct store_outcome *ret)
{
	struct json_iter iter = json_enter(list);
	struct fields members;
	struct slice item;
	struct store_outcome outcome = {.kind = STORE_PUT_BACK,
					.exit_code = -1};

	if (json_kind(list) != JSON_ARRAY || !json_item(&iter, &item) ||
	    json_kind(item) != JSON_OBJECT)
		return OUTCOME_E_BAD;
	read_fields(item, &members);
	outcome.job = member_int(&members, "job", 0);
	outcome.token = member_int(&members, "token", 0);
	if (outcome.job <= 0 || outcome.token <= 0)
		return OUTCOME_E_BAD;
	*ret = outcome;
	return 0;
}

/* A figure of a worker: what cannot be is not known. */
static int64_t figure(const struct fields *line, const char *name)
{
	int64_t n = member_int(line, name, 0);

	return n < 0 || n > INT64_C(1) << 53 ? 0 : n;
}

int outcome_parse(struct slice text, struct arena *arena,
		  struct store_outcome *ret, int64_t *ret_run_us)
{
	struct store_outcome outcome = {.exit_code = -1};
	int64_t exit_code, signal, run_us;
	struct fields fields;
	const struct fields *line = &fields;
	bool failed;
	int r;

	read_fields(text, &fields);
	outcome.job = member_int(line, "done", 0);
	failed = outcome.job <= 0;
	if (failed)
		outcome.job = member_int(line, "fail", 0);
	outcome.token = member_int(line, "token", 0);
	if (outcome.job <= 0 || outcome.token <= 0)
		return OUTCOME_E_BAD;
	r = failed ? read_fail(line, arena, &outcome)
		   : read_cause(line, arena, &outcome);
	if (r == 0 && !failed)
		r = read_result(line, arena, &outcome);
	if (r)
		return r;
	exit_code = member_int(line, "exit", -1);
	signal = member_int(line, "signal", 0);
	if (exit_code < -1 || exit_code > 255 || signal < 0 ||
	    signal > OUTCOME_SIGNAL_MAX)
		return OUTCOME_E_BAD;
	outcome.exit_code = (int32_t)exit_code;
	outcome.signal = (int32_t)signal;
	outcome.core = member_true(line, "core");
	outcome.started_ms = figure(line, "started_ms");
	outcome.finished_ms = figure(line, "finished_ms");
	outcome.cpu_us = figure(line, "cpu_us");
	outcome.peak_kib = figure(line, "peak_kib");
	outcome.stdout_bytes = figure(line, "stdout_bytes");
	outcome.stderr_bytes = figure(line, "stderr_bytes");
	outcome.output_file = member_true(line, "file");
	run_us = member_int(line, "run_us", -1);
	r = read_bytes(line, arena, &outcome);
	if (r)
		return r;
	*ret = outcome;
	/* As nanoseconds it must fit, too. */
	if (run_us > INT64_MAX / 1000)
		run_us = INT64_MAX / 1000;
	*ret_run_us = run_us < 0 ? -1 : run_us;
	return 0;
}

int outcome_too_deep(struct slice text, struct arena *arena,
		     struct store_outcome *ret, int64_t *ret_run_us)
{
	struct store_outcome outcome;
	struct json_fault fault;
	struct slice line;
	int r = shallow_result(text, arena, &line);

	if (r)
		return r < 0 ? r : OUTCOME_E_BAD;
	if (json_check(line, &fault) || json_kind(line) != JSON_OBJECT)
		return OUTCOME_E_BAD;
	r = outcome_parse(json_trim(line), arena, &outcome, ret_run_us);
	if (r)
		return r;
	if (outcome.kind != STORE_SUCCEEDED)
		return OUTCOME_E_BAD;
	fail_too_deep(&outcome);
	*ret = outcome;
	return 0;
}

static int result_path(char path[4200], const char *state_dir, int64_t token)
{
	int n = snprintf(path, 4200, "%s/results/%" PRId64, state_dir, token);

	return n > 0 && n < 4200 ? 0 : -ENAMETOOLONG;
}

/* The whole file into the arena; it was written by a worker, in one piece. */
static int read_file(int fd, struct arena *arena, struct slice *ret)
{
	struct stat st;
	char *p;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > LIMIT_MESSAGE_BYTES)
		return OUTCOME_E_BAD;
	p = arena_alloc(arena, (size_t)st.st_size + 1);
	if (!p)
		return -ENOMEM;
	n = read(fd, p, (size_t)st.st_size);
	if (n < 0)
		return -errno;
	*ret = (struct slice){p, (size_t)n};
	return 0;
}

int outcome_load(const char *state_dir, int64_t token, struct arena *arena,
		 struct store_outcome *ret)
{
	struct json_fault fault;
	struct slice line, list;
	char path[4200];
	int64_t run_us;
	int fd, r;

	r = result_path(path, state_dir, token);
	if (r)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	r = read_file(fd, arena, &line);
	close(fd);
	if (r)
		return r;
	r = json_check(line, &fault);
	if (r == JSON_E_DEPTH)
		return outcome_too_deep(line, arena, ret, &run_us);
	if (r)
		return OUTCOME_E_BAD;
	line = json_trim(line);
	if (json_kind(line) == JSON_OBJECT &&
	    json_find(line, "put_back", &list))
		return read_put_back(list, ret);
	return outcome_parse(line, arena, ret, &run_us);
}

void outcome_unlink(const char *state_dir, int64_t token)
{
	char path[4200];

	if (result_path(path, state_dir, token) == 0)
		unlink(path);
}
