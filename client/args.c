#include "client/args.h"

#include "client/duration.h"
#include "client/habit.h"
#include "client/say.h"
#include "client/suggest.h"

#include <errno.h>
#include <stdio.h>

struct parser {
	struct tool *tool;
	const struct arg_bases *bases;
	int argc;
	char **argv;
	int at;
	bool stop_early;
};

bool args_int(const char *text, int64_t *ret)
{
	const char *digits = text + (*text == '-');
	char *end;
	long long value;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno != 0 || *end)
		return false;
	*ret = value;
	return true;
}

bool args_add(struct arg_list *list, const char *item)
{
	const char **items = realloc(list->items,
				     (list->count + 2) * sizeof(*items));

	if (!items)
		return false;
	items[list->count++] = item;
	items[list->count] = NULL;
	list->items = items;
	return true;
}

void args_free(const struct arg_table *tables, size_t table_count,
	       void *options)
{
	for (size_t t = 0; t < table_count; t++) {
		for (size_t i = 0; i < tables[t].count; i++) {
			const struct arg_flag *flag = &tables[t].flags[i];

			if (flag->kind == ARG_LIST)
				free(((struct arg_list *)((char *)options +
							  flag->offset))
					     ->items);
		}
	}
}

static bool name_is(const char *name, const char *text, size_t n)
{
	return name && strlen(name) == n && strncmp(name, text, n) == 0;
}

/* The i-th flag of all tables, with the block it writes to; NULL behind the
 * last. */
static const struct arg_flag *flag_at(const struct arg_bases *bases, size_t i,
				      void **ret_block)
{
	*ret_block = bases->options;
	for (size_t t = 0; t < bases->table_count; t++) {
		if (i < bases->tables[t].count)
			return &bases->tables[t].flags[i];
		i -= bases->tables[t].count;
	}
	*ret_block = bases->common;
	return i < bases->common_table->count ? &bases->common_table->flags[i]
					      : NULL;
}

static const struct arg_flag *find_long(const struct parser *parser,
					const char *text, size_t n,
					void **ret_block)
{
	const struct arg_flag *flag;

	for (size_t i = 0; (flag = flag_at(parser->bases, i, ret_block)); i++) {
		if (name_is(flag->name, text, n) ||
		    name_is(flag->alias, text, n))
			return flag;
	}
	return NULL;
}

static const struct arg_flag *find_letter(const struct parser *parser,
					  char letter, void **ret_block)
{
	const struct arg_flag *flag;

	for (size_t i = 0; (flag = flag_at(parser->bases, i, ret_block)); i++) {
		if (flag->letter == letter)
			return flag;
	}
	return NULL;
}

/* Of a limit: `none` is none, as in the daemon's files. */
static bool is_never(const struct arg_flag *flag, const char *value)
{
	return strcmp(value, "none") == 0 &&
	       (strcmp(flag->name, "timeout") == 0 ||
		strcmp(flag->name, "expire") == 0);
}

static int set_value(struct parser *parser, const struct arg_flag *flag,
		     void *block, const char *value)
{
	void *at = (char *)block + flag->offset;
	int64_t number;

	switch (flag->kind) {
	case ARG_ON:
		*(bool *)at = true;
		return 0;
	case ARG_TEXT_MORE:
		parser->stop_early = false;
		*(const char **)at = value;
		return 0;
	case ARG_TEXT:
		*(const char **)at = value;
		return 0;
	case ARG_INT_TEXT:
	case ARG_INT:
		if (!args_int(value, &number) || number < flag->min)
			return say_usage(parser->tool, "See --help",
					 "--%s takes a whole number from %lld "
					 "on, not '%s'",
					 flag->name, (long long)flag->min,
					 value);
		if (flag->kind == ARG_INT)
			*(int64_t *)at = number;
		else
			*(const char **)at = value;
		return 0;
	case ARG_DURATION_TEXT:
	case ARG_DURATION:
		if (is_never(flag, value))
			value = "0";
		if (!duration_parse(value, &number))
			return say_usage(parser->tool,
					 "Write it like 90s, 5m, 2h30m or 1d",
					 "--%s: '%s' is not a time", flag->name,
					 value);
		if (number < flag->min)
			return say_usage(parser->tool, "Like: 500ms, 10s",
					 "--%s takes more than no time",
					 flag->name);
		if (flag->kind == ARG_DURATION)
			*(int64_t *)at = number;
		else
			*(const char **)at = value;
		return 0;
	case ARG_LIST:
	default:
		return args_add(at, value) ? 0 : say_memory(parser->tool);
	}
}

static int unknown(const struct parser *parser, const char *text, size_t n)
{
	const struct arg_flag *flag;
	struct suggest suggest;
	char hint[128] = "See --help";
	void *block;

	if (habit_flag(text, n))
		return say_usage(parser->tool, habit_flag(text, n),
				 "there is no flag --%.*s", (int)n, text);
	suggest_init(&suggest, text, n);
	for (size_t i = 0; (flag = flag_at(parser->bases, i, &block)); i++)
		suggest_try(&suggest, flag->name);
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean --%s?",
			 suggest.best);
	return say_usage(parser->tool, hint, "there is no flag --%.*s", (int)n,
			 text);
}

/* The value of a flag that needs one: behind it, or the next argument. */
static int take_value(struct parser *parser, const struct arg_flag *flag,
		      void *block, const char *attached)
{
	if (!attached && parser->at + 1 < parser->argc)
		attached = parser->argv[++parser->at];
	if (!attached)
		return say_usage(parser->tool, "See --help",
				 "--%s needs a value: %s", flag->name,
				 flag->value);
	return set_value(parser, flag, block, attached);
}

static int parse_long(struct parser *parser, const char *text)
{
	size_t n = strcspn(text, "=");
	const char *attached = text[n] ? text + n + 1 : NULL;
	void *block;
	const struct arg_flag *flag = find_long(parser, text, n, &block);

	if (!flag)
		return unknown(parser, text, n);
	if (flag->kind != ARG_ON)
		return take_value(parser, flag, block, attached);
	if (attached)
		return say_usage(parser->tool,
				 "Leave the = and what follows out",
				 "--%s takes no value", flag->name);
	return set_value(parser, flag, block, NULL);
}

static int parse_letters(struct parser *parser, const char *text)
{
	for (; *text; text++) {
		void *block;
		const struct arg_flag *flag = find_letter(parser, *text,
							  &block);
		int result;

		if (!flag)
			return say_usage(parser->tool,
					 habit_flag(text, 1)
						 ? habit_flag(text, 1)
						 : "See --help",
					 "there is no flag -%c", *text);
		if (flag->kind != ARG_ON)
			return take_value(parser, flag, block,
					  text[1] ? text + 1 : NULL);
		result = set_value(parser, flag, block, NULL);
		if (result != 0)
			return result;
	}
	return 0;
}

int args_parse(struct tool *tool, const struct arg_bases *bases,
	       bool stop_early, int argc, char **argv, int *ret_count)
{
	struct parser parser = {.tool = tool,
				.bases = bases,
				.argc = argc,
				.argv = argv,
				.stop_early = stop_early};
	int kept = 0;

	for (; parser.at < argc; parser.at++) {
		char *text = argv[parser.at];
		int result;

		if (strcmp(text, "--") == 0) {
			parser.at++;
			break;
		}
		if (text[0] != '-' || !text[1]) {
			if (parser.stop_early)
				break;
			argv[kept++] = text;
			continue;
		}
		if (text[1] == '-')
			result = parse_long(&parser, text + 2);
		else
			result = parse_letters(&parser, text + 1);
		if (result != 0)
			return result;
	}
	while (parser.at < argc)
		argv[kept++] = argv[parser.at++];
	argv[kept] = NULL;
	*ret_count = kept;
	return 0;
}

void args_print_help(const struct arg_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct arg_flag *flag = &table->flags[i];
		char left[64];
		int n = 0;

		if (flag->letter)
			n = snprintf(left, sizeof(left), "-%c, ", flag->letter);
		else
			n = snprintf(left, sizeof(left), "    ");
		snprintf(left + n, sizeof(left) - (size_t)n, "--%s%s%s",
			 flag->name, flag->value ? " " : "",
			 flag->value ? flag->value : "");
		printf("  %-26s %s\n", left, flag->help);
	}
}
