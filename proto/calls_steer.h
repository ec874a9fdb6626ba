#pragma once

/* Parameters of the methods of org.reeve.jobs that steer what matches. */

#include "proto/calls.h"
#include "proto/filter.h"

struct call_hold {
	uint64_t has;
	struct slice filter;
	bool dry_run;
};
enum { CALL_HOLD_filter, CALL_HOLD_dry_run };

struct call_release {
	uint64_t has;
	struct slice filter;
	bool dry_run;
};
enum { CALL_RELEASE_filter, CALL_RELEASE_dry_run };

struct call_cancel {
	uint64_t has;
	struct slice filter;
	bool dry_run;
	int64_t grace_ms;
	struct slice reason;
};
enum {
	CALL_CANCEL_filter,
	CALL_CANCEL_dry_run,
	CALL_CANCEL_grace_ms,
	CALL_CANCEL_reason
};
