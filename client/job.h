#pragma once

/* Job: decoding inside the library. */

#include "client/reeve.h"
#include "proto/base.h"

enum {
	JOB_E_MALFORMED = 1, /* not a job: a member has another type */
};

/** job_decode() - @checked passed json_check(); 0, JOB_E_MALFORMED, -ENOMEM */
must_check int job_decode(struct slice checked, struct reeve_job **ret);

/** job_decode_any() - the same for one that may have no id: an end that we make
 * ourselves */
must_check int job_decode_any(struct slice checked, struct reeve_job **ret);

AUTO_DEFINE(struct reeve_job *, reeve_job_free)
