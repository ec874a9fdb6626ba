#include "client/place_args.h"

#include "client/duration.h"
#include "client/say.h"
#include "client/suggest.h"

#include <inttypes.h>
#include <stdio.h>

#define LIMIT_TEXT_BYTES 48
#define LIMIT_NAMES "as core cpu data fsize memlock nofile nproc stack"

enum limit_unit { UNIT_COUNT, UNIT_BYTES, UNIT_SECONDS };

/* Those that the daemon's workers know. */
static const struct {
	const char *name;
	enum limit_unit unit;
} limits[] = {
	{"as", UNIT_BYTES},	{"core", UNIT_BYTES},  {"cpu", UNIT_SECONDS},
	{"data", UNIT_BYTES},	{"fsize", UNIT_BYTES}, {"memlock", UNIT_BYTES},
	{"nofile", UNIT_COUNT}, {"nproc", UNIT_COUNT}, {"stack", UNIT_BYTES},
};

void place_args_fini(struct place_args *args)
{
	for (size_t i = 0; i < args->numbers.count; i++)
		free((char *)args->numbers.items[i]);
	free(args->numbers.items);
	free(args->variables.items);
	args->numbers = args->variables = (struct arg_list){0};
}

static bool read_value(enum limit_unit unit, const char *text, int64_t *ret)
{
	if (strcmp(text, "unlimited") == 0 || strcmp(text, "-1") == 0) {
		*ret = -1;
		return true;
	}
	if (unit == UNIT_BYTES)
		return duration_bytes_parse(text, ret);
	if (unit == UNIT_COUNT)
		return args_int(text, ret) && *ret >= 0;
	if (!duration_parse(text, ret))
		return false;
	*ret = (*ret + 999) / 1000;
	return true;
}

static int no_limit(struct tool *tool, const char *name, size_t n)
{
	struct suggest suggest;
	char hint[128] = "They are: " LIMIT_NAMES;

	suggest_init(&suggest, name, n);
	for (size_t i = 0; i < ARRAY_COUNT(limits); i++)
		suggest_try(&suggest, limits[i].name);
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean %s?", suggest.best);
	return say_usage(tool, hint, "there is no limit '%.*s'", (int)n, name);
}

static int add_limit(struct tool *tool, struct place_args *args,
		     const char *given)
{
	size_t n = strcspn(given, "="), i = 0;
	char *text;
	int64_t value;

	if (!given[n] || n == 0)
		return say_usage(tool, "Like: --limit nofile=1024",
				 "--limit takes a name and a value, not '%s'",
				 given);
	while (i < ARRAY_COUNT(limits) &&
	       !slice_is((struct slice){given, n}, limits[i].name))
		i++;
	if (i == ARRAY_COUNT(limits))
		return no_limit(tool, given, n);
	if (!read_value(limits[i].unit, given + n + 1, &value) ||
	    (value < 0 && strcmp(limits[i].name, "nofile") == 0))
		return say_usage(tool,
				 limits[i].unit == UNIT_BYTES
					 ? "Write it like 512M, 2G, or "
					   "unlimited"
				 : limits[i].unit == UNIT_SECONDS
					 ? "Write it like 30s, 10m, or "
					   "unlimited"
				 : strcmp(limits[i].name, "nofile") == 0
					 ? "Write a number, like 1024"
					 : "Write a number, or unlimited",
				 "--limit %s: '%s' is no value for it",
				 limits[i].name, given + n + 1);
	text = malloc(LIMIT_TEXT_BYTES);
	if (!text)
		return say_memory(tool);
	snprintf(text, LIMIT_TEXT_BYTES, "%s=%" PRId64, limits[i].name, value);
	if (args_add(&args->numbers, text))
		return 0;
	free(text);
	return say_memory(tool);
}

/* The caller's variable of this name, whole; NULL: it is not set. */
static const char *inherited(const char *name)
{
	size_t n = strlen(name);

	for (char **at = environ; at && *at; at++) {
		if (strncmp(*at, name, n) == 0 && (*at)[n] == '=')
			return *at;
	}
	return NULL;
}

static int add_variable(struct tool *tool, struct place_args *args,
			const char *given)
{
	const char *variable = given;

	if (!given[0] || given[0] == '=')
		return say_usage(tool, "Like: -e LANG, or -e LANG=C",
				 "-e takes the name of a variable, and '%s' "
				 "has none",
				 given);
	if (!strchr(given, '='))
		variable = inherited(given);
	if (!variable) {
		say_note(tool, "%s is not set here, so the job has not got it",
			 given);
		return 0;
	}
	return args_add(&args->variables, variable) ? 0 : say_memory(tool);
}

static int check_umask(struct tool *tool, const char *text)
{
	size_t n = text ? strlen(text) : 1;

	if (!text || (n >= 1 && n <= 4 && strspn(text, "01234567") == n &&
		      (n < 4 || text[0] == '0')))
		return 0;
	return say_usage(tool, "Like: --umask 027",
			 "--umask takes octal digits, not '%s'", text);
}

int place_args_spec(struct tool *tool, struct place_args *args,
		    struct reeve_spec *ret)
{
	int result = check_umask(tool, args->umask);

	if (result == 0 && args->nice > 19)
		result = say_usage(tool, "19 is the nicest",
				   "--nice takes a number from -20 to 19, not "
				   "%" PRId64,
				   args->nice);
	for (size_t i = 0; result == 0 && i < args->limit.count; i++)
		result = add_limit(tool, args, args->limit.items[i]);
	for (size_t i = 0; result == 0 && i < args->env.count; i++)
		result = add_variable(tool, args, args->env.items[i]);
	ret->umask = args->umask;
	ret->nice = args->nice;
	ret->limits = args->numbers.items;
	ret->env = args->variables.items;
	ret->environment = args->clean_env ? REEVE_ENV_CLEAN
			   : args->listed  ? REEVE_ENV_LISTED
					   : REEVE_ENV_CAPTURED;
	return result;
}
