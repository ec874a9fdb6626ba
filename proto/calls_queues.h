#pragma once

/* Parameters of org.reeve.queues as the daemon reads them. */

#include "proto/calls.h"

/* Words of `overflow` and `running`. */
enum call_overflow { OVERFLOW_REJECT, OVERFLOW_BLOCK, OVERFLOW_DROP_OLDEST };
enum call_pause_running { PAUSE_LEAVE, PAUSE_REQUEUE };

struct call_configure {
	uint64_t has;
	struct slice name;
	int64_t max_length;
	int overflow; /* enum call_overflow */
	struct slice on_success, on_failure, on_done;
};
enum {
	CALL_CONFIGURE_name,
	CALL_CONFIGURE_weight,
	CALL_CONFIGURE_concurrency,
	CALL_CONFIGURE_rate,
	CALL_CONFIGURE_max_length,
	CALL_CONFIGURE_overflow,
	CALL_CONFIGURE_on_success,
	CALL_CONFIGURE_on_failure,
	CALL_CONFIGURE_on_done
};

struct call_pause {
	uint64_t has;
	struct slice name;
	int running; /* enum call_pause_running */
};
enum { CALL_PAUSE_name, CALL_PAUSE_running };

struct call_resume {
	uint64_t has;
	struct slice name;
};
enum { CALL_RESUME_name };

struct call_drain {
	uint64_t has;
	struct slice name;
	int64_t until_ms;
	int64_t wait_ms;
};
enum { CALL_DRAIN_name, CALL_DRAIN_until_ms, CALL_DRAIN_wait_ms };

struct call_purge {
	uint64_t has;
	struct slice name;
	struct slice states; /* raw list of words */
};
enum { CALL_PURGE_name, CALL_PURGE_states };
