/* reeve config check, show, diff: what is configured, and from where. */

#include "client/config.h"

#include "client/autostart.h"
#include "client/command.h"
#include "client/effective.h"
#include "client/field.h"
#include "client/say.h"
#include "client/suggest.h"
#include "client/table.h"
#include "proto/json_in.h"

#include <stdio.h>

static const struct render_column columns[] = {
	{"KEY", false, 0, 0},	 {"VALUE", false, 0, 16},
	{"ORIGIN", false, 1, 8}, {"DEFAULT", false, 2, 0},
	{"NOTE", false, 3, 12},
};

static void write_setting(struct render *render, struct arena *arena,
			  struct slice setting)
{
	const char *value = field_text(arena, setting, "value");
	const char *pending = field_text(arena, setting, "pending");
	bool plain = strcmp(field_text(arena, setting, "layer"), "default") ==
		     0;

	render_cell(render, 0, RENDER_PLAIN, "%s",
		    field_text(arena, setting, "key"));
	render_cell(render, 1, plain ? RENDER_PLAIN : RENDER_GREEN, "%s",
		    value);
	render_cell(render, 2, plain ? RENDER_DIM : RENDER_PLAIN, "%s",
		    field_text(arena, setting, "origin"));
	render_cell(render, 3, RENDER_DIM, "%s",
		    field_text(arena, setting, "default"));
	if (pending[0])
		render_cell(render, 4, RENDER_YELLOW, "%s after a restart",
			    pending);
}

static int show(struct tool *tool, const struct table_args *args)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice item;
	struct table table;
	const char *reply;
	int result = table_init(&table, tool, args, columns,
				ARRAY_COUNT(columns), "key");

	if (result == 0)
		result = tool_connect_only(tool, NULL);
	if (result == 0 &&
	    reeve_call(tool->r, "org.reeve.admin.Config", NULL, &reply) != 0)
		result = say_error(tool);
	if (result == 0) {
		iter = json_enter(field_list(slice_of(reply), "settings"));
		while (json_item(&iter, &item)) {
			table_row(&table, item);
			write_setting(&table.render, &arena, item);
		}
		result = table_print(&table, "settings", "");
	}
	table_fini(&table);
	arena_fini(&arena);
	return result;
}

/* A line for each change, those that hold first. */
static void print_changes(const struct tool *tool, struct slice reply,
			  bool live)
{
	struct json_iter iter = json_enter(field_list(reply, "changes"));
	struct arena arena = {0};
	struct slice change;

	while (json_item(&iter, &change)) {
		if (field_bool(change, "live") != live)
			continue;
		printf("%s%s%s  %s -> %s  %s%s\n",
		       render_begin(&tool->out,
				    live ? RENDER_GREEN : RENDER_YELLOW),
		       field_text(&arena, change, "key"),
		       render_end(&tool->out),
		       field_text(&arena, change, "from"),
		       field_text(&arena, change, "to"),
		       field_text(&arena, change, "origin"),
		       live ? "" : "  (needs a restart)");
	}
	arena_fini(&arena);
}

static void print_warnings(const struct tool *tool, struct slice reply)
{
	struct json_iter iter = json_enter(field_list(reply, "warnings"));
	char text[EFFECTIVE_TEXT_BYTES];
	struct arena arena = {0};
	struct slice warning;

	while (json_item(&iter, &warning)) {
		effective_text(warning, &arena, text);
		say_note(tool, "warning: %s", text);
	}
	arena_fini(&arena);
}

int config_reload(struct tool *tool, bool dry_run)
{
	const char *reply;
	int result = tool_connect_only(tool, NULL);
	struct json_iter iter;
	struct slice item;

	if (result != 0)
		return result;
	if (reeve_call(tool->r, "org.reeve.admin.Reload",
		       dry_run ? "{\"dry_run\":true}" : "{}", &reply) != 0)
		return say_error(tool);
	if (tool->json) {
		printf("{\"v\":1,%s\n", reply + 1);
		return 0;
	}
	iter = json_enter(field_list(slice_of(reply), "changes"));
	if (!json_item(&iter, &item))
		printf("nothing %s\n", dry_run ? "would change" : "changed");
	print_changes(tool, slice_of(reply), true);
	print_changes(tool, slice_of(reply), false);
	print_warnings(tool, slice_of(reply));
	iter = json_enter(field_list(slice_of(reply), "needs_restart"));
	if (json_item(&iter, &item))
		say_hint(tool, "a restart leaves running jobs alone: reeve "
			       "daemon stop, reeve daemon start");
	return 0;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	static const char *const verbs[] = {"check", "show", "diff"};
	const char *verb = argc > 0 ? argv[0] : "show";
	char hint[96] = "They are check, show and diff";
	struct suggest suggest;

	if (strcmp(verb, "check") == 0 && argc <= 2)
		return autostart_check(tool, argc == 2 ? argv[1] : NULL);
	if (argc <= 1 && strcmp(verb, "show") == 0)
		return show(tool, options);
	if (argc == 1 && strcmp(verb, "diff") == 0)
		return config_reload(tool, true);
	suggest_init(&suggest, verb, strlen(verb));
	for (size_t i = 0; i < ARRAY_COUNT(verbs); i++) {
		if (strcmp(verb, verbs[i]) == 0)
			return say_usage(tool, "See: reeve config --help",
					 "'%s' is one word too many",
					 argv[argc - 1]);
		suggest_try(&suggest, verbs[i]);
	}
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean: reeve config %s?",
			 suggest.best);
	return say_usage(tool, hint, "there is no command 'config %s'", verb);
}

const struct command command_config = {
	.name = "config",
	.group = "System",
	.synopsis = "check [FILE]|show|diff",
	.summary = "Look at the daemon's configuration.",
	.text = "  reeve config check           is it good? No daemon needed\n"
		"  reeve config show            each value, and where it is "
		"from\n"
		"  reeve config diff            what a reload would change\n"
		"  reeve daemon reload          read it again\n",
	.list_flags = true,
	.options_bytes = sizeof(struct table_args),
	.run = run,
};
