#include "daemon/broker/cause_text.h"

#include <stdio.h>

#include "proto/json_in.h"
#include "proto/utf8.h"

/* The part of a failure that a person reads. */
static int message_of(struct slice failure, struct arena *arena,
		      struct slice *ret)
{
	struct slice value;
	int r = JSON_E_KIND;

	if (failure.n && json_find(failure, "message", &value))
		r = json_string(arena, value, ret);
	if (r)
		*ret = (struct slice){0};
	return r < 0 ? r : 0;
}

const char *cause_cut(struct arena *arena, struct slice text)
{
	size_t n = utf8_cut(text, CAUSE_MESSAGE_BYTES);

	return arena_print(arena, "%.*s%s", (int)n, n ? text.p : "",
			   n < text.n ? UTF8_ELLIPSIS : "");
}

const char *cause_text(struct arena *arena, enum job_cause cause,
		       int32_t exit_code, int32_t signal, struct slice failure)
{
	static const char *const texts[] = {
		[CAUSE_NONE] = "succeeded",
		[CAUSE_EXIT] = "ended with exit code",
		[CAUSE_SIGNAL] = "was ended by signal",
		[CAUSE_TIMEOUT] = "ran longer than its timeout",
		[CAUSE_MEMORY] = "used more memory than it may",
		[CAUSE_CANCELLED] = "was cancelled",
		[CAUSE_DEPENDENCY] = "waited for a job that failed",
		[CAUSE_WORKER_LOST] = "was lost with its worker",
		[CAUSE_HOST_LOST] = "was lost when the machine went down",
		[CAUSE_REJECTED] = "was rejected",
		[CAUSE_EXPIRED] = "waited longer than it may",
		[CAUSE_HANDLER] = "failed in its handler",
		[CAUSE_EXEC] = "could not be started",
	};
	struct slice message;
	const char *said;
	char number[16] = "";

	require(cause < CAUSE_COUNT);
	if (cause == CAUSE_EXIT)
		snprintf(number, sizeof(number), " %d", exit_code);
	else if (cause == CAUSE_SIGNAL)
		snprintf(number, sizeof(number), " %d", signal);
	if (message_of(failure, arena, &message))
		return NULL;
	said = cause_cut(arena, message);
	if (!said)
		return NULL;
	return arena_print(arena, "%s%s%s%s", texts[cause], number,
			   message.n ? ": " : "", said);
}
