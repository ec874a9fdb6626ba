#pragma once

/*
 * Template: a process that has loaded what a pool's workers share, and forks
 * them. What is said to it is daemon/base/template.h.
 *
 *	NONE --start--> LOADING --READY--> SERVING --end--> ENDING
 *	LOADING, SERVING, ENDING --died--> NONE
 *
 * Its workers are adopted by us when it has forked them twice; until it says
 * whose pid is whose, its session tells them from orphans.
 */

#include "daemon/base/template.h"
#include "daemon/supervisor/words.h"

#include <sys/types.h>

/* An answer to a fork takes no longer, nor does its end. */
#ifdef REEVE_TEST_HOOKS
#define TEMPLATE_ANSWER_NS (2 * INT64_C(1000000000))
#else
#define TEMPLATE_ANSWER_NS (10 * INT64_C(1000000000))
#endif
#define TEMPLATE_ENDING_NS (5 * INT64_C(1000000000))

enum template_state {
	TEMPLATE_NONE,
	TEMPLATE_LOADING,
	TEMPLATE_SERVING,
	TEMPLATE_ENDING, /* its channel is closed */
};

struct template
{
	enum template_state state;
	pid_t pid;
	int fd;		  /* -1: closed */
	int64_t since_ns; /* in this state */
	int64_t born_ns;
	int64_t asked_ns; /* when the oldest fork may have been asked for */
	int pending;	  /* forks that it was asked for and did not answer */
	bool useful;	  /* a worker of it was ready */
	bool killed;
	bool explained;	     /* why it ends is known */
	struct words *words; /* owned; NULL: its errors are not kept */
};

enum {
	TEMPLATE_E_EMPTY = 1, /* nothing there now */
	TEMPLATE_E_END,	      /* it closed its end, or says nonsense; once */
	TEMPLATE_E_FULL,      /* it reads nothing: ask again later */
};

/** template_pair() - the two ends; ours is for template_started() */
must_check int template_pair(int ret[2]);

/** template_started() - it was born as @pid; takes @fd */
void template_started(struct template *template, pid_t pid, int fd,
		      int64_t now_ns);

/**
 * template_fork() - ask for a worker
 *
 * Return: 0, TEMPLATE_E_FULL, TEMPLATE_E_END or negative errno.
 */
must_check int template_fork(struct template *template,
			     const struct template_message *message,
			     int64_t now_ns);

/**
 * template_receive() - what it says next, with its text terminated
 *
 * READY and the count of pending forks are accounted for.
 *
 * Return: 0, TEMPLATE_E_EMPTY or TEMPLATE_E_END.
 */
must_check int template_receive(struct template *template,
				struct template_message *ret, int64_t now_ns);

/** template_owes() - was it asked for a fork, and may have forked already? */
bool template_owes(const struct template *template);

/** template_deadline_ns() - when its silence becomes too long; 0: never
 * @ready_ms:	how long its preload may take
 */
int64_t template_deadline_ns(const struct template *template, int64_t ready_ms);

/** template_end() - close its channel: it ends by itself */
void template_end(struct template *template, int64_t now_ns);

/** template_kill() - SIGKILL */
void template_kill(struct template *template);

/** template_died() - it was reaped */
void template_died(struct template *template);

void template_fini(struct template *template);
