#pragma once

/* Trace: where a handler's error came from, as its language wrote it. */

#include <stddef.h>
#include <stdio.h>

/** trace_print() - indented lines, without what a terminal would take for an
 * order
 * @prefix:	before each line
 * @last:	only so many lines of its end; 0: all */
void trace_print(FILE *to, const char *trace, const char *prefix, size_t last);
