#include "daemon/broker/cause_text.h"

#include <stdio.h>

#include "proto/json_in.h"

/* The part of a failure that a person reads; cut, without line ends. */
static int message_of(struct slice failure, struct arena *arena,
		      struct slice *ret)
{
	struct slice value;

	*ret = (struct slice){0};
	if (!failure.n || !json_find(failure, "message", &value))
		return 0;
	return json_string(arena, value, ret);
}

void cause_text(char *room, size_t size, enum job_cause cause,
		int32_t exit_code, int32_t signal, struct slice failure)
{
	static const char *const texts[] = {
		[CAUSE_NONE] = "succeeded",
		[CAUSE_EXIT] = "ended with exit code",
		[CAUSE_SIGNAL] = "was ended by signal",
		[CAUSE_TIMEOUT] = "ran longer than its timeout_ms",
		[CAUSE_MEMORY] = "used more memory than it may",
		[CAUSE_CANCELLED] = "was cancelled",
		[CAUSE_DEPENDENCY] = "waited for a job that failed",
		[CAUSE_WORKER_LOST] = "was lost with its worker",
		[CAUSE_HOST_LOST] = "was lost when the machine went down",
		[CAUSE_REJECTED] = "was rejected",
		[CAUSE_EXPIRED] = "waited longer than its expire_ms",
		[CAUSE_HANDLER] = "failed in its handler",
		[CAUSE_EXEC] = "could not be started",
	};
	struct arena arena = {0};
	struct slice message;
	char number[16] = "";

	require(cause < CAUSE_COUNT);
	if (cause == CAUSE_EXIT)
		snprintf(number, sizeof(number), " %d", exit_code);
	else if (cause == CAUSE_SIGNAL)
		snprintf(number, sizeof(number), " %d", signal);
	if (message_of(failure, &arena, &message))
		message = (struct slice){0};
	snprintf(room, size, "%s%s%s%.*s", texts[cause], number,
		 message.n ? ": " : "",
		 (int)(message.n < 100 ? message.n : 100),
		 message.n ? message.p : "");
	arena_fini(&arena);
}
