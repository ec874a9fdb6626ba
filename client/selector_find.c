/* The part of a selector that has to ask the daemon. */

#include "client/selector.h"

#include "client/clock.h"
#include "client/field.h"
#include "client/say.h"
#include "proto/json_in.h"

#include <stdio.h>

#define FIND_PAGE 1000
#define FIND_CURSOR_BYTES 256

int selector_resolve(struct tool *tool, struct selector *selector)
{
	struct json_iter iter;
	struct slice job;
	const char *reply;

	if (!selector->last)
		return 0;
	if (reeve_call(tool->r, "org.reeve.jobs.List",
		       "{\"limit\":1,\"newest_first\":true}", &reply) != 0)
		return say_error(tool);
	iter = json_enter(field_list(slice_of(reply), "jobs"));
	if (!json_item(&iter, &job) || field_int(job, "id") <= 0)
		return say_fail(tool, EXIT_MISSING,
				"Submit one: reeve submit COMMAND",
				"there is no last job: none was submitted");
	selector->last = false;
	return selector_add_id(tool, selector, field_int(job, "id"));
}

static int write_page(struct tool *tool, const struct selector *selector,
		      const char *cursor, struct json_out *out)
{
	json_out_object(out);
	json_out_key(out, "filter");
	selector_write(selector, out, clock_wall_ms());
	json_out_member_int(out, "limit", FIND_PAGE);
	if (cursor[0])
		json_out_member_text(out, "cursor", cursor);
	json_out_object_end(out);
	json_out_byte(out, '\0');
	return json_out_ok(out) ? 0 : say_memory(tool);
}

/* One page of ids; an empty cursor behind it says that it was the last. */
static int find_page(struct tool *tool, const struct selector *selector,
		     struct selector *found, char cursor[FIND_CURSOR_BYTES])
{
	struct json_out out = {0};
	struct arena arena = {0};
	struct json_iter iter;
	struct slice job;
	const char *reply;
	int result = write_page(tool, selector, cursor, &out);

	if (result == 0 &&
	    reeve_call(tool->r, "org.reeve.jobs.List", out.p, &reply) != 0)
		result = say_error(tool);
	json_out_fini(&out);
	if (result != 0)
		return result;
	snprintf(cursor, FIND_CURSOR_BYTES, "%s",
		 field_text(&arena, slice_of(reply), "cursor"));
	arena_fini(&arena);
	iter = json_enter(field_list(slice_of(reply), "jobs"));
	while (result == 0 && json_item(&iter, &job)) {
		if (field_int(job, "id") > 0 &&
		    selector_takes(selector, job, clock_wall_ms()))
			result = selector_add_id(tool, found,
						 field_int(job, "id"));
	}
	return result;
}

int selector_find(struct tool *tool, struct selector *selector)
{
	char cursor[FIND_CURSOR_BYTES] = "";
	struct selector found = {0};
	int result;

	if (selector_is_ids(selector))
		return selector_resolve(tool, selector);
	do {
		result = find_page(tool, selector, &found, cursor);
	} while (result == 0 && cursor[0]);
	free(selector->ids);
	selector->ids = found.ids;
	selector->id_count = found.id_count;
	selector->id_capacity = found.id_capacity;
	return result;
}
