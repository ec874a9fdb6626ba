#pragma once

/* The one place that asks for the time. Everything else gets it handed in. */

#include <stdint.h>

/** clock_mono_ns() - CLOCK_MONOTONIC, nanoseconds: for every delay */
int64_t clock_mono_ns(void);

/** clock_wall_ms() - CLOCK_REALTIME, milliseconds since 1970, UTC: to record */
int64_t clock_wall_ms(void);

/** clock_cpu_us() - what all threads of this process have used so far */
int64_t clock_cpu_us(void);

/** clock_cpu_us_of() - the same of an own child; 0 if it cannot be known */
int64_t clock_cpu_us_of(int32_t pid);
