#pragma once

/*
 * Place args: where and how a command runs, as flags: --env, --clean-env,
 * --umask, --nice, --limit. The folder is --cwd of job_args.
 */

#include "client/args.h"

struct place_args {
	struct arg_list env;   /* "NAME=VALUE", or "NAME": as it is here */
	struct arg_list limit; /* "nofile=1024", "as=2G", "cpu=10m" */
	const char *umask;
	int64_t nice;
	bool clean_env;
	bool listed; /* nothing of this process but what env says */
	/* Made by place_args_spec(). */
	struct arg_list variables; /* owned; its items are not */
	struct arg_list numbers;   /* owned, with its items: "as=2147483648" */
};

/**
 * place_args_spec() - fill a submission
 * @ret:	points into @args and the environment
 *
 * A variable that is named and not set is told, and not passed.
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int place_args_spec(struct tool *tool, struct place_args *args,
			       struct reeve_spec *ret);

/** place_args_fini() - what place_args_spec() made */
void place_args_fini(struct place_args *args);
