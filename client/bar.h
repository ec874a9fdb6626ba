#pragma once

/* Bar: a share as a row of blocks, and what it says of the time that is left. */

#include "proto/base.h"

#define BAR_COLUMNS_MAX 40
#define BAR_BYTES (BAR_COLUMNS_MAX * 3 + 1)

/** bar_write() - @columns blocks, at most BAR_COLUMNS_MAX, so many of them full
 * @share:	0 to 1; only the whole fills all of it
 * @unicode:	else in ASCII */
const char *bar_write(double share, int columns, bool unicode,
		      char ret[BAR_BYTES]);

/** bar_percent() - 0 to 100; 100 only when all is done */
int bar_percent(double share);

/** bar_left_ms() - how long the rest takes, if it goes on as it did
 * @ran_ms:	for what was done so far
 *
 * Return: -1: nobody can know. */
int64_t bar_left_ms(double share, int64_t ran_ms);
