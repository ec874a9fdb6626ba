#include "client/served.h"

#include "client/field.h"
#include "client/say.h"
#include "client/suggest.h"
#include "proto/json_in.h"

#include <stdio.h>

struct kind {
	const char *error, *what, *method, *member, *list;
};

static const struct kind kinds[] = {
	[SERVED_HANDLER] = {"org.reeve.jobs.NoSuchHandler", "handler",
			    "org.reeve.admin.Handlers", "handlers",
			    "Which there are: reeve pool ls; a consumer makes "
			    "one known: reeve work NAME -- COMMAND"},
	[SERVED_POOL] = {"org.reeve.admin.NoSuchPool", "pool",
			 "org.reeve.admin.Pools", "pools",
			 "Which there are: reeve pool ls"},
};

static void find_nearest(struct tool *tool, const struct kind *kind,
			 const char *name, char *ret, size_t bytes)
{
	struct arena arena = {0};
	struct suggest suggest;
	struct json_iter iter;
	struct slice item;
	const char *reply;

	snprintf(ret, bytes, "%s", kind->list);
	if (reeve_call(tool->r, kind->method, NULL, &reply) != 0)
		return;
	suggest_init(&suggest, name, strlen(name));
	iter = json_enter(field_list(slice_of(reply), kind->member));
	while (json_item(&iter, &item))
		suggest_try(&suggest, field_text(&arena, item, "name"));
	if (suggest.best)
		snprintf(ret, bytes, "Did you mean %s?", suggest.best);
	arena_fini(&arena);
}

int served_missing(struct tool *tool, enum served kind, const char *name)
{
	char hint[256];

	/* Everybody has that one, unless his daemon cannot. */
	if (kind == SERVED_HANDLER && strcmp(name, "http") == 0)
		snprintf(hint, sizeof(hint),
			 "This daemon was built without libcurl, or has a pool "
			 "http of another kind: reeve pool ls");
	else
		find_nearest(tool, &kinds[kind], name, hint, sizeof(hint));
	return say_fail(tool, say_exit_code(tool, REEVE_E_NOT_FOUND), hint,
			"there is no %s '%s'", kinds[kind].what, name);
}

/* The daemon names the field of what is not the job's own handler. */
static bool is_of_callback(const struct reeve_error *error)
{
	return strstr(error->message, ".handler: ") != NULL;
}

int served_fail(struct tool *tool, const char *name)
{
	const char *error = reeve_error(tool->r)->name;

	if (is_of_callback(reeve_error(tool->r)))
		return say_error(tool);

	for (size_t i = 0; name && i < ARRAY_COUNT(kinds); i++) {
		if (strcmp(error, kinds[i].error) == 0)
			return served_missing(tool, (enum served)i, name);
	}
	return say_error(tool);
}
