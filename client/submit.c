/*
 * Submissions: the key that makes sending again harmless, and the two calls.
 */

#include "client/submit.h"

#include "client/clock.h"
#include "client/job.h"
#include "proto/json_in.h"
#include "proto/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

/*
 * Time first and a counter last: keys made one after the other are neighbours
 * in the store's index. With random ones a million keys cost four times the
 * time. As they are, batches of 1000 enter at 280 k instead of 430 k jobs a
 * second, and single calls take as long as without (measured): cheap for what
 * they give, and spec->no_key is there for whoever needs the rest.
 */
static int make_nonce(struct reeve *r)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return handle_fail(r, REEVE_E_SYSTEM, NULL,
				   "cannot get random bytes: %s",
				   strerror(errno));
	snprintf(r->nonce, sizeof(r->nonce), "r%011llx%08x",
		 (unsigned long long)clock_wall_ms(), random);
	r->nonce_owner = getpid();
	return 0;
}

int submit_key(struct reeve *r, const struct reeve_spec *spec,
	       const char *given, char text[SUBMIT_KEY_BYTES], const char **ret)
{
	int result;

	*ret = given;
	if (given || spec->no_key || spec->durability != REEVE_SYNC)
		return 0;
	/* With one nonce the job of a child would be taken for the parent's. */
	if (!r->nonce[0] || r->nonce_owner != getpid()) {
		result = make_nonce(r);
		if (result != 0)
			return result;
	}
	snprintf(text, SUBMIT_KEY_BYTES, "%s-%08llx", r->nonce,
		 (unsigned long long)r->key_counter++);
	*ret = text;
	return 0;
}

static int utf8_fail(struct reeve *r, const struct spec_fault *fault)
{
	static const struct {
		const char *field, *what, *hint;
	} words[] = {
		{"argv", "the argument",
		 "Rename the file, or let a shell find it: --sh 'command "
		 "*.txt'"},
		{"shell", "the command",
		 "Rename the file, or find it with a pattern like *.txt"},
		{"cwd", "the working folder",
		 "Rename it, or submit from another one"},
		{"env", "the variable", "Set it in the job, with --sh"},
	};
	const char *what = fault->field, *hint = "Write it in UTF-8";
	char text[SPEC_ESCAPED_BYTES] = "";

	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (strcmp(fault->field, words[i].field) == 0) {
			what = words[i].what;
			hint = words[i].hint;
		}
	}
	if (fault->text)
		spec_escape(fault->text, text);
	return handle_fail(r, REEVE_E_INVALID, hint,
			   "%s %s%s%sis not UTF-8 text, and the protocol "
			   "carries nothing else",
			   what, text[0] ? "'" : "", text, text[0] ? "' " : "");
}

int submit_spec_fail(struct reeve *r, int result,
		     const struct spec_fault *fault)
{
	switch (result) {
	case SPEC_E_UTF8:
		return utf8_fail(r, fault);
	case SPEC_E_TAG:
		return handle_fail(r, REEVE_E_INVALID, "Write NAME=VALUE",
				   "%s: '%s' has no name or no '='",
				   fault->field, fault->text);
	case SPEC_E_NUMBER:
		return handle_fail(r, REEVE_E_INVALID,
				   "A umask is octal, a limit is NAME=NUMBER",
				   "%s: '%s' is not a number that fits",
				   fault->field, fault->text);
	case SPEC_E_FOLDER:
		return handle_fail(r, REEVE_E_INVALID,
				   "Change to one that exists, or say where to "
				   "run: --cwd FOLDER",
				   "the current folder cannot be told; it was "
				   "removed, or is hidden from you");
	case SPEC_E_HANDLER:
		return handle_fail(r, REEVE_E_INVALID,
				   "A handler takes args, a command the rest",
				   "%s is not for %s", fault->field,
				   strcmp(fault->field, "args") == 0
					   ? "a command"
					   : "a handler");
	case SPEC_E_ARGS:
		return handle_fail(r, REEVE_E_INVALID,
				   "Like: {\"path\":\"a.png\"}",
				   "args is not a JSON object: %s at byte %zu",
				   fault->why, fault->offset);
	case SPEC_E_CALLBACKS:
		return handle_fail(r, REEVE_E_INVALID,
				   "Like: [{\"argv\":[\"./mail\",\"me\"]}]",
				   "%s is not a JSON list: %s at byte %zu",
				   fault->field, fault->why, fault->offset);
	case SPEC_E_EMPTY:
	default:
		return handle_fail(r, REEVE_E_INVALID,
				   "Give argv, or shell, not both",
				   "there is no single command to run");
	}
}

/* Before anything is sent: the system would only say that one of them is bad. */
static int check_descriptors(struct reeve *r)
{
	for (size_t i = 0; i < r->fd_count; i++) {
		if (fcntl(r->fds[i], F_GETFD) < 0)
			return handle_fail(
				r, REEVE_E_INVALID, "Give one that is open",
				"%d is no open descriptor", r->fds[i]);
	}
	return 0;
}

int submit_params(struct reeve *r, const struct reeve_spec *spec,
		  struct slice *ret, bool *ret_keyed)
{
	struct json_out *out = handle_params(r);
	struct spec_fault fault = {0};
	char text[SUBMIT_KEY_BYTES];
	const char *key;
	int result = submit_key(r, spec, spec->key, text, &key);

	if (result != 0)
		return result;
	*ret_keyed = key != NULL;
	json_out_object(out);
	json_out_key(out, "job");
	result = spec_write(out, spec, key, &fault);
	if (result != 0)
		return submit_spec_fail(r, result, &fault);
	json_out_object_end(out);
	return handle_params_take(r, ret);
}

/* Sent twice, it finds itself: that one is no older than this call. */
static bool is_our_own(struct reeve *r, int64_t id, int64_t begun_ms)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;

	return r->repeated && reeve_get(r, id, &job) == 0 &&
	       job->created_ms >= begun_ms;
}

bool reeve_submit_existed(const struct reeve *r)
{
	return r->existed;
}

int reeve_submit(struct reeve *r, const struct reeve_spec *spec,
		 int64_t *ret_id)
{
	struct slice params, reply, value;
	int64_t id, begun_ms = clock_wall_ms();
	bool existed = false;
	int fds[SPEC_DESCRIPTORS];
	bool keyed;
	int result = submit_params(r, spec, &params, &keyed);

	if (result != 0)
		return result;
	r->fds = fds;
	r->fd_count = spec_descriptors(spec, fds);
	result = check_descriptors(r);
	if (result == 0)
		result = handle_call(r, "org.reeve.jobs.Submit", params, keyed,
				     &reply);
	r->fds = NULL;
	r->fd_count = 0;
	if (result != 0)
		return result;
	if (!json_find(reply, "id", &value) || json_int(value, &id) != 0 ||
	    id <= 0)
		return handle_fail(r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer to Submit has no id");
	if (json_find(reply, "existing", &value) &&
	    json_bool(value, &existed) != 0)
		existed = false;
	r->existed = existed && !is_our_own(r, id, begun_ms);
	*ret_id = id;
	return 0;
}

static int write_many(struct reeve *r, const struct reeve_spec *defaults,
		      const struct reeve_spec *jobs, size_t count,
		      bool *ret_keyed)
{
	struct json_out *out = handle_params(r);
	struct spec_fault fault = {0};
	int result;

	*ret_keyed = true;
	json_out_object(out);
	json_out_key(out, "defaults");
	result = spec_write_defaults(out, defaults, &fault);
	if (result != 0)
		return submit_spec_fail(r, result, &fault);
	json_out_key(out, "jobs");
	json_out_array(out);
	for (size_t i = 0; i < count; i++) {
		char text[SUBMIT_KEY_BYTES];
		const char *key;

		result = submit_key(r, defaults, jobs[i].key, text, &key);
		if (result != 0)
			return result;
		if (!key)
			*ret_keyed = false;
		if (jobs[i].descriptors || defaults->descriptors)
			return handle_fail(r, REEVE_E_INVALID,
					   "Submit such jobs one by one",
					   "descriptors cannot go with many "
					   "jobs in one call");
		result = spec_write_item(out, defaults, &jobs[i], key, &fault);
		if (result != 0)
			return submit_spec_fail(r, result, &fault);
	}
	json_out_array_end(out);
	json_out_object_end(out);
	return 0;
}

/* The first refusal becomes the handle's error. */
static void note_rejection(struct reeve *r, struct slice reply)
{
	struct arena arena = {0};
	struct slice list, first, text;
	struct slice name = SLICE("refused"), message = {0}, field = {0};
	struct json_iter iter;

	handle_fail(r, REEVE_E_REFUSED, NULL, "the daemon refused a job");
	if (!json_find(reply, "rejected", &list))
		return;
	iter = json_enter(list);
	if (!json_item(&iter, &first))
		return;
	if (json_find(first, "error", &text) &&
	    json_string(&arena, text, &name) != 0)
		name = SLICE("refused");
	if (json_find(first, "message", &text) &&
	    json_string(&arena, text, &message) != 0)
		message = (struct slice){0};
	if (json_find(first, "field", &text) &&
	    json_string(&arena, text, &field) != 0)
		field = (struct slice){0};
	/* What is wrong with a field says little without its name. */
	if (!slice_is(name, "org.varlink.service.InvalidParameter"))
		field = (struct slice){0};
	if (message.n)
		handle_fail(r, REEVE_E_REFUSED, NULL, "%.*s%s%.*s",
			    (int)field.n, field.p ? field.p : "",
			    field.n ? ": " : "", (int)message.n, message.p);
	else
		handle_fail(r, REEVE_E_REFUSED, NULL,
			    "the daemon refused with %.*s", (int)name.n,
			    name.p);
	snprintf(r->error.name, sizeof(r->error.name), "%.*s", (int)name.n,
		 name.p);
	arena_fini(&arena);
}

int reeve_submit_many(struct reeve *r, const struct reeve_spec *defaults,
		      const struct reeve_spec *jobs, size_t count,
		      int64_t *ret_ids)
{
	struct slice params, reply, list, value;
	struct json_iter iter;
	bool keyed, refused = false;
	size_t i = 0;
	int result;

	if (count == 0 || count > LIMIT_JOBS_PER_CALL)
		return handle_fail(r, REEVE_E_INVALID, "Use several calls",
				   "one call takes 1 to %d jobs",
				   LIMIT_JOBS_PER_CALL);
	result = write_many(r, defaults, jobs, count, &keyed);
	if (result != 0)
		return result;
	result = handle_params_take(r, &params);
	if (result != 0)
		return result;
	result = handle_call(r, "org.reeve.jobs.SubmitMany", params, keyed,
			     &reply);
	if (result != 0)
		return result;

	if (!json_find(reply, "ids", &list) || json_count(list) != count)
		return handle_fail(r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer to SubmitMany does not "
				   "hold %zu ids",
				   count);
	iter = json_enter(list);
	while (i < count && json_item(&iter, &value)) {
		if (json_int(value, &ret_ids[i]) != 0 || ret_ids[i] < 0)
			return handle_fail(r, REEVE_E_PROTOCOL, NULL,
					   "the daemon's answer to SubmitMany "
					   "holds an id that is none");
		refused |= ret_ids[i++] == 0;
	}
	if (refused)
		note_rejection(r, reply);
	return 0;
}
