#pragma once

/*
 * Command: one row for each command of `reeve`. The row makes the parser, the
 * help and the "did you mean". A command is one function in a cmd_*.c.
 */

#include "client/args.h"

struct command {
	const char *name;
	const char *alias;    /* NULL: none */
	const char *group;    /* heading in the help; NULL: not in it */
	const char *synopsis; /* behind the name; its words tell what can be
			       * completed: a|b, JOB, FILTER, QUEUE, ... */
	const char *summary;  /* a sentence */
	const char *text;     /* examples, shown first; NULL: none */
	const struct arg_flag *flags;
	size_t flag_count;
	bool job_flags;	 /* options begin with a struct job_args */
	bool list_flags; /* ... or with a struct table_args */
	bool stop_early; /* the first argument begins somebody else's words */
	bool handler_first; /* ... behind that one, and flags may stand between
			     */
	uint32_t states;    /* of jobs that it is for, to be offered; 0: any */
	bool job_exit;	    /* the exit code speaks for a job */
	size_t options_bytes; /* zeroed and filled from the flags */
	int (*run)(struct tool *tool, void *options, int argc, char **argv);
};

#define COMMAND_FLAGS(table) .flags = (table), .flag_count = ARRAY_COUNT(table)

/* In the order of the help. */
extern const struct command command_submit, command_run, command_call,
	command_map, command_work, command_wait, command_ls, command_show,
	command_explain, command_logs, command_follow, command_events,
	command_progress, command_cancel, command_retry, command_hold,
	command_release, command_edit, command_rm, command_queue, command_pool,
	command_worker, command_status, command_top, command_daemon,
	command_config, command_ping, command_version, command_help,
	command_completion, command_complete, command_doctor;

/* Flags that every command takes. */
extern const struct arg_table common_args_table;

/** command_find() - by name or alias; NULL: there is none */
const struct command *command_find(const char *name);

/** command_at() - the i-th; NULL behind the last */
const struct command *command_at(size_t i);

/** command_unknown() - say it, with the nearest. Return: EXIT_USAGE */
must_check int command_unknown(const struct tool *tool, const char *name);

/** command_help_of() - print the help of one command */
void command_help_of(const struct command *command);

/** command_overview() - print all commands, examples first */
void command_overview(void);
