#pragma once

/* Job args: the flags that submit, run and map share, as a submission. */

#include "client/args.h"
#include "client/callback_args.h"
#include "client/handler_args.h"
#include "client/place_args.h"
#include "client/retry_args.h"

struct job_args {
	const char *queue, *name, *key, *cwd, *shell, *stdin_file;
	const char *unique, *on_conflict, *durability, *at, *in;
	const char *priority, *timeout, *expire, *keep; /* 0 says something */
	struct arg_list tags;
	struct place_args place;
	struct handler_args handler;
	int64_t grace_ms;
	int64_t meant_ms; /* when the times were written, UTC; 0: just now */
	int64_t crash_limit, group;
	struct retry_args retry;
	struct callback_args callbacks;
	bool read_stdin, hold, once, keep_orphans;
	char *stdin_data; /* owned; read by job_args_spec() */
	size_t stdin_bytes;
	char *folder; /* owned: cwd, from the root on */
};

extern const struct arg_table job_args_table;

/**
 * job_args_spec() - fill a submission
 * @argc, @argv: the command; none of it with --sh; with --handler words of its
 *		arguments
 * @ret:	points into @args and @argv
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int job_args_spec(struct tool *tool, struct job_args *args, int argc,
			     char **argv, struct reeve_spec *ret);

/** job_args_fini() - what it read; the lists belong to args_free() */
void job_args_fini(struct job_args *args);
