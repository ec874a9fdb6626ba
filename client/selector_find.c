/* The part of a selector that has to ask the daemon. */

#include "client/selector.h"

#include "client/clock.h"
#include "client/field.h"
#include "client/say.h"
#include "proto/json_in.h"

#include <stdio.h>

#define FIND_PAGE 1000
#define FIND_CURSOR_BYTES 256

int selector_last_group(struct tool *tool, int64_t *ret)
{
	char cursor[FIND_CURSOR_BYTES] = "";

	do {
		struct json_out out = {0};
		struct arena arena = {0};
		struct json_iter iter;
		struct slice job;
		const char *reply;
		int result = 0;

		json_out_object(&out);
		json_out_member_int(&out, "limit", FIND_PAGE);
		json_out_member_bool(&out, "newest_first", true);
		if (cursor[0])
			json_out_member_text(&out, "cursor", cursor);
		json_out_object_end(&out);
		json_out_byte(&out, '\0');
		if (!json_out_ok(&out))
			result = say_memory(tool);
		else if (reeve_call(tool->r, "org.reeve.jobs.List", out.p,
				    &reply) != 0)
			result = say_error(tool);
		json_out_fini(&out);
		if (result != 0)
			return result;
		snprintf(cursor, sizeof(cursor), "%s",
			 field_text(&arena, slice_of(reply), "cursor"));
		arena_fini(&arena);
		iter = json_enter(field_list(slice_of(reply), "jobs"));
		while (json_item(&iter, &job)) {
			*ret = field_int(job, "group");
			if (*ret > 0)
				return 0;
		}
	} while (cursor[0]);
	return say_fail(tool, EXIT_MISSING, "reeve map makes one",
			"there is no last group: no job belongs to one");
}

/* "group=last", here and behind not:. */
static int resolve_groups(struct tool *tool, struct selector *selector)
{
	int result = 0;

	if (selector->group_last)
		result = selector_last_group(tool, &selector->group);
	selector->group_last = false;
	for (size_t i = 0; result == 0 && i < selector->not_count; i++) {
		struct selector *not = &selector->nots[i];

		if (not ->group_last)
			result = selector_last_group(tool, &not ->group);
		not ->group_last = false;
	}
	return result;
}

int selector_resolve(struct tool *tool, struct selector *selector)
{
	const char *reply;
	int64_t id;
	int result = resolve_groups(tool, selector);

	if (result != 0 || !selector->last)
		return result;
	if (reeve_call(tool->r, "org.reeve.jobs.Last", NULL, &reply) != 0)
		return say_error(tool);
	id = field_int(slice_of(reply), "id");
	if (id <= 0)
		return say_fail(tool, EXIT_MISSING,
				"Submit one: reeve submit COMMAND",
				"there is no last job: none was submitted");
	selector->last = false;
	return selector_add_id(tool, selector, id);
}

static int write_page(struct tool *tool, const struct selector *selector,
		      const char *cursor, struct json_out *out)
{
	json_out_object(out);
	json_out_key(out, "filter");
	selector_write(selector, out, clock_wall_ms());
	json_out_member_int(out, "limit", FIND_PAGE);
	if (selector_needs_spec(selector))
		json_out_member_bool(out, "with_spec", true);
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
	int result = selector_resolve(tool, selector);

	if (result != 0 || selector_is_ids(selector))
		return result;
	do {
		result = find_page(tool, selector, &found, cursor);
	} while (result == 0 && cursor[0]);
	free(selector->ids);
	selector->ids = found.ids;
	selector->id_count = found.id_count;
	selector->id_capacity = found.id_capacity;
	return result;
}
