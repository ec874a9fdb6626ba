#include "client/group_hold.h"

#include <inttypes.h>
#include <stdio.h>

#define ANSWER_MS 5000 /* then whoever uses the group will be told why */

static void open_stream(struct group_hold *hold)
{
	char params[48];
	const char *reply;
	int result;

	snprintf(params, sizeof(params), "{\"group\":%" PRId64 "}",
		 hold->group);
	if (reeve_stream_open(hold->r, "org.reeve.jobs.HoldGroup", params,
			      &hold->stream) != 0)
		return;
	/* The first reply says that it is open, for what is submitted next. */
	result = reeve_stream_next(hold->stream, ANSWER_MS, &reply);
	if (result == 0)
		return;
	reeve_stream_close(TAKE(hold->stream));
	if (result != REEVE_E_LOST && result != REEVE_E_TIMEOUT &&
	    result != REEVE_E_INTERRUPTED)
		hold->r = NULL; /* it is closed for good, or gone */
}

void group_hold_begin(struct group_hold *hold, struct reeve *r, int64_t group)
{
	*hold = (struct group_hold){.r = r, .group = group};
	open_stream(hold);
}

void group_hold_look(struct group_hold *hold)
{
	const char *reply;
	int result;

	if (!hold->r)
		return;
	if (!hold->stream) {
		open_stream(hold);
		return;
	}
	result = reeve_stream_next(hold->stream, 0, &reply);
	if (result == REEVE_E_TIMEOUT || result == REEVE_E_INTERRUPTED)
		return;
	if (result == REEVE_E_LOST)
		group_hold_again(hold);
	else
		group_hold_end(hold); /* somebody closed the group */
}

void group_hold_again(struct group_hold *hold)
{
	reeve_stream_close(TAKE(hold->stream));
	group_hold_look(hold);
}

int group_hold_fd(const struct group_hold *hold)
{
	return hold->stream ? reeve_stream_fd(hold->stream) : -1;
}

void group_hold_end(struct group_hold *hold)
{
	reeve_stream_close(TAKE(hold->stream));
	hold->r = NULL;
}
