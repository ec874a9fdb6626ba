#pragma once

/* Work's arguments: flags and handlers of `reeve work`. */

#include "client/args.h"
#include "client/tool.h"

#define WORK_JOBS_MAX 256
#define WORK_HANDLERS_MAX 64
#define WORK_FLAGS 8

struct work_options {
	int64_t jobs, max_jobs, lease_ms, grace_ms;
	struct arg_list queues;
	bool once, text, verbose;
};

extern const struct arg_flag work_flags[WORK_FLAGS];
extern const struct arg_table work_args_table;

/** work_args_check() - refuse what makes no sense, fill in what was not said
 *
 * Return: 0, or the exit code, with the error said. */
must_check int work_args_check(struct work_options *options, struct tool *tool);

/**
 * work_args_handlers() - take the list apart
 * @ret_names:	owned by the caller, also when it fails: what @ret points into
 * @ret:	NULL behind the last one
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int work_args_handlers(const struct tool *tool, const char *list,
				  char **ret_names,
				  const char *ret[WORK_HANDLERS_MAX + 1]);
