#pragma once

/*
 * Call: one method call of a client, from its message to its last reply.
 *
 * A call is freed when it is answered and no batch, waiter or reader holds it.
 * If its connection goes first it becomes deaf: it ends quietly.
 */

#include <sys/queue.h>

#include "proto/arena.h"
#include "proto/json_out.h"
#include "proto/names.h"
#include "proto/schema.h"

struct batch;
struct broker;
struct call;
struct conn;

enum call_kind {
	CALL_WRITES, /* a submission: gathers with those before it */
	CALL_ALONE,  /* runs when all before it are answered */
};

/* What the broker does for a method of the interface. */
struct call_method {
	const char *name; /* "org.reeve.jobs.Submit" */
	enum call_kind kind;
	size_t params_bytes; /* of the decoded struct */
	bool streams;	     /* `more` is understood */
	bool carries;	     /* descriptors may come with it */
	/*
	 * @params is zeroed but for what was given; slices in it live until
	 * the function returns, the arena as long as the call.
	 */
	void (*run)(struct call *call, void *params);
};

struct call {
	TAILQ_ENTRY(call) conn_link;  /* in the connection's order */
	TAILQ_ENTRY(call) batch_link; /* in the batch's order */
	struct broker *broker;
	struct conn *conn; /* NULL: deaf */
	const struct call_method *method;
	const struct schema_method *schema;
	bool more, oneway;
	bool replied;		 /* the last reply is written */
	bool continues, patient; /* of a reply: more follow; no hurry */
	unsigned held;		 /* by batches, waiters, the reader: keep it */
	uint32_t uid, gid;
	struct arena arena;
	struct json_out waiting; /* replies that wait for their turn */
	/* The batch that it joined is through (or failed: batch->result). */
	void (*committed)(struct call *call, struct batch *batch);
	/* The client is gone: stop what nobody will read. May be NULL. */
	void (*deaf)(struct call *call);
	/* There is room again for a stream that paused. May be NULL. */
	void (*drained)(struct call *call);
	void *state;  /* the method's own, in the arena */
	size_t first; /* entry, steer or group in the batch that it joined */
	/* Of submissions: jobs in the call, and those of them not taken. */
	size_t count, refused;
	/* One submission, whose job may begin before its commit, and did. */
	bool alone;
	enum durability durability;
	struct parcel *parcel; /* came with it; NULL: none, or given away */
};

/**
 * call_message() - a whole message: decode, check, run; errors are answered
 *
 * Return: false when it has to wait for the calls before it: the same message
 *         again when they are answered.
 */
bool call_message(struct conn *conn, struct slice message);

/* ---- Replies ---- */

/**
 * call_reply() - begin a reply: {"parameters":{
 * @continues:	more replies follow
 *
 * The caller writes members and calls call_reply_end(). For a oneway or deaf
 * call what is written is dropped.
 */
struct json_out *call_reply(struct call *call, bool continues);
void call_reply_end(struct call *call);

/** call_error() - begin an error; the caller adds fields, _end() ends it;
 * @message: for people, @hint: what to do next, or NULL */
struct json_out *call_error(struct call *call, const char *name);
void call_error_end(struct call *call, const char *message, const char *hint);

/** call_error_simple() - an error without fields */
void call_error_simple(struct call *call, const char *name, const char *message,
		       const char *hint);
#define CALL_HINT_PARAMETER                                                    \
	"mend that field and call again; GetInterfaceDescription tells what "  \
	"it takes"
/** call_error_parameter() - InvalidParameter with the field's path */
void call_error_parameter(struct call *call, const char *path,
			  const char *message);
void call_error_memory(struct call *call);
/** call_error_storage() - StorageFailed, with what the store said */
void call_error_storage(struct call *call, const char *what);

/** call_full() - has the client too much unread for another reply? */
bool call_full(const struct call *call);

/** call_join() - wait for the gathering batch: committed() will be called */
void call_join(struct call *call);

/** call_hold() - keep it until call_release(), which may free it */
void call_hold(struct call *call);
void call_release(struct call *call);

/** call_make_deaf() - its connection goes */
void call_make_deaf(struct call *call);
