#pragma once

/*
 * Table: what every listing can do: -o, --columns, --sort, --limit.
 *
 * The options of a command with `list_flags` begin with a struct table_args.
 * Without -o it is a table on a terminal, else lines with tabs.
 */

#include "client/args.h"
#include "client/render.h"

struct table_args {
	const char *output, *columns, *sort;
	int64_t limit; /* 0: as the command likes */
};

extern const struct arg_table table_args_table;

enum table_format {
	TABLE_HUMAN,
	TABLE_WIDE,
	TABLE_JSON,
	TABLE_NDJSON,
	TABLE_TSV,
	TABLE_CSV,
	TABLE_IDS,
};

struct table {
	struct tool *tool;
	const struct table_args *args;
	enum table_format format;
	struct render render;
	struct slice *items; /* owned; as JSON, with the rows */
	size_t capacity;
	const char *id; /* the member that -o ids prints */
};

/**
 * table_init() - read the flags, before anything is asked of the daemon
 *
 * It decides what tool->out can do: fill the cells after it.
 *
 * @columns:	live as long
 * @id:		static; member that -o ids prints
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int table_init(struct table *table, struct tool *tool,
			  const struct table_args *args,
			  const struct render_column *columns, size_t count,
			  const char *id);
void table_fini(struct table *table);

/** table_row() - begin a row
 * @item:	as JSON; lives as long as the table */
void table_row(struct table *table, struct slice item);

/** table_is_human() - somebody reads it: a sum below is welcome */
bool table_is_human(const struct table *table);

/**
 * table_print() - to stdout, in the format asked for; sorted and cut to --limit
 * @member:	of the JSON object that holds the items
 * @more:	what follows it there, like ",\"more\":true"; may be ""
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int table_print(struct table *table, const char *member,
			   const char *more);
