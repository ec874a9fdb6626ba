#pragma once

/*
 * Say: errors, hints and notes, to people or as JSON.
 *
 * Data goes to stdout. An error is data when --json asks for it; else it is a
 * line on stderr: what, why, what next.
 */

#include "client/tool.h"

/** say_usage() - the caller's mistake; @hint may be NULL
 *
 * Return: EXIT_USAGE, or EXIT_INTERNAL where the code speaks for a job. */
must_check int say_usage(const struct tool *tool, const char *hint,
			 const char *format, ...) printf_like(3, 4);

/** say_fail() - something else went wrong. Return: @code */
must_check int say_fail(const struct tool *tool, int code, const char *hint,
			const char *format, ...) printf_like(4, 5);

/** say_error() - the library's last error. Return: its exit code */
must_check int say_error(const struct tool *tool);

/** say_exit_code() - of an enum reeve_code, after the table of reeve(1) */
int say_exit_code(const struct tool *tool, enum reeve_code code);

/** say_hint() - a line on stderr for somebody who sits at a terminal */
void say_hint(const struct tool *tool, const char *format, ...)
	printf_like(2, 3);

/** say_note() - a line on stderr, unless --quiet */
void say_note(const struct tool *tool, const char *format, ...)
	printf_like(2, 3);

/** say_memory() - there is none left. Return: EXIT_INTERNAL */
int say_memory(const struct tool *tool);
