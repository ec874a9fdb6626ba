#pragma once

/* Why an attempt ended, in words for people. */

#include "daemon/store/store.h"

/* Of a failure's message; more ends in "...", behind a whole character. */
#define CAUSE_MESSAGE_BYTES 1024

/**
 * cause_text() - "ended with exit code 3"
 * @failure:	JSON with a message, or n 0
 *
 * Return: the text, owned by the arena; NULL when there is no memory left.
 */
must_check const char *cause_text(struct arena *arena, enum job_cause cause,
				  int32_t exit_code, int32_t signal,
				  struct slice failure);

/** cause_cut() - @text as a person reads it: whole characters, not too many */
must_check const char *cause_cut(struct arena *arena, struct slice text);
