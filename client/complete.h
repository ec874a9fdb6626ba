#pragma once

/* Complete: what the last word of a command line could become. */

#include "client/tool.h"

/**
 * complete_print() - candidates on stdout, a line each: the word, a tab, what it
 * is
 * @argv:	the words behind `reeve`; the last one, which may be empty, is
 *		the one to be completed
 *
 * A line ":file" asks the shell for names of files, ":command" for commands.
 * Live ids and queues are asked for only where a daemon answers, within a
 * second at most. Errors print nothing.
 */
void complete_print(struct tool *tool, int argc, char **argv);

/** complete_reach() - is there a daemon? None is started */
bool complete_reach(struct tool *tool);

/** complete_value() - print what "state=", "cause=", "group=" or "tag:" takes
 *
 * Return: false: @word is none of these. */
bool complete_value(struct tool *tool, const char *word);

/** complete_columns() - print the columns of `ls`: one for --sort, else a list
 * @flag:	"sort" or "columns" */
void complete_columns(const char *typed, const char *flag);
