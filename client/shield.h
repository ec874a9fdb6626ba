#pragma once

/*
 * Shield: what a terminal would take for an order stays text, also in JSON.
 * Names and results are anybody's, and are printed as they came; on a terminal
 * a C1 control or a turn of the writing direction becomes \u009b, which in JSON
 * is the same value. C0 controls are for our own colours, and JSON has none.
 */

#include "proto/json_out.h"

struct shield {
	char held[4]; /* the beginning of a character */
	size_t n;
};

/** shield_write() - more text; what it holds back comes with the rest of it */
void shield_write(struct shield *shield, struct slice text,
		  struct json_out *ret);

/** shield_stdout() - all that is printed to stdout from now on, which is a
 * terminal; without memory it stays as it was */
void shield_stdout(void);
