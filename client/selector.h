#pragma once

/*
 * Selector: which jobs, in plain words that no shell touches.
 *
 *	42   40-60   40-60:2   1-5,8   last	ids
 *	failed   running   waiting   unfinished   ended   all
 *	state=failed,cancelled   queue=mail   name=fetch   group=7|last   key=K
 *	cause=timeout   exit=3   uid=1000   tag:lang=de   newer=1d   older=2h
 *	longer=10m				ran so long, or runs
 *	command=make				a part of the command
 *	follows=17				is a callback of job 17
 *	not:failed   not:queue=mail		whatever has this is left out
 *
 * A word for states may begin with @: @failed. Words are joined by "and"; ids
 * and states among themselves by "or".
 */

#include "client/args.h"
#include "proto/json_out.h"

struct selector {
	int64_t *ids; /* owned */
	size_t id_count, id_capacity;
	bool last;	 /* the newest job: still to be looked up */
	bool group_last; /* the group of the newest map: the same */
	bool all;
	uint32_t states; /* bits 1 << enum reeve_state; 0: any */
	uint32_t causes; /* bits 1 << enum reeve_cause; 0: any */
	const char *queue, *handler, *name, *key; /* NULL: any */
	struct arg_list tags;			  /* "k=v" */
	int64_t group, follows;			  /* 0: any */
	int64_t newer_ms, older_ms;		  /* ages; 0: any */
	int64_t longer_ms;			  /* of a run; 0: any */
	const char *command;			  /* a part of it; NULL: any */
	bool has_exit, has_uid;
	int64_t exit_code, uid;
	/* What is left out: what matches one of these; owned. */
	struct selector *nots;
	size_t not_count;
};

/** selector_fini() - free what it holds */
void selector_fini(struct selector *selector);

/**
 * selector_add() - one word of the command line
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int selector_add(struct tool *tool, struct selector *selector,
			    const char *word);

/** selector_parse() - all of them; "-" reads ids from stdin, one a line */
must_check int selector_parse(struct tool *tool, struct selector *selector,
			      int argc, char **argv);

/** selector_is_empty() - nothing was said at all */
bool selector_is_empty(const struct selector *selector);

/** selector_is_ids() - only ids, and at least one */
bool selector_is_ids(const struct selector *selector);

/**
 * selector_write() - as an object of type Filter; @now_ms: UTC
 *
 * More may match it than the selector means: see selector_is_exact().
 */
void selector_write(const struct selector *selector, struct json_out *out,
		    int64_t now_ms);

/** selector_is_exact() - the Filter says all of it; else look at each job */
bool selector_is_exact(const struct selector *selector);

/** selector_needs_spec() - what runs has to be told with each job */
bool selector_needs_spec(const struct selector *selector);

/** selector_takes() - is this job, which matches the Filter, one of them?
 * @job:	checked JSON of type Job */
bool selector_takes(const struct selector *selector, struct slice job,
		    int64_t now_ms);

/** selector_add_not() - leave out what @word says
 *
 * Return: 0, or the exit code, with the error said. */
must_check int selector_add_not(struct tool *tool, struct selector *selector,
				const char *word);

/** selector_fold_nots() - states that are left out need no look at each job
 *
 * Return: 0, or the exit code, with the error said: nothing is left. */
must_check int selector_fold_nots(struct tool *tool, struct selector *selector);

/** selector_add_id() - one id more; any number of them */
must_check int selector_add_id(struct tool *tool, struct selector *selector,
			       int64_t id);

/** selector_last_group() - the group of the newest job that has one
 *
 * Return: 0, or the exit code, with the error said. */
must_check int selector_last_group(struct tool *tool, int64_t *ret);

/** selector_resolve() - look up `last`; needs the connection
 *
 * Return: 0, or the exit code, with the error said. */
must_check int selector_resolve(struct tool *tool, struct selector *selector);

/** selector_find() - put the ids of all jobs that match now into `ids`
 *
 * There may be more of them than one call takes (LIMIT_IDS_PER_CALL).
 *
 * Return: 0, or the exit code, with the error said. */
must_check int selector_find(struct tool *tool, struct selector *selector);

#define SELECTOR_UNFINISHED                                                    \
	(1u << REEVE_HELD | 1u << REEVE_BLOCKED | 1u << REEVE_SCHEDULED |      \
	 1u << REEVE_READY | 1u << REEVE_RUNNING)
#define SELECTOR_WAITING (SELECTOR_UNFINISHED & ~(1u << REEVE_RUNNING))
#define SELECTOR_ENDED                                                         \
	(1u << REEVE_SUCCEEDED | 1u << REEVE_FAILED | 1u << REEVE_CANCELLED)
