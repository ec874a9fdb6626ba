#include "client/map_args.h"

#include "client/say.h"

#include <stdio.h>

static int read_jobs(struct map *map)
{
	const char *text = map->options->jobs_text;
	size_t n = text ? strlen(text) : 0;

	if (!text ||
	    (args_int(text, &map->options->jobs) && map->options->jobs >= 1))
		return 0;
	if (n > 0 && text[n - 1] == '%')
		return say_usage(map->tool,
				 "Like: -j4, or -j\"$(nproc)\"; without it as "
				 "many run as there are workers",
				 "--jobs takes a whole number from 1 on, not a "
				 "share of the processors: '%s'",
				 text);
	return say_usage(
		map->tool, "Leave it out: as many run as there are workers",
		"--jobs takes a whole number from 1 on, not '%s'", text);
}

static int read_again(struct map *map)
{
	const char *text = map->options->again_text;

	if (!text)
		return 0;
	if (strcmp(text, "last") == 0) {
		map->options->again = MAP_GROUP_LAST;
		return 0;
	}
	if (args_int(text, &map->options->again) && map->options->again >= 1)
		return 0;
	return say_usage(map->tool,
			 "Like: --retry-failed 7, as the summary of that map "
			 "says it, or --retry-failed last",
			 "--retry-failed takes the number of a group, or last, "
			 "not '%s'",
			 text);
}

int map_args_marks(const struct map *map, int argc, char **argv)
{
	for (int i = 0; i < argc && !lists_is_mark(argv[i]); i++) {
		if (strcmp(argv[i], "::::") == 0 ||
		    strcmp(argv[i], "::::+") == 0)
			return say_usage(
				map->tool,
				"Lines of a file: reeve map -a FILE COMMAND, "
				"or: reeve map COMMAND <FILE",
				"map does not know '%s'", argv[i]);
	}
	return 0;
}

int map_args_places(const struct map *map)
{
	size_t beyond = map->source.lists && map->lists.count > 1
				? pattern_beyond(&map->pattern)
				: 0;

	if (beyond == 0)
		return 0;
	return say_usage(map->tool, "They count from 1, as they were given",
			 "there is {%zu}, and only %zu lists behind :::",
			 beyond, map->lists.count);
}

static int read_max_fail(struct map *map)
{
	const char *text = map->options->max_fail;
	char digits[24];
	size_t n = text ? strlen(text) : 0;

	if (!text)
		return 0;
	map->most_is_percent = n > 0 && text[n - 1] == '%';
	n -= map->most_is_percent;
	if (n < sizeof(digits))
		snprintf(digits, sizeof(digits), "%.*s", (int)n, text);
	if (n >= sizeof(digits) || !args_int(digits, &map->most_failed) ||
	    map->most_failed < 1 ||
	    (map->most_is_percent && map->most_failed > 100))
		return say_usage(map->tool, "Write it like 3 or 5%",
				 "--max-fail takes a number from 1 on, or "
				 "1%% to 100%%, not '%s'",
				 text);
	return 0;
}

/* GNU parallel has a --tag without a value: it would take the command. */
static int read_tags(const struct map *map)
{
	const struct arg_list *tags = &map->options->job.tags;

	for (size_t i = 0; i < tags->count; i++) {
		if (!strchr(tags->items[i], '='))
			return say_usage(map->tool,
					 "Lines that begin with their item: "
					 "--prefix",
					 "--tag takes KEY=VALUE, not '%s'",
					 tags->items[i]);
	}
	return 0;
}

int map_args_read(struct map *map)
{
	int result = read_max_fail(map);

	if (result == 0)
		result = read_tags(map);
	if (result == 0)
		result = read_jobs(map);
	return result == 0 ? read_again(map) : result;
}
