#include "client/stuck.h"

#include "client/clock.h"
#include "client/field.h"
#include "client/reason.h"
#include "client/say.h"
#include "client/selector.h"
#include "proto/json_in.h"
#include "proto/limits.h"

#include <inttypes.h>
#include <stdio.h>

#define STUCK_LOOKED_AT 20 /* waiting jobs that are asked about */

/* Rules of Explain that time does not end. */
static bool is_stuck(const char *rule)
{
	static const char *const rules[] = {"held", "paused", "degraded",
					    "no_pool", "pool_drained"};

	for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
		if (strcmp(rule, rules[i]) == 0)
			return true;
	}
	return false;
}

/* Is this one? Then it is said. A failure says nothing: the wait will. */
static bool tell_one(struct tool *tool, int64_t id)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice reason;
	const char *reply;
	char params[64];
	bool told = false;

	snprintf(params, sizeof(params), "{\"id\":%" PRId64 "}", id);
	if (reeve_call(tool->r, "org.reeve.jobs.Explain", params, &reply) != 0)
		return false;
	iter = json_enter(field_list(slice_of(reply), "reasons"));
	while (!told && json_item(&iter, &reason)) {
		if (!is_stuck(field_text(&arena, reason, "rule")))
			continue;
		say_note(tool, "job %" PRId64 " waits: %s. To let it go: %s",
			 id, reason_text(&arena, reason),
			 field_text(&arena, reason, "remedy"));
		told = true;
	}
	arena_fini(&arena);
	return told;
}

static void tell(struct tool *tool, const struct selector *waiting)
{
	int64_t ids[STUCK_LOOKED_AT];
	struct json_out out = {0};
	struct json_iter iter;
	struct slice job;
	const char *reply;
	size_t count = 0;

	json_out_object(&out);
	json_out_key(&out, "filter");
	selector_write(waiting, &out, clock_wall_ms());
	json_out_member_int(&out, "limit", STUCK_LOOKED_AT);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	if (json_out_ok(&out) && !tool->quiet &&
	    reeve_call(tool->r, "org.reeve.jobs.List", out.p, &reply) == 0) {
		iter = json_enter(field_list(slice_of(reply), "jobs"));
		while (count < STUCK_LOOKED_AT && json_item(&iter, &job))
			ids[count++] = field_int(job, "id");
	}
	json_out_fini(&out);
	for (size_t i = 0; i < count; i++) {
		if (tell_one(tool, ids[i]))
			return;
	}
}

void stuck_tell(struct tool *tool, const int64_t *ids, size_t count)
{
	struct selector waiting = {
		.ids = (int64_t *)ids,
		.id_count = count < LIMIT_IDS_PER_CALL ? count
						       : LIMIT_IDS_PER_CALL,
		.states = SELECTOR_WAITING,
	};

	tell(tool, &waiting);
}

void stuck_tell_group(struct tool *tool, int64_t group)
{
	struct selector waiting = {
		.group = group,
		.states = SELECTOR_WAITING,
	};

	tell(tool, &waiting);
}
