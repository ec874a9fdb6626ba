#pragma once

/* Asked: what a job was submitted with, as far as it is not what a job has that
 * nobody said anything of. */

#include "client/tool.h"
#include "proto/arena.h"

/**
 * asked_load() - the job's Spec
 *
 * Return: checked JSON of type Spec in @arena; {} when the daemon does not tell
 * it, as of another user's job.
 */
struct slice asked_load(struct tool *tool, int64_t id, struct arena *arena);

/** asked_print() - rows of `reeve show`
 * @spec:	of asked_load()
 * @row:	prints one */
void asked_print(const struct tool *tool, struct slice spec,
		 void (*row)(const struct tool *tool, const char *label,
			     const char *value));
