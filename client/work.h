#pragma once

/* Work: one job of `reeve work`, and the command that runs it. */

#include "client/child.h"
#include "client/reeve_consume.h"
#include "client/tool.h"

/* As the daemon has it: of a message, some is left for what is around it. */
#define WORK_RESULT_BYTES (12 * 1024 * 1024)

enum work_end {
	WORK_SUCCEEDED,
	WORK_FAILED,
	WORK_CANCELLED, /* somebody asked for its end, and it was ended */
	WORK_LOST,	/* its lease was over */
	WORK_PUT_BACK,
};

struct work_job {
	struct reeve_lease *lease; /* owned; NULL: the place is free */
	char *input;		   /* owned: what its stdin is given */
	struct child child;
	bool ended;	  /* the command; it is to be settled */
	bool put_back;	  /* its end is not for the daemon */
	bool asked;	  /* somebody cancelled it */
	bool lost;	  /* its lease */
	bool too_deep;	  /* its output: JSON that no reply could hold */
	int64_t begun_ms; /* monotonic */
	int64_t kill_ms;  /* when TERM was not enough; 0: not told to end */
};

struct work_place {
	const struct tool *tool;
	char *path;  /* owned: the program */
	char **argv; /* the caller's */
	bool text;   /* stdout is text, whatever it looks like */
	struct guard guard;
};

/**
 * work_start() - run the command for a lease
 * @lease:	taken, also when it fails
 *
 * Return: 0 or negative errno: it could not be started, `lease` is kept.
 */
must_check int work_start(struct work_job *job, const struct work_place *place,
			  struct reeve_lease *lease, int64_t now_ms);

/** work_stop() - TERM, and KILL @grace_ms later */
void work_stop(struct work_job *job, int64_t now_ms, int64_t grace_ms);

/** work_step() - what can be done without waiting; sets `ended` */
void work_step(struct work_job *job, const struct work_place *place,
	       int64_t now_ms);

/** work_due_ms() - when work_report() has something to tell; INT64_MAX: not yet */
int64_t work_due_ms(const struct work_job *job);

/**
 * work_report() - what the command says of its progress
 * @ret:	what is heard of the lease
 *
 * Return: 0 or an enum reeve_code.
 */
must_check int work_report(struct work_job *job, const struct work_place *place,
			   int64_t now_ms, enum reeve_hold *ret);

/**
 * work_settle() - tell the daemon how it ended
 * @ret:	how, if it could be told
 *
 * Return: 0 or an enum reeve_code.
 */
must_check int work_settle(struct work_job *job, const struct work_place *place,
			   enum work_end *ret);

/**
 * work_tell() - the same for who looks on: a note, or a line of JSON
 *
 * Return: 0 or negative errno: the line could not be written.
 */
must_check int work_tell(const struct work_job *job,
			 const struct work_place *place, enum work_end end,
			 int64_t now_ms);

/** work_may_pass() - is what a call returned of a daemon that is away, goes, or
 * cannot write now? The same call may do in a moment. */
bool work_may_pass(const struct reeve *r, int result);

/** work_exit() - the exit code that speaks for it */
int work_exit(const struct work_job *job, enum work_end end);

/** work_free() - the place is free again */
void work_free(struct work_job *job);
