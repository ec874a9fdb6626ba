#include "client/finish.h"

#include "client/say.h"
#include "client/words.h"

#include <inttypes.h>
#include <stdio.h>

void finish_json(const struct reeve_job *job)
{
	printf("{\"v\":1,\"job\":%s,\"exit\":%d}\n", job->json,
	       reeve_job_exit(job));
}

int finish_job(const struct tool *tool, const struct reeve_job *job)
{
	int code = reeve_job_exit(job);
	char end[WORDS_BYTES];

	if (tool->json) {
		finish_json(job);
		return code;
	}
	if (job->state == REEVE_SUCCEEDED)
		return code;
	words_end(job, end);
	say_note(tool, "job %" PRId64 " %s (see: reeve show %" PRId64 ")",
		 job->id, end, job->id);
	return code;
}
