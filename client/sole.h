#pragma once

/* Sole: one of us at a time, for as long as it lives. */

#include "client/tool.h"

/**
 * sole_take() - be the only editor of a job
 * @ret_fd:	to be closed when it may be another's; closed with the process
 *
 * Return: 0, or the exit code, with the error said: there is one already.
 */
must_check int sole_take(struct tool *tool, int64_t id, int *ret_fd);
