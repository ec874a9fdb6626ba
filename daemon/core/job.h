#pragma once

/*
 * Job: the life of one job, as a function of (facts, event) to (facts,
 * actions). No clock, no I/O, no memory. The store applies the step to the
 * row; the simulation applies it to a model. Nobody else changes a state.
 *
 *	submit --> HELD --RELEASE--> BLOCKED, SCHEDULED or READY
 *	       --> BLOCKED --UNBLOCK--> SCHEDULED or READY
 *	       |      '--FAIL (dependency)--> FAILED
 *	       --> SCHEDULED --DUE--> READY
 *	       --> READY --CLAIM--> RUNNING --SUCCEED--> SUCCEEDED
 *	                              |--FAIL--> FAILED, or SCHEDULED (retry;
 *	                              |          READY without back-off)
 *	                              |--LOST--> READY, or FAILED (once,
 *	                              |          crash_limit)
 *	                              '--PUT_BACK--> READY, attempt not charged
 *	HOLD takes any waiting job to HELD, EXPIRE any waiting job to CANCELLED,
 *	STRAND any waiting job to FAILED (exec).
 *	CANCEL: a waiting job is CANCELLED at once; a running one is marked
 *	(cancel_asked), its processes are ended, and its end is CANCELLED
 *	whatever it was, except that a success that came first stays one.
 *	RETRY takes any ended job back to SCHEDULED or READY, CHANGE a waiting
 *	one to where its new time puts it.
 *
 *	A held job may be blocked as well: UNBLOCK and the failure of what it
 *	waits for reach it there.
 */

#include "proto/base.h"
#include "proto/names.h"

enum job_event {
	JOB_RELEASE,  /* a held job may go on */
	JOB_HOLD,     /* a waiting job stops */
	JOB_UNBLOCK,  /* the last dependency was met */
	JOB_DUE,      /* its time has come */
	JOB_CLAIM,    /* a worker gets it: the attempt begins */
	JOB_SUCCEED,  /* exit 0, or the handler returned */
	JOB_FAIL,     /* the attempt ended with a cause of its own */
	JOB_LOST,     /* worker or host went away under it */
	JOB_PUT_BACK, /* delivered, but it certainly never began */
	JOB_CANCEL,   /* somebody asks for its end */
	JOB_EXPIRE,   /* waited longer than it may */
	JOB_RETRY,    /* it has ended, somebody wants another try */
	JOB_CHANGE,   /* facts.run_at_ms is a new one */
	JOB_STRAND,   /* it waits, and what it needs to start is lost */
	JOB_EVENT_COUNT,
};

enum {
	JOB_E_WRONG_STATE = 1, /* the event means nothing in this state */
};

/* What a decision looks at: columns of the job's row. */
struct job_facts {
	enum job_state state;
	uint32_t attempt; /* number of the current or last attempt, 0: none */
	uint32_t max_attempts; /* 1: no retry */
	uint32_t crashes;      /* attempts that were lost */
	uint32_t crash_limit;  /* at this many it fails; at least 1 */
	bool once;	       /* never start twice */
	bool cancel_asked;     /* while RUNNING */
	bool blocked;	       /* waits for other jobs: BLOCKED, or HELD */
	int64_t run_at_ms;     /* wall clock; 0: at once */
	int64_t backoff_ms;    /* before the next attempt; 0: none */
	bool final;	       /* of FAIL: like this it is not tried again */
};

/* What is to be done beside storing the new facts. */
struct job_step {
	struct job_facts facts; /* as they are after the step */
	enum job_cause cause;	/* why attempt or job ended, else NONE */
	bool attempt_ended;	/* one that counts is over; not when put back */
	bool ended;	   /* the job is over: move it to the finished ones */
	bool keep_attempt; /* it goes on: record this attempt in a row */
	bool kill;	   /* it runs: end its processes */
};

/**
 * job_step() - what an event means for a job
 * @facts:	as stored
 * @event:	what happened
 * @cause:	of JOB_FAIL and JOB_LOST; not looked at otherwise. A cause of
 *		JOB_FAIL comes from a worker, so it is data: one that ends no
 *		attempt is taken as CAUSE_REJECTED, because the job must end
 * @now_ms:	wall clock, for RELEASE, UNBLOCK and back-off
 * @ret:	set only when the result is 0
 *
 * A lost attempt is counted apart from failures: it goes back to READY, the
 * next attempt has the next number, until crash_limit; with @once it fails at
 * once, and so does any failure. max_attempts counts failures alone. The
 * attempt number of a job that was put back goes down again, because it never
 * started. CANCEL of a running job may be repeated: its signal may be lost.
 *
 * RETRY gives one try more than it had; who wants the counting to begin anew
 * raises max_attempts and crash_limit before. @once says no when it was tried.
 *
 * Return: 0, or JOB_E_WRONG_STATE.
 */
must_check int job_step(const struct job_facts *facts, enum job_event event,
			enum job_cause cause, int64_t now_ms,
			struct job_step *ret);

/**
 * job_first_state() - where a new job begins
 *
 * HELD before BLOCKED before SCHEDULED (run_at_ms > now_ms) before READY.
 */
enum job_state job_first_state(bool hold, bool blocked, int64_t run_at_ms,
			       int64_t now_ms);

/** job_facts_check() - require() what holds between any two steps */
void job_facts_check(const struct job_facts *facts);
