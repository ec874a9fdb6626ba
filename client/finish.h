#pragma once

/* Finish: the end of one job, for `run`, `wait ID` and `submit -w`. */

#include "client/tool.h"

/** finish_job() - tell how it ended, unless well, on stderr or as JSON
 * @existing:	a submission came to this one, which was there before
 *
 * Return: the exit code that speaks for the job. */
int finish_job(const struct tool *tool, const struct reeve_job *job,
	       bool existing);
