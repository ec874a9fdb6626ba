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

struct call_retry {
	uint64_t has;
	struct slice filter;
	bool dry_run;
	int64_t delay_ms;
	bool reset_attempts;
};
enum {
	CALL_RETRY_filter,
	CALL_RETRY_dry_run,
	CALL_RETRY_delay_ms,
	CALL_RETRY_reset_attempts
};

struct call_remove {
	uint64_t has;
	struct slice filter;
	bool dry_run;
};
enum { CALL_REMOVE_filter, CALL_REMOVE_dry_run };

struct call_change {
	uint64_t has;
	struct slice filter;
	bool dry_run;
	int64_t priority;
	int64_t run_at_ms;
	struct slice queue;
};
enum {
	CALL_CHANGE_filter,
	CALL_CHANGE_dry_run,
	CALL_CHANGE_priority,
	CALL_CHANGE_run_at_ms,
	CALL_CHANGE_queue
};

struct call_edit {
	uint64_t has;
	int64_t id;
	struct slice job;
};
enum { CALL_EDIT_id, CALL_EDIT_job };

struct call_get_spec {
	uint64_t has;
	int64_t id;
};
enum { CALL_GET_SPEC_id };
