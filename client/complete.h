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
