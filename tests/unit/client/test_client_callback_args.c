#include "client/callback_args.h"
#include "tests/helper/t.h"
#include "tests/unit/client/quiet.h"

#include <stdlib.h>

static struct callback_args args;
static char said[8192];

static void give(enum callback_when when, enum callback_args_kind kind,
		 const char *text)
{
	assert_true(args_add(&args.given[when][kind], text));
}

static int read_all(const struct reeve_spec *place)
{
	struct tool tool = {0};
	struct quiet quiet;
	int result;

	quiet_begin(&quiet);
	result = callback_args_read(&tool, &args, "on-", place);
	snprintf(said, sizeof(said), "%s", quiet_end(&quiet));
	return result;
}

static int forget(void **state)
{
	(void)state;
	callback_args_fini(&args);
	for (size_t when = 0; when < CALLBACK_WHEN_COUNT; when++) {
		for (size_t kind = 0; kind < CALLBACK_ARGS_KINDS; kind++)
			free(args.given[when][kind].items);
	}
	args = (struct callback_args){0};
	return 0;
}

static void assert_read(enum callback_args_kind kind, const char *text,
			const char *list)
{
	forget(NULL);
	give(CALLBACK_FAILURE, kind, text);
	assert_int_equal(read_all(NULL), 0);
	assert_string_equal(args.lists[CALLBACK_FAILURE], list);
	assert_null(args.lists[CALLBACK_DONE]);
}

static void assert_refused(enum callback_args_kind kind, const char *text,
			   const char *why)
{
	forget(NULL);
	give(CALLBACK_FAILURE, kind, text);
	assert_int_equal(read_all(NULL), EXIT_USAGE);
	if (!strstr(said, why))
		fail_msg("%s", said);
	assert_null(args.lists[CALLBACK_FAILURE]);
}

UNIT(a_command_is_its_words)
{
	assert_read(CALLBACK_ARGS_COMMAND, "./alert.sh 'to me'",
		    "[{\"argv\":[\"./alert.sh\",\"to me\"]}]");
}

UNIT(a_url_is_a_job_of_the_handler_http)
{
	assert_read(CALLBACK_ARGS_URL, "https://x.org/a?b=c&d",
		    "[{\"handler\":\"http\","
		    "\"name\":\"POST https://x.org/a\",\"args\":"
		    "{\"url\":\"https://x.org/a?b=c&d\"}}]");
	assert_refused(CALLBACK_ARGS_URL, "ftp://x", "--on-failure-url");
	assert_refused(CALLBACK_ARGS_URL, "x.org", "neither http://");
}

UNIT(a_call_has_json_or_words_as_arguments)
{
	assert_read(CALLBACK_ARGS_CALL, "notify", "[{\"handler\":\"notify\"}]");
	assert_read(CALLBACK_ARGS_CALL, "notify  {\"to\": \"it's me\"}",
		    "[{\"handler\":\"notify\",\"args\":"
		    "{\"to\":\"it's me\"}}]");
	assert_read(CALLBACK_ARGS_CALL, "notify to='my self' n:=3",
		    "[{\"handler\":\"notify\",\"args\":"
		    "{\"to\":\"my self\",\"n\":3}}]");
	assert_refused(CALLBACK_ARGS_CALL, "", "names no handler");
	assert_refused(CALLBACK_ARGS_CALL, "{\"a\":1}", "names no handler");
	assert_refused(CALLBACK_ARGS_CALL, "notify {\"a\":1", "is not JSON");
	assert_refused(CALLBACK_ARGS_CALL, "notify [1]", "neither a JSON");
	assert_refused(CALLBACK_ARGS_CALL, "notify 'x", "not closed: 'x");
}

UNIT(what_is_wrong_is_told_with_the_flag)
{
	assert_refused(CALLBACK_ARGS_COMMAND, "mail 'it is",
		       "--on-failure: a quote is not closed: 'it is");
	assert_refused(CALLBACK_ARGS_COMMAND, "a | b",
		       "only a shell knows what | does here");
	assert_refused(CALLBACK_ARGS_COMMAND, "a \\", "nothing follows");
	assert_refused(CALLBACK_ARGS_COMMAND, " ", "names no command");
	assert_refused(CALLBACK_ARGS_COMMAND, "a \xff", "not UTF-8");
}

UNIT(they_are_as_many_as_were_given_up_to_a_limit)
{
	give(CALLBACK_DONE, CALLBACK_ARGS_CALL, "b");
	give(CALLBACK_DONE, CALLBACK_ARGS_COMMAND, "a");
	assert_false(callback_args_are_none(&args));
	assert_int_equal(read_all(NULL), 0);
	assert_string_equal(args.lists[CALLBACK_DONE],
			    "[{\"argv\":[\"a\"]},{\"handler\":\"b\"}]");
	forget(NULL);
	assert_true(callback_args_are_none(&args));
	for (int i = 0; i <= LIMIT_CALLBACKS; i++)
		give(CALLBACK_DONE, CALLBACK_ARGS_COMMAND, "a");
	assert_int_equal(read_all(NULL), EXIT_USAGE);
	assert_non_null(strstr(said, "--on-done is given 17 times"));
}

UNIT(a_command_without_a_job_of_its_own_has_the_place_of_here)
{
	struct reeve_spec place = {.cwd = "/tmp"};

	give(CALLBACK_SUCCESS, CALLBACK_ARGS_COMMAND, "a");
	assert_int_equal(read_all(&place), 0);
	assert_non_null(strstr(args.lists[CALLBACK_SUCCESS],
			       "[{\"argv\":[\"a\"],\"context\":{"));
	assert_non_null(
		strstr(args.lists[CALLBACK_SUCCESS], "\"cwd\":\"/tmp\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_command_is_its_words, forget),
		cmocka_unit_test_teardown(a_url_is_a_job_of_the_handler_http,
					  forget),
		cmocka_unit_test_teardown(a_call_has_json_or_words_as_arguments,
					  forget),
		cmocka_unit_test_teardown(what_is_wrong_is_told_with_the_flag,
					  forget),
		cmocka_unit_test_teardown(
			they_are_as_many_as_were_given_up_to_a_limit, forget),
		cmocka_unit_test_teardown(
			a_command_without_a_job_of_its_own_has_the_place_of_here,
			forget),
	};

	return cmocka_run_group_tests_name("client callback args", tests, NULL,
					   NULL);
}
