#include "client/finish.h"

#include "client/say.h"
#include "client/words.h"

#include <inttypes.h>
#include <stdio.h>

int finish_job(const struct tool *tool, const struct reeve_job *job,
	       bool existing)
{
	int code = reeve_job_exit(job);
	char end[WORDS_BYTES];
	bool told;

	if (tool->json) {
		printf("{\"v\":1,\"job\":%s,\"exit\":%d%s}\n", job->json, code,
		       existing ? ",\"existing\":true" : "");
		return code;
	}
	if (job->state == REEVE_SUCCEEDED)
		return code;
	words_end(job, end);
	/* The words of it are then those of whoever did it. */
	told = job->state == REEVE_CANCELLED &&
	       job->cause != REEVE_CAUSE_EXPIRED && job->failure[0];
	say_note(tool, "job %" PRId64 " %s%s (see: reeve show %" PRId64 ")",
		 job->id, told ? "was cancelled: " : "", end, job->id);
	return code;
}
