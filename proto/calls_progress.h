#pragma once

/* Parameters of Progress of org.reeve.jobs; see proto/calls_jobs.h. */

#include "proto/calls.h"

struct call_progress {
	uint64_t has;
	int64_t id, token;
	double fraction;
	struct slice note;
};
enum {
	CALL_PROGRESS_id,
	CALL_PROGRESS_token,
	CALL_PROGRESS_fraction,
	CALL_PROGRESS_note,
};
