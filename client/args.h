#pragma once

/*
 * Args: flags of a command, from one table that also makes its help.
 *
 * --flag, --flag=value, --flag value, -f value, -fvalue, -ab. Everything after
 * -- is an argument.
 */

#include "client/tool.h"

enum arg_kind {
	ARG_ON,	      /* bool */
	ARG_TEXT,     /* const char * */
	ARG_INT,      /* int64_t, `min` and more */
	ARG_DURATION, /* int64_t, milliseconds */
	/* Both as const char *, checked: for whom 0 is not the same as
	 * nothing. */
	ARG_INT_TEXT,
	ARG_DURATION_TEXT,
	ARG_LIST, /* struct arg_list, may be given more than once */
	/* As ARG_TEXT; then flags may stand behind the first argument, too. */
	ARG_TEXT_MORE,
};

struct arg_list {
	const char **items; /* owned; ends with NULL; NULL when empty */
	size_t count;
};

struct arg_flag {
	const char *name; /* "timeout", without dashes */
	char letter;	  /* 0: none */
	enum arg_kind kind;
	size_t offset;	   /* in the command's options */
	const char *value; /* "TIME", for the help; NULL for ARG_ON */
	const char *help;
	int64_t min;	   /* of ARG_INT, ARG_INT_TEXT, ARG_DURATION */
	const char *alias; /* a second name, not in the help; may be NULL */
};

struct arg_table {
	const struct arg_flag *flags;
	size_t count;
};

/* The tables of a command and, with a base of its own, what all have. */
struct arg_bases {
	const struct arg_table *tables; /* searched first */
	size_t table_count;
	void *options; /* what their offsets point into */
	const struct arg_table *common_table;
	void *common;
};

/**
 * args_parse() - take the flags out of @argv
 * @stop_early: the first argument that is no flag ends the flags
 * @ret_count:	arguments left, moved to the start of @argv, which ends with
 *		NULL
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int args_parse(struct tool *tool, const struct arg_bases *bases,
			  bool stop_early, int argc, char **argv,
			  int *ret_count);

/** args_add() - append to a list; false: out of memory */
must_check bool args_add(struct arg_list *list, const char *item);

/** args_free() - what lists in @options own */
void args_free(const struct arg_table *tables, size_t table_count,
	       void *options);

/** args_print_help() - two columns, to stdout */
void args_print_help(const struct arg_table *table);

/** args_int() - a whole decimal number; false: it is none */
bool args_int(const char *text, int64_t *ret);
