#include "client/args.h"
#include "tests/helper/t.h"
#include "tests/unit/client/quiet.h"

struct options {
	bool on, other;
	const char *text, *more;
	int64_t number, time;
	struct arg_list list;
};

static const struct arg_flag flags[] = {
	{"on", 'o', ARG_ON, offsetof(struct options, on), NULL, "", 0, NULL},
	{"timeout", 0, ARG_DURATION, offsetof(struct options, time), "TIME", "",
	 0, NULL},
	{"text", 't', ARG_TEXT, offsetof(struct options, text), "TEXT", "", 0,
	 "words"},
	{"number", 'n', ARG_INT, offsetof(struct options, number), "N", "", 1,
	 NULL},
	{"more", 0, ARG_TEXT_MORE, offsetof(struct options, more), "X", "", 0,
	 NULL},
	{"list", 'l', ARG_LIST, offsetof(struct options, list), "X", "", 0,
	 NULL},
};
static const struct arg_table table = {flags, ARRAY_COUNT(flags)};

static const struct arg_flag common_flags[] = {
	{"json", 'j', ARG_ON, offsetof(struct tool, json), NULL, "", 0, NULL},
};
static const struct arg_table common = {common_flags, 1};

static struct quiet said;

/* Words of @line, parsed into @options; what is left goes to @left. */
static int parse(const char *line, bool stop_early, struct options *options,
		 char *left, struct tool *tool)
{
	static char words[256];
	char *argv[32] = {NULL};
	struct arg_bases bases = {&table, 1, options, &common, tool};
	int argc = 0, result;
	char *rest = words;
	char *word;

	snprintf(words, sizeof(words), "%s", line);
	while ((word = strsep(&rest, " ")))
		argv[argc++] = word;
	quiet_begin(&said);
	result = args_parse(tool, &bases, stop_early, argc, argv, &argc);
	quiet_end(&said);
	left[0] = '\0';
	for (int i = 0; result == 0 && i < argc; i++) {
		strncat(left, argv[i], 60);
		strncat(left, "|", 2);
	}
	return result;
}

UNIT(takes_every_form_of_a_flag)
{
	struct options options = {0};
	struct tool tool = {0};
	char left[256];

	assert_int_equal(parse("--text=a a1 -n 5 --list x -ly --timeout 2m -oj "
			       "b1 --words c",
			       false, &options, left, &tool),
			 0);
	assert_string_equal(left, "a1|b1|");
	assert_string_equal(options.text, "c");
	assert_int_equal(options.number, 5);
	assert_int_equal(options.time, 120000);
	assert_true(options.on);
	assert_true(tool.json);
	assert_int_equal(options.list.count, 2);
	assert_string_equal(options.list.items[0], "x");
	assert_string_equal(options.list.items[1], "y");
	assert_null(options.list.items[2]);
	args_free(&table, 1, &options);
}

UNIT(stops_where_somebody_elses_words_begin)
{
	struct options options = {0};
	struct tool tool = {0};
	char left[256];

	assert_int_equal(
		parse("-o make -j8 --json", true, &options, left, &tool), 0);
	assert_string_equal(left, "make|-j8|--json|");
	assert_false(tool.json);
	assert_int_equal(parse("-o -- -x --on", true, &options, left, &tool),
			 0);
	assert_string_equal(left, "-x|--on|");
	assert_int_equal(parse("a -- -x", false, &options, left, &tool), 0);
	assert_string_equal(left, "a|-x|");
}

UNIT(a_flag_may_open_what_follows_for_flags)
{
	struct options options = {0};
	struct tool tool = {0};
	char left[256];

	assert_int_equal(
		parse("--more x a -o b --text t", true, &options, left, &tool),
		0);
	assert_string_equal(options.more, "x");
	assert_string_equal(options.text, "t");
	assert_true(options.on);
	assert_string_equal(left, "a|b|");
	options = (struct options){0};
	assert_int_equal(parse("a --more x -o", true, &options, left, &tool),
			 0);
	assert_string_equal(left, "a|--more|x|-o|");
	assert_false(options.on);
}

UNIT(a_mistyped_flag_is_answered_with_the_nearest)
{
	struct options options = {0};
	struct tool tool = {0};
	char left[256];

	assert_int_equal(parse("--tiemout 5s", false, &options, left, &tool),
			 EXIT_USAGE);
	assert_non_null(strstr(said.text, "--tiemout"));
	assert_non_null(strstr(said.text, "Did you mean --timeout?"));
	assert_int_equal(parse("-x", false, &options, left, &tool), EXIT_USAGE);
}

UNIT(bad_values_are_refused_by_name)
{
	static const char *const bad[] = {
		"--number 0",	"--number x", "--number",
		"--timeout 5y", "--on=1",     "--number 99999999999999999999",
	};
	struct options options = {0};
	struct tool tool = {0};
	char left[256];

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_int_equal(parse(bad[i], false, &options, left, &tool),
				 EXIT_USAGE);
		assert_non_null(strstr(said.text, "reeve: "));
	}
}

UNIT(own_errors_leave_the_codes_of_a_job_alone)
{
	struct options options = {0};
	struct tool tool = {.speaks_for_job = true};
	char left[256];

	assert_int_equal(parse("--nope", false, &options, left, &tool),
			 EXIT_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_every_form_of_a_flag),
		cmocka_unit_test(stops_where_somebody_elses_words_begin),
		cmocka_unit_test(a_flag_may_open_what_follows_for_flags),
		cmocka_unit_test(a_mistyped_flag_is_answered_with_the_nearest),
		cmocka_unit_test(bad_values_are_refused_by_name),
		cmocka_unit_test(own_errors_leave_the_codes_of_a_job_alone),
	};

	return cmocka_run_group_tests_name("client args", tests, NULL, NULL);
}
