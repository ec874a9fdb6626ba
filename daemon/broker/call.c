#include "daemon/broker/call.h"

#include <errno.h>

#include "daemon/broker/carry.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "proto/calls.h"
#include "proto/json_in.h"
#include "proto/limits.h"

#define CALL_PARAMS_BYTES 512 /* the largest decoded struct */

/* Return: 0, or not: @fault says what is wrong with the message. */
static int read_envelope(struct arena *arena, struct slice message,
			 struct call_envelope *ret, struct schema_fault *fault)
{
	if (json_kind(message) == JSON_OBJECT)
		return schema_decode(&call_envelope_type, arena, message, "",
				     ret, fault);
	*fault = (struct schema_fault){
		.message = "expected an object with \"method\" and "
			   "\"parameters\""};
	return SCHEMA_E_KIND;
}

static struct call *call_new(struct conn *conn)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->broker = conn->broker;
	call->conn = conn;
	call->uid = conn->uid;
	call->gid = conn->gid;
	call->held = 1; /* by the connection, until it is answered */
	TAILQ_INSERT_TAIL(&conn->calls, call, conn_link);
	conn->call_count++;
	return call;
}

static void bad_message(struct call *call, size_t offset, const char *message)
{
	struct conn *conn = call->conn;
	struct json_out *out = call_error(call, "org.reeve.admin.BadMessage");

	json_out_member_int(out, "offset", (int64_t)offset);
	call_error_end(call, message,
		       "a message is one JSON object and a NUL byte (or a "
		       "newline); the connection is closed");
	conn_close(conn);
}

/* "org.nobody" of "org.nobody.Nap"; a name without a dot is all of it. */
static struct slice interface_of(struct slice name)
{
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;

	if (dot)
		name.n = (size_t)(dot - name.p);
	return name;
}

static void unknown_method(struct call *call, struct slice name)
{
	const struct schema_method *known;
	struct json_out *out;

	switch (calls_find(name, &known)) {
	case 0:
		out = call_error(call,
				 "org.varlink.service.MethodNotImplemented");
		json_out_member_string(out, "method", name);
		call_error_end(call,
			       "this version knows the method but does not "
			       "have it yet",
			       "PROTOCOL.md lists what is built");
		return;
	case CALLS_E_NO_METHOD:
		out = call_error(call, "org.varlink.service.MethodNotFound");
		json_out_member_string(out, "method", name);
		call_error_end(call, "the interface has no such method",
			       "org.varlink.service.GetInterfaceDescription "
			       "shows what it has");
		return;
	default:
		out = call_error(call, "org.varlink.service.InterfaceNotFound");
		json_out_member_string(out, "interface", interface_of(name));
		call_error_end(call, "no such interface",
			       "org.varlink.service.GetInfo lists them");
		return;
	}
}

static void run_method(struct call *call, const struct call_envelope *envelope)
{
	static const struct schema_type none = {0};
	_Alignas(max_align_t) char params[CALL_PARAMS_BYTES] = {0};
	const struct schema_type *in;
	struct schema_fault fault;
	int r;

	call->method = methods_find(envelope->method);
	if (!call->method || calls_find(envelope->method, &call->schema)) {
		unknown_method(call, envelope->method);
		return;
	}
	/* Where there is nothing to continue, one reply is all. */
	call->more = call->more && call->method->streams;
	if (envelope->upgrade) {
		call_error_parameter(call, "upgrade",
				     "this method does not upgrade");
		return;
	}
	if (call->parcel && carry_refuses(call))
		return;
	require(call->method->params_bytes <= sizeof(params));
	in = call->schema->in ? call->schema->in : &none;
	r = schema_decode(in, &call->arena, envelope->parameters, "", params,
			  &fault);
	if (r > 0)
		call_error_parameter(call, fault.path, fault.message);
	else if (r < 0)
		call_error_memory(call);
	if (r)
		return;
	if (call->broker->store_broken &&
	    (strncmp(call->method->name, "org.reeve.jobs.", 15) == 0 ||
	     strncmp(call->method->name, "org.reeve.queues.", 17) == 0 ||
	     strncmp(call->method->name, "org.reeve.consume.", 18) == 0 ||
	     strncmp(call->method->name, "org.reeve.events.", 17) == 0))
		call_error_storage(call, call->broker->store_message);
	else
		call->method->run(call, params);
}

/* May it join those before it, unanswered as they are? */
static bool pipelines(const struct call_envelope *envelope)
{
	const struct call_method *method = methods_find(envelope->method);

	return method && method->kind == CALL_WRITES && !envelope->more;
}

static void start(struct call *call, const struct call_envelope *envelope)
{
	call->more = envelope->more;
	call->oneway = envelope->oneway;
	run_method(call, envelope);
	if (!call->replied && call->conn && !pipelines(envelope))
		call->conn->alone = true;
}

/* Who asks sees what was answered before, also when it is not on disk yet. */
static bool is_behind(struct conn *conn, const struct call_envelope *envelope)
{
	const struct call_method *method = methods_find(envelope->method);

	return method && method->kind == CALL_ALONE && direct_behind(conn);
}

bool call_message(struct conn *conn, struct slice message)
{
	struct call_envelope envelope = {0};
	struct json_fault syntax = {0};
	struct schema_fault form;
	struct arena arena = {0};
	struct call *call;
	int bad = json_check(message, &syntax);
	int odd = bad ? 0
		      : read_envelope(&arena, json_trim(message), &envelope,
				      &form);

	/* What is wrong is answered in its turn, too. */
	if ((conn->call_count && (bad || odd || !pipelines(&envelope))) ||
	    (!bad && !odd && is_behind(conn, &envelope))) {
		arena_fini(&arena);
		return false;
	}
	call = call_new(conn);
	if (!call) {
		arena_fini(&arena);
		conn_close(conn);
		return true;
	}
	call->arena = arena;
	if (conn->sock.rights)
		call->parcel = conn_parcel(conn, message);
	call_hold(call); /* it may be answered, and gone, before we are done */
	if (bad)
		bad_message(call, syntax.offset, syntax.message);
	else if (odd && form.path[0])
		call_error_parameter(call, form.path, form.message);
	else if (odd)
		bad_message(call, 0, form.message);
	else
		start(call, &envelope);
	call_release(call);
	return true;
}

/* ---- Replies ---- */

/* Its turn: straight to the socket; else kept until it is. */
static struct json_out *out_of(struct call *call)
{
	if (call->conn && TAILQ_FIRST(&call->conn->calls) == call &&
	    !call->oneway)
		return call->patient ? sock_out_later(&call->conn->sock)
				     : sock_out(&call->conn->sock);
	return &call->waiting;
}

struct json_out *call_reply(struct call *call, bool continues)
{
	struct json_out *out = out_of(call);

	require(!call->replied);
	call->continues = continues;
	json_out_object(out);
	json_out_key(out, "parameters");
	json_out_object(out);
	return out;
}

static void finish(struct call *call)
{
	struct conn *conn = call->conn;

	call->replied = true;
	if (conn)
		conn_answered(conn);
}

/* A reply is whole. */
static void terminate(struct call *call, struct json_out *out)
{
	json_out_byte(out,
		      call->conn ? frame_terminator(&call->conn->frame) : 0);
	if (call->oneway || !call->conn)
		json_out_fini(&call->waiting);
	else
		call->conn->replies++;
}

void call_reply_end(struct call *call)
{
	struct json_out *out = out_of(call);

	json_out_object_end(out);
	if (call->continues)
		json_out_member_bool(out, "continues", true);
	json_out_object_end(out);
	terminate(call, out);
	call->patient = false;
	if (call->continues)
		return;
	if (call->oneway && call->conn) {
		call->conn->oneway_accepted +=
			(int64_t)(call->count - call->refused);
		call->conn->oneway_rejected += (int64_t)call->refused;
	}
	finish(call);
}

struct json_out *call_error(struct call *call, const char *name)
{
	struct json_out *out = out_of(call);

	require(!call->replied);
	json_out_object(out);
	json_out_member_text(out, "error", name);
	json_out_key(out, "parameters");
	json_out_object(out);
	return out;
}

void call_error_end(struct call *call, const char *message, const char *hint)
{
	struct json_out *out = out_of(call);

	json_out_member_text(out, "message", message);
	if (hint)
		json_out_member_text(out, "hint", hint);
	json_out_object_end(out);
	json_out_object_end(out);
	terminate(call, out);
	if (call->oneway && call->conn)
		call->conn->oneway_rejected += call->count
						       ? (int64_t)call->count
						       : 1;
	finish(call);
}

void call_error_simple(struct call *call, const char *name, const char *message,
		       const char *hint)
{
	call_error(call, name);
	call_error_end(call, message, hint);
}

void call_error_parameter(struct call *call, const char *path,
			  const char *message)
{
	struct json_out *out =
		call_error(call, "org.varlink.service.InvalidParameter");

	json_out_member_text(out, "parameter", path);
	call_error_end(call, message, CALL_HINT_PARAMETER);
}

void call_error_memory(struct call *call)
{
	call_error_storage(call, "the daemon has no memory left for this call");
}

void call_error_storage(struct call *call, const char *what)
{
	call_error(call, "org.reeve.jobs.StorageFailed");
	call_error_end(call, what,
		       "nothing of this call was done; send it again when the "
		       "cause is gone (reeve status shows it)");
}

bool call_full(const struct call *call)
{
	return call->conn &&
	       sock_unsent(&call->conn->sock) >= LIMIT_UNSENT_BYTES;
}

/* ---- Life ---- */

void call_join(struct call *call)
{
	call_hold(call);
	TAILQ_INSERT_TAIL(&call->broker->gathering->calls, call, batch_link);
	cycle_kick(call->broker);
}

void call_hold(struct call *call)
{
	call->held++;
}

void call_release(struct call *call)
{
	require(call->held > 0);
	if (--call->held)
		return;
	arena_fini(&call->arena);
	json_out_fini(&call->waiting);
	if (call->parcel)
		parcel_unref(call->parcel);
	free(call);
}

void call_make_deaf(struct call *call)
{
	call->conn = NULL;
	if (call->deaf)
		call->deaf(call);
	call_release(call);
}
