#pragma once

/* A job as type Job of org.reeve.jobs, and a group as Group. */

#include "daemon/broker/advance.h"
#include "daemon/store/store.h"
#include "proto/json_out.h"

/** job_json() - an object; absent and default members are left out */
void job_json(struct json_out *out, const struct store_row *row,
	      bool with_spec);
/** job_json_running() - the same with what it said of itself; NULL: nothing */
void job_json_running(struct json_out *out, const struct store_row *row,
		      bool with_spec, const struct advance *advance);

/**
 * job_json_fit() - leave out a result that is too long for where it is told
 * @room:	bytes that the whole job may have
 */
void job_json_fit(struct store_row *row, size_t room);

/** job_json_members() - of a job that ended: the members of that object */
void job_json_members(struct json_out *out, const struct store_row *row);
/** job_json_group_members() - likewise of a group */
void job_json_group_members(struct json_out *out,
			    const struct store_group *group, double advanced);

/** job_json_end() - the same as type End: what a caller needs of it */
void job_json_end(struct json_out *out, const struct store_row *row);

/**
 * job_json_group() - an object
 * @advanced:	what its running jobs say how far they are, added up
 */
void job_json_group(struct json_out *out, const struct store_group *group,
		    double advanced);

/** job_json_pending() - jobs of a group that have not ended */
int64_t job_json_pending(const struct store_group *group);

/** job_json_counts() - {"ready":3, ...}, every state */
void job_json_counts(struct json_out *out, const int64_t counts[STATE_COUNT]);
