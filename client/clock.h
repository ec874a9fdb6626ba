#pragma once

/* Clock: the only file of the client that asks for the time. */

#include <stdint.h>

/** clock_monotonic_ms() - for deadlines */
int64_t clock_monotonic_ms(void);

/** clock_wall_ms() - UTC, as the daemon's times are */
int64_t clock_wall_ms(void);

/** clock_pause() - wait some milliseconds, less when a signal comes */
void clock_pause(int64_t ms);
