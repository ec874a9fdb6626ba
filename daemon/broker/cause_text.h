#pragma once

/* Why an attempt ended, in words for people. */

#include "daemon/store/store.h"

/**
 * cause_text() - "ended with exit code 3"
 * @failure:	JSON with a message, or n 0
 */
void cause_text(char *room, size_t size, enum job_cause cause,
		int32_t exit_code, int32_t signal, struct slice failure);
