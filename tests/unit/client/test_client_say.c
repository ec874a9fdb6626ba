#include "client/say.h"
#include "tests/helper/t.h"
#include "tests/unit/client/quiet.h"

static struct quiet said;

UNIT(an_error_says_what_why_and_what_next)
{
	struct tool tool = {0};

	quiet_begin(&said);
	assert_int_equal(say_usage(&tool, "Do it so", "it is %s", "wrong"),
			 EXIT_USAGE);
	quiet_end(&said);
	assert_string_equal(said.text, "reeve: it is wrong. Do it so.\n");
	quiet_begin(&said);
	assert_int_equal(say_fail(&tool, EXIT_MISSING, "Is it?", "gone."),
			 EXIT_MISSING);
	quiet_end(&said);
	assert_string_equal(said.text, "reeve: gone. Is it?\n");
}

UNIT(as_json_it_is_one_object)
{
	struct tool tool = {.json = true};

	quiet_begin(&said);
	assert_int_equal(say_fail(&tool, EXIT_REFUSED, NULL, "no \"%s\"", "x"),
			 EXIT_REFUSED);
	quiet_end(&said);
	assert_string_equal(said.text,
			    "{\"v\":1,\"error\":{\"code\":\"refused\","
			    "\"message\":\"no \\\"x\\\"\",\"hint\":\"\"}}\n");
}

UNIT(where_the_code_is_a_jobs_own_errors_are_120_to_127)
{
	struct tool tool = {.speaks_for_job = true};

	quiet_begin(&said);
	assert_int_equal(say_usage(&tool, NULL, "x"), EXIT_INTERNAL);
	assert_int_equal(say_fail(&tool, EXIT_MISSING, NULL, "x"),
			 EXIT_INTERNAL);
	assert_int_equal(say_fail(&tool, EXIT_UNREACHABLE, NULL, "x"),
			 EXIT_UNREACHABLE);
	quiet_end(&said);
	for (int code = REEVE_E_UNREACHABLE; code <= REEVE_E_SYSTEM; code++) {
		int mapped = say_exit_code(&tool, (enum reeve_code)code);

		assert_true(mapped >= 120 || code == REEVE_E_END);
	}
	tool.speaks_for_job = false;
	assert_int_equal(say_exit_code(&tool, REEVE_E_NOT_FOUND), 3);
	assert_int_equal(say_exit_code(&tool, REEVE_E_REFUSED), 4);
	assert_int_equal(say_exit_code(&tool, REEVE_E_LOST), 120);
}

UNIT(texts_of_others_cannot_move_the_cursor)
{
	struct tool tool = {0};

	quiet_begin(&said);
	say_note(&tool, "%s", "a\x1b[2Jb");
	quiet_end(&said);
	assert_string_equal(said.text, "reeve: a?[2Jb\n");
	quiet_begin(&said);
	say_note(&tool, "%s",
		 "a\xc2\x9b"
		 "2Jb\u202ec\nd");
	quiet_end(&said);
	assert_string_equal(said.text, "reeve: a?2Jb?c\nd\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_says_what_why_and_what_next),
		cmocka_unit_test(as_json_it_is_one_object),
		cmocka_unit_test(
			where_the_code_is_a_jobs_own_errors_are_120_to_127),
		cmocka_unit_test(texts_of_others_cannot_move_the_cursor),
	};

	return cmocka_run_group_tests_name("client say", tests, NULL, NULL);
}
