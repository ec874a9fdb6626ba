#include "client/handle.h"

#include "client/clock.h"
#include "proto/json_in.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const char *reeve_version(void)
{
	return REEVE_VERSION;
}

struct reeve *reeve_new(void)
{
	struct reeve *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	link_init(&r->link, NULL);
	r->patience_ms = PATIENCE_MS;
	return r;
}

void reeve_free(struct reeve *r)
{
	if (!r)
		return;
	link_close(&r->link);
	json_out_fini(&r->out);
	json_out_fini(&r->reply);
	json_out_fini(&r->params);
	free(r);
}

const struct reeve_error *reeve_error(const struct reeve *r)
{
	return &r->error;
}

void reeve_set_patience(struct reeve *r, int64_t ms)
{
	r->patience_ms = ms < 0 ? 0 : ms;
}

void reeve_set_interrupt(struct reeve *r, const volatile sig_atomic_t *flag)
{
	r->interrupt = flag;
	r->link.interrupt = flag;
}

bool handle_interrupted(const struct reeve *r)
{
	return r->interrupt && *r->interrupt;
}

int handle_fail(struct reeve *r, enum reeve_code code, const char *hint,
		const char *format, ...)
{
	va_list arguments;

	r->error = (struct reeve_error){.code = code};
	va_start(arguments, format);
	vsnprintf(r->error.message, sizeof(r->error.message), format,
		  arguments);
	va_end(arguments);
	snprintf(r->error.hint, sizeof(r->error.hint), "%s", hint ? hint : "");
	return code;
}

int handle_link_fail(struct reeve *r, int result)
{
	switch (result) {
	case LINK_E_CLOSED:
		return handle_fail(r, REEVE_E_LOST,
				   "Look whether it happened: reeve ls",
				   "the daemon closed the connection before it "
				   "answered");
	case LINK_E_TIMEOUT:
		return handle_fail(r, REEVE_E_TIMEOUT, NULL,
				   "the time is over");
	case LINK_E_INTERRUPTED:
		return handle_fail(r, REEVE_E_INTERRUPTED, NULL, "interrupted");
	case LINK_E_TOO_LARGE:
		return handle_fail(r, REEVE_E_PROTOCOL, NULL,
				   "the daemon sent a message of more than %d "
				   "bytes",
				   LINK_MESSAGE_BYTES);
	case LINK_E_NOBODY:
		handle_fail(r, REEVE_E_UNREACHABLE, NULL,
			    "cannot reach the daemon: nobody listens at %s",
			    r->path);
		r->error.system = ECONNREFUSED;
		return REEVE_E_UNREACHABLE;
	case LINK_E_STRANGER:
		return handle_fail(r, REEVE_E_SYSTEM,
				   "If that is whom you mean, set REEVE_SOCKET "
				   "to this path",
				   "another user listens at %s", r->path);
	case -ENOMEM:
		return handle_fail(r, REEVE_E_MEMORY, NULL, "out of memory");
	default:
		handle_fail(r, REEVE_E_SYSTEM,
			    result == -EACCES
				    ? "It serves its own user and root; your "
				      "own is used without --socket and "
				      "REEVE_SOCKET"
				    : NULL,
			    "cannot talk to the daemon at %s: %s", r->path,
			    strerror(-result));
		r->error.system = -result;
		return REEVE_E_SYSTEM;
	}
}

int handle_dial(struct reeve *r, struct link *link, int64_t deadline_ms)
{
	for (;;) {
		int result = link_open(link, r->path, r->ours);

		if (result == 0)
			return 0;
		if (result != LINK_E_NOBODY ||
		    clock_monotonic_ms() >= deadline_ms)
			return handle_link_fail(r, result);
		if (handle_interrupted(r))
			return handle_link_fail(r, LINK_E_INTERRUPTED);
		clock_pause(20);
	}
}

int reeve_connect(struct reeve *r, const char *socket)
{
	if (socket) {
		if (strlen(socket) >= sizeof(r->path))
			return handle_fail(r, REEVE_E_INVALID,
					   "Use a shorter one, below /run or "
					   "/tmp",
					   "the path of the socket is longer "
					   "than %zu bytes",
					   sizeof(r->path) - 1);
		snprintf(r->path, sizeof(r->path), "%s", socket);
		r->ours = false;
	} else {
		enum reeve_scope scope = REEVE_SCOPE_EXPLICIT;
		int result = reeve_socket_path(r->path, sizeof(r->path),
					       &scope);

		r->ours = scope == REEVE_SCOPE_USER;

		if (result != 0)
			return handle_fail(
				r, (enum reeve_code)result,
				"Set REEVE_SOCKET to the path of the socket",
				"%s: a folder of another user, or open to "
				"others, or too long a path",
				r->path);
	}
	link_close(&r->link);
	return handle_dial(r, &r->link, 0);
}

struct json_out *handle_params(struct reeve *r)
{
	json_out_reset(&r->params);
	return &r->params;
}

int handle_params_take(struct reeve *r, struct slice *ret)
{
	if (!json_out_ok(&r->params))
		return handle_link_fail(r, -ENOMEM);
	*ret = json_out_slice(&r->params);
	return 0;
}

int handle_message(struct reeve *r, const char *method, struct slice parameters,
		   const char *flag)
{
	json_out_reset(&r->out);
	json_out_object(&r->out);
	json_out_member_text(&r->out, "method", method);
	if (flag)
		json_out_member_bool(&r->out, flag, true);
	json_out_member_raw(&r->out, "parameters", parameters);
	json_out_object_end(&r->out);
	json_out_byte(&r->out, '\0');
	if (!json_out_ok(&r->out))
		return handle_link_fail(r, -ENOMEM);
	return 0;
}

/* Which errors of the daemon are what to a caller; the rest is REFUSED. */
static const struct {
	const char *name;
	enum reeve_code code;
} error_codes[] = {
	{"org.reeve.jobs.NoSuchJob", REEVE_E_NOT_FOUND},
	{"org.reeve.jobs.NoSuchGroup", REEVE_E_NOT_FOUND},
	{"org.reeve.jobs.NoSuchHandler", REEVE_E_NOT_FOUND},
	{"org.reeve.queues.NoSuchQueue", REEVE_E_NOT_FOUND},
	{"org.reeve.admin.NoSuchPool", REEVE_E_NOT_FOUND},
	{"org.reeve.jobs.Timeout", REEVE_E_TIMEOUT},
	{"org.reeve.jobs.TooLarge", REEVE_E_INVALID},
	{"org.reeve.jobs.Conflicting", REEVE_E_INVALID},
	{"org.reeve.admin.BadMessage", REEVE_E_INVALID},
	{"org.varlink.service.InvalidParameter", REEVE_E_INVALID},
	{"org.varlink.service.MethodNotFound", REEVE_E_INVALID},
	{"org.varlink.service.InterfaceNotFound", REEVE_E_INVALID},
};

/* A text of the daemon, cut to its place; control characters become blanks,
 * because it may be shown on a terminal. */
static void copy_text(char *to, size_t bytes, struct arena *arena,
		      struct slice object, const char *name)
{
	struct slice raw, text;

	if (!json_find(object, name, &raw) ||
	    json_string(arena, raw, &text) != 0)
		return;
	if (text.n >= bytes)
		text.n = bytes - 1;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		to[i] = c < ' ' || c == 127 ? ' ' : (char)c;
	}
	to[text.n] = '\0';
}

/* The one error that people meet every day: with the number in it. */
static int64_t say_no_job(struct reeve_error *error, struct slice parameters)
{
	struct slice value;
	int64_t id;

	if (!json_find(parameters, "id", &value) || json_int(value, &id) != 0)
		return 0;
	snprintf(error->message, sizeof(error->message), "there is no job %lld",
		 (long long)id);
	snprintf(error->hint, sizeof(error->hint),
		 "It may have been purged; see which there are: reeve ls -a");
	return id;
}

/* What is wrong with a field says little without the field's name. */
static void say_field(struct reeve_error *error, struct arena *arena,
		      struct slice parameters)
{
	char field[128] = "", message[sizeof(error->message)];

	copy_text(field, sizeof(field), arena, parameters, "parameter");
	if (!field[0] || strstr(error->message, field))
		return;
	memcpy(message, error->message, sizeof(message));
	snprintf(error->message, sizeof(error->message), "%s: %.370s", field,
		 message);
}

static void say_no_queue(struct reeve_error *error, struct arena *arena,
			 struct slice parameters)
{
	char queue[256] = "";

	copy_text(queue, sizeof(queue), arena, parameters, "name");
	snprintf(error->message, sizeof(error->message),
		 "there is no queue '%s'", queue);
}

static void say_served(struct reeve_error *error, struct arena *arena,
		       struct slice parameters)
{
	char handler[256] = "", pool[256] = "";

	copy_text(handler, sizeof(handler), arena, parameters, "handler");
	copy_text(pool, sizeof(pool), arena, parameters, "pool");
	snprintf(error->message, sizeof(error->message),
		 "pool '%.200s' serves the handler '%.200s', so nobody else "
		 "gets its jobs",
		 pool, handler);
}

static int error_reply(struct reeve *r, struct slice name,
		       struct slice parameters)
{
	struct reeve_error error = {.code = REEVE_E_REFUSED};
	struct arena arena = {0};
	struct slice text;

	if (json_string(&arena, name, &text) == 0)
		snprintf(error.name, sizeof(error.name), "%.*s", (int)text.n,
			 text.p);
	for (size_t i = 0; i < ARRAY_COUNT(error_codes); i++) {
		if (strcmp(error.name, error_codes[i].name) == 0)
			error.code = error_codes[i].code;
	}
	copy_text(error.message, sizeof(error.message), &arena, parameters,
		  "message");
	copy_text(error.hint, sizeof(error.hint), &arena, parameters, "hint");
	if (strcmp(error.name, "org.reeve.jobs.NoSuchJob") == 0)
		r->missing = say_no_job(&error, parameters);
	if (strcmp(error.name, "org.reeve.queues.NoSuchQueue") == 0)
		say_no_queue(&error, &arena, parameters);
	if (strcmp(error.name, "org.reeve.consume.PoolServes") == 0)
		say_served(&error, &arena, parameters);
	if (!error.message[0])
		snprintf(error.message, sizeof(error.message),
			 "the daemon refused with %s", error.name);
	say_field(&error, &arena, parameters);
	arena_fini(&arena);
	r->error = error;
	return (int)error.code;
}

int handle_reply(struct reeve *r, struct slice message,
		 struct slice *ret_parameters, bool *ret_continues)
{
	struct json_fault fault = {0};
	struct slice name, value;
	struct slice parameters = SLICE("{}");
	bool continues = false;

	if (json_check(message, &fault) != 0)
		return handle_fail(r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer is not JSON: %s at "
				   "byte %zu",
				   fault.message, fault.offset);
	message = json_trim(message);
	if (json_kind(message) != JSON_OBJECT)
		return handle_fail(r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer is not an object");
	if (json_find(message, "parameters", &value) &&
	    json_kind(value) == JSON_OBJECT)
		parameters = value;
	if (json_find(message, "error", &name) && json_kind(name) != JSON_NULL)
		return error_reply(r, name, parameters);
	if (json_find(message, "continues", &value) &&
	    json_bool(value, &continues) != 0)
		continues = false;
	*ret_parameters = parameters;
	if (ret_continues)
		*ret_continues = continues;
	return 0;
}
