#include "client/counts.h"

#include "client/words.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

void counts_parse(struct counts *counts, struct slice object)
{
	*counts = (struct counts){0};
	for (int i = 0; i < COUNTS_STATES; i++) {
		struct slice value;

		if (!json_find(object, reeve_state_name((enum reeve_state)i),
			       &value) ||
		    json_int(value, &counts->of[i]) != 0)
			continue;
		counts->total += counts->of[i];
	}
}

int counts_load(struct tool *tool, struct counts *ret)
{
	struct slice object;
	const char *reply;
	int result = reeve_call(tool->r, "org.reeve.jobs.Count",
				"{\"by\":\"state\"}", &reply);

	if (result != 0)
		return result;
	if (!json_find(slice_of(reply), "counts", &object))
		object = SLICE("{}");
	counts_parse(ret, object);
	return 0;
}

void counts_say(const struct counts *counts, char ret[COUNTS_BYTES])
{
	static const enum reeve_state order[] = {
		REEVE_RUNNING, REEVE_READY,  REEVE_SCHEDULED, REEVE_BLOCKED,
		REEVE_HELD,    REEVE_FAILED, REEVE_CANCELLED,
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
		if (counts->of[order[i]] == 0)
			continue;
		n += (size_t)snprintf(ret + n, COUNTS_BYTES - n,
				      "%s%" PRId64 " %s", n ? ", " : "",
				      counts->of[order[i]],
				      words_state(order[i]));
	}
	snprintf(ret + n, COUNTS_BYTES - n, "%s%" PRId64 " done", n ? "; " : "",
		 counts->of[REEVE_SUCCEEDED]);
}
