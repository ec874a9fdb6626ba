/* reeve ls: jobs, newest last. */

#include "client/clock.h"
#include "client/command.h"
#include "client/counts.h"
#include "client/listing.h"
#include "client/say.h"

#include <inttypes.h>
#include <stdio.h>

#define LS_UNFINISHED 200
#define LS_ENDED 15
#define LS_FILTERED 1000

struct ls_options {
	struct table_args table;
	bool all;
};

static const struct arg_flag flags[] = {
	{"all", 'a', ARG_ON, offsetof(struct ls_options, all), NULL,
	 "ended ones too, without a limit", 0, NULL},
};

/* Without words: what is not finished, and what ended lately. */
static int load_recent(struct tool *tool, struct listing *listing,
		       const struct ls_options *options)
{
	struct selector unfinished = {.states = SELECTOR_UNFINISHED};
	struct selector ended = {.states = SELECTOR_ENDED};
	size_t limit = options->table.limit ? (size_t)options->table.limit : 0;
	int result = listing_load(tool, listing, &unfinished,
				  limit ? limit : LS_UNFINISHED);

	if (result == 0 && (!limit || listing->count < limit))
		result = listing_load(tool, listing, &ended,
				      limit ? limit - listing->count
					    : LS_ENDED);
	return result;
}

static int load(struct tool *tool, struct listing *listing,
		struct selector *selector, const struct ls_options *options)
{
	size_t limit = LS_FILTERED;
	int result;

	if (selector_is_empty(selector) && !options->all)
		return load_recent(tool, listing, options);
	if (options->all)
		limit = SIZE_MAX / 2;
	if (options->table.limit)
		limit = (size_t)options->table.limit;
	result = selector_resolve(tool, selector);
	if (result != 0)
		return result;
	return listing_load(tool, listing, selector, limit);
}

/* Lines end between words where the terminal ends, not within them. */
static void print_dim(const struct screen *screen, const char *text)
{
	size_t width = screen->width > 0 ? (size_t)screen->width : SIZE_MAX;

	while (*text) {
		size_t n = strlen(text);

		for (size_t i = n > width ? width : 0; i > 0; i--) {
			if (text[i] == ' ') {
				n = i;
				break;
			}
		}
		printf("%s%.*s%s\n", render_begin(screen, RENDER_DIM), (int)n,
		       text, render_end(screen));
		text += n + (text[n] == ' ');
	}
}

static void print_summary(struct tool *tool, const struct table *table,
			  const struct listing *listing)
{
	struct counts counts;
	char text[COUNTS_BYTES], all[COUNTS_BYTES + 40];

	if (!table_is_human(table) || tool->quiet ||
	    counts_load(tool, &counts) != 0)
		return;
	counts_say(&counts, text);
	snprintf(all, sizeof(all), "%s%s", text,
		 listing->more || (int64_t)listing->count < counts.total
			 ? "; not all are shown (-a)"
			 : "");
	print_dim(&tool->out, all);
}

/* A pipe has no summary, and half a list looks like a whole one. */
static void tell_cut(struct tool *tool, const struct listing *listing,
		     const struct selector *selector,
		     const struct ls_options *options)
{
	if (listing->more && !options->table.limit &&
	    !selector_is_empty(selector))
		say_note(tool,
			 "only the newest %zu are listed. All of them: "
			 "reeve ls -a FILTER",
			 listing->count);
}

/* Numbers that are none are a mistake; what is filtered may be nothing. */
static int found_nothing(const struct tool *tool, const struct table *table,
			 const struct selector *selector)
{
	if (selector_is_ids(selector))
		return say_fail(tool, EXIT_MISSING,
				"It may have been purged; see which there are: "
				"reeve ls -a",
				selector->id_count == 1
					? "there is no job %" PRId64
					: "there is no such job",
				selector->ids[0]);
	if (table_is_human(table) && selector->name)
		say_note(tool,
			 "no job was given the name '%s' with --name; by a "
			 "part of its command: command=%s",
			 selector->name, selector->name);
	else if (table_is_human(table))
		say_note(tool, "no job matches");
	return 0;
}

static int print(struct tool *tool, struct table *table,
		 struct listing *listing)
{
	int result;

	listing_sort(listing);
	listing_fill(listing, table, clock_wall_ms());
	result = table_print(table, "jobs",
			     listing->more ? ",\"more\":true"
					   : ",\"more\":false");
	if (result == 0)
		print_summary(tool, table, listing);
	return result;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct ls_options *ls = options;
	struct selector selector = {0};
	struct listing listing = {0};
	struct table table;
	int result = listing_table(&table, tool, &ls->table);

	if (result == 0)
		result = selector_parse(tool, &selector, argc, argv);
	if (result == 0)
		result = tool_connect(tool);
	if (result == 0)
		result = load(tool, &listing, &selector, options);
	if (result == 0 && listing.count == 0 && !selector_is_empty(&selector))
		result = found_nothing(tool, &table, &selector);
	if (result == 0)
		result = print(tool, &table, &listing);
	if (result == 0 && !tool->json && !table_is_human(&table))
		tell_cut(tool, &listing, &selector, options);
	table_fini(&table);
	listing_fini(&listing);
	selector_fini(&selector);
	return result;
}

const struct command command_ls = {
	.name = "ls",
	.alias = "ps",
	.group = "Work",
	.synopsis = "[FLAG]... [FILTER]...",
	.summary = "List jobs, newest last.",
	.text = "  reeve ls\n"
		"  reeve ls failed queue=mail newer=1d\n"
		"  reeve ls group=7 --json\n"
		"  reeve ls --columns id,name,ended --sort -time\n"
		"  reeve ls failed -o ids\n",
	COMMAND_FLAGS(flags),
	.list_flags = true,
	.options_bytes = sizeof(struct ls_options),
	.run = run,
};
