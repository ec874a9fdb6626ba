#pragma once

/* Slow: a submission that is not answered says on a terminal what it may wait
 * for. */

#include "client/tool.h"

/** slow_begin() - from now on; @queue: NULL: the default one */
void slow_begin(const struct tool *tool, const char *queue);

/** slow_end() - it is answered */
void slow_end(void);

/** slow_text() - what is said. Return: @ret */
const char *slow_text(const char *queue, char *ret, size_t bytes);
