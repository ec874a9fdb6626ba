/*
 * Which exit code tells how a job ended: the table of reeve(1), EXIT STATUS.
 */

#include "client/reeve.h"
#include "proto/base.h"

#include <errno.h>
#include <stdlib.h>

enum {
	OUTCOME_CANCELLED = 121,
	OUTCOME_LOST = 122,
	OUTCOME_DEPENDENCY = 123,
	OUTCOME_TIMEOUT = 124,
	OUTCOME_REFUSED = 125,
	OUTCOME_NOT_EXECUTABLE = 126,
	OUTCOME_NOT_FOUND = 127,
	OUTCOME_SIGNAL = 128,
};

/* A failed start: 127 when there is no such command, else 126, as a shell says
 * it. Without a type the daemon's message ends with the system's own words. */
static int not_started(const struct reeve_job *job)
{
	/* It went with the daemon that held what it was given. */
	if (strcmp(job->failure_type, "DescriptorsLost") == 0)
		return OUTCOME_LOST;
	if (strcmp(job->failure_type, "ENOENT") == 0 ||
	    (job->failure && strstr(job->failure, "No such file or directory")))
		return OUTCOME_NOT_FOUND;
	return OUTCOME_NOT_EXECUTABLE;
}

static int by_signal(const struct reeve_job *job)
{
	if (job->signal <= 0 || job->signal > 127)
		return OUTCOME_REFUSED;
	return OUTCOME_SIGNAL + (int)job->signal;
}

static int failed(const struct reeve_job *job)
{
	switch (job->cause) {
	case REEVE_CAUSE_EXIT:
		if (job->exit_code < 1 || job->exit_code > 255)
			return 1;
		return (int)job->exit_code;
	case REEVE_CAUSE_SIGNAL:
		return by_signal(job);
	case REEVE_CAUSE_MEMORY:
		return job->signal ? by_signal(job) : OUTCOME_SIGNAL + 9;
	case REEVE_CAUSE_TIMEOUT:
		return OUTCOME_TIMEOUT;
	case REEVE_CAUSE_CANCELLED:
	case REEVE_CAUSE_EXPIRED:
		return OUTCOME_CANCELLED;
	case REEVE_CAUSE_DEPENDENCY:
		return OUTCOME_DEPENDENCY;
	case REEVE_CAUSE_WORKER_LOST:
	case REEVE_CAUSE_HOST_LOST:
		return OUTCOME_LOST;
	case REEVE_CAUSE_EXEC:
		return not_started(job);
	case REEVE_CAUSE_HANDLER:
		return 1;
	case REEVE_CAUSE_NONE:
	case REEVE_CAUSE_REJECTED:
	case REEVE_CAUSE_OTHER:
	default:
		return OUTCOME_REFUSED;
	}
}

int reeve_job_exit(const struct reeve_job *job)
{
	switch (job->state) {
	case REEVE_SUCCEEDED:
		return 0;
	case REEVE_CANCELLED:
		return OUTCOME_CANCELLED;
	case REEVE_FAILED:
		return failed(job);
	case REEVE_HELD:
	case REEVE_BLOCKED:
	case REEVE_SCHEDULED:
	case REEVE_READY:
	case REEVE_RUNNING:
	default:
		return OUTCOME_REFUSED;
	}
}
