#pragma once

/*
 * Overrun: what is done about a job of a handler that is to end: it ran longer
 * than its timeout, or somebody cancelled it. Pure.
 *
 *	RUNS --timeout or cancel--> ASKED --grace--> TERMED --1 s--> KILLED
 *
 * ASKED: its worker was told, and the handler may end by itself. TERMED,
 * KILLED: the worker was sent that signal. The worker runs its jobs one after
 * the other, so a clock runs from the moment that the job came first, and only
 * then is anything done to its worker: what stands behind it is not to blame.
 */

#include "proto/base.h"

#define OVERRUN_KILL_NS (1000 * INT64_C(1000000))

enum overrun_stage {
	OVERRUN_RUNS,
	OVERRUN_ASKED,
	OVERRUN_TERMED,
	OVERRUN_KILLED,
};

struct overrun {
	enum overrun_stage stage;
	int64_t since_ns;   /* of the stage; monotonic */
	int64_t timeout_ns; /* 0: none */
	int64_t grace_ns;
	bool timed_out; /* the timeout was first: its cause */
};

enum overrun_act {
	OVERRUN_NOTHING,
	OVERRUN_SAY, /* tell the worker that the timeout has passed */
	OVERRUN_TERM,
	OVERRUN_KILL,
};

/** overrun_ask() - somebody cancels it; the worker is told at once */
void overrun_ask(struct overrun *overrun, int64_t grace_ns, int64_t now_ns);

/** overrun_watched() - can anything come of it? */
bool overrun_watched(const struct overrun *overrun);

/**
 * overrun_step() - what is due for the first job of a worker
 * @head_since_ns: when it came first
 * @ret_next_ns: when to call again, monotonic; INT64_MAX: no need
 *
 * The stage is the new one afterwards; call until it says NOTHING.
 */
enum overrun_act overrun_step(struct overrun *overrun, int64_t head_since_ns,
			      int64_t now_ns, int64_t *ret_next_ns);
