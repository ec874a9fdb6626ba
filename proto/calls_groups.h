#pragma once

/* Parameters of what org.reeve.jobs says of groups. */

#include "proto/calls.h"

struct call_open_group {
	uint64_t has;
	struct slice name;
	int64_t total;
	struct slice on_success, on_failure, on_done;
};
enum {
	CALL_OPEN_GROUP_name,
	CALL_OPEN_GROUP_total,
	CALL_OPEN_GROUP_on_success,
	CALL_OPEN_GROUP_on_failure,
	CALL_OPEN_GROUP_on_done
};

struct call_close_group {
	uint64_t has;
	int64_t group;
};
enum { CALL_CLOSE_GROUP_group };

struct call_hold_group {
	uint64_t has;
	int64_t group;
};
enum { CALL_HOLD_GROUP_group };

struct call_get_group {
	uint64_t has;
	int64_t group;
};
enum { CALL_GET_GROUP_group };
