#pragma once

/* Parameters of org.reeve.events as the daemon reads them. */

#include "proto/calls.h"

struct call_subscribe {
	uint64_t has;
	struct slice kinds; /* raw list of words */
	struct slice queue;
	struct slice jobs; /* raw list of ids */
	int64_t group;
	int64_t since;
	int64_t since_ms;
};
enum {
	CALL_SUBSCRIBE_kinds,
	CALL_SUBSCRIBE_queue,
	CALL_SUBSCRIBE_jobs,
	CALL_SUBSCRIBE_group,
	CALL_SUBSCRIBE_since,
	CALL_SUBSCRIBE_since_ms
};
