#include "client/words.h"
#include "tests/helper/t.h"

static struct reeve_job a_job(enum reeve_state state, enum reeve_cause cause)
{
	return (struct reeve_job){
		.id = 42,
		.state = state,
		.cause = cause,
		.name = "",
		.command = "",
		.handler = "exec",
		.failure = "",
		.exit_code = 3,
		.signal = 9,
	};
}

UNIT(says_why_it_failed)
{
	char text[WORDS_BYTES];
	struct reeve_job job = a_job(REEVE_FAILED, REEVE_CAUSE_EXIT);

	words_end(&job, text);
	assert_string_equal(text, "exited with code 3");
	job = a_job(REEVE_FAILED, REEVE_CAUSE_SIGNAL);
	words_end(&job, text);
	assert_string_equal(text, "killed by SIGKILL (signal 9)");
	job = a_job(REEVE_FAILED, REEVE_CAUSE_EXEC);
	job.failure = "cannot start 'x': No such file or directory";
	words_end(&job, text);
	assert_string_equal(text, job.failure);
}

UNIT(has_a_word_and_a_hint_for_every_state_and_cause)
{
	char text[WORDS_BYTES];

	for (int s = 0; s <= REEVE_CANCELLED; s++) {
		for (int cause = 0; cause <= REEVE_CAUSE_OTHER; cause++) {
			struct reeve_job job = a_job((enum reeve_state)s,
						     (enum reeve_cause)cause);
			enum render_colour colour;

			words_end(&job, text);
			assert_true(text[0]);
			words_hint(&job, text);
			assert_true(s != REEVE_FAILED || text[0]);
			assert_true(words_state(job.state)[0]);
			assert_true(words_glyph(job.state, false, &colour)[0]);
		}
	}
}

UNIT(a_title_is_the_name_else_the_command)
{
	struct reeve_job job = a_job(REEVE_READY, REEVE_CAUSE_NONE);

	assert_string_equal(words_title(&job), "exec");
	job.command = "make -j8";
	assert_string_equal(words_title(&job), "make -j8");
	job.name = "build";
	assert_string_equal(words_title(&job), "build");
}

UNIT(time_is_what_it_ran_or_waits)
{
	struct reeve_job job = a_job(REEVE_READY, REEVE_CAUSE_NONE);

	job.created_ms = 1000;
	assert_int_equal(words_time_ms(&job, 5000), 4000);
	job.state = REEVE_RUNNING;
	job.started_ms = 2000;
	assert_int_equal(words_time_ms(&job, 5000), 3000);
	job.state = REEVE_FAILED;
	job.finished_ms = 2500;
	assert_int_equal(words_time_ms(&job, 5000), 500);
	job.state = REEVE_CANCELLED;
	job.started_ms = 0;
	assert_int_equal(words_time_ms(&job, 5000), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_why_it_failed),
		cmocka_unit_test(
			has_a_word_and_a_hint_for_every_state_and_cause),
		cmocka_unit_test(a_title_is_the_name_else_the_command),
		cmocka_unit_test(time_is_what_it_ran_or_waits),
	};

	return cmocka_run_group_tests_name("client words", tests, NULL, NULL);
}
