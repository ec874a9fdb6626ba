/*
 * The ends of jobs that reeve-worker(7) shows are understood by the broker.
 * Called with the path of the page.
 */

#include <stdio.h>

#include "daemon/broker/outcome.h"
#include "proto/json_in.h"
#include "tests/helper/t.h"

static FILE *page;

UNIT(every_end_that_the_page_shows_is_one)
{
	char line[4096];
	int dones = 0, fails = 0;

	rewind(page);
	while (fgets(line, sizeof(line), page)) {
		struct store_outcome outcome;
		struct arena arena = {0};
		struct json_fault fault;
		struct slice text = slice_of(line);
		char *escape;
		int64_t run_us;

		if (line[0] != '{' ||
		    (!strstr(line, "{\"done\"") && !strstr(line, "{\"fail\"")))
			continue;
		/* roff writes a backslash as \e. */
		while ((escape = strstr(line, "\\e")))
			memmove(escape + 1, escape + 2, strlen(escape + 1));
		text = json_trim(slice_of(line));
		assert_int_equal(json_check(text, &fault), 0);
		assert_int_equal(outcome_parse(text, &arena, &outcome, &run_us),
				 0);
		assert_int_equal(outcome.job, 17);
		assert_int_equal(outcome.token, 91);
		if (strstr(line, "Poison"))
			assert_true(outcome.final);
		if (strstr(line, "5000"))
			assert_int_equal(outcome.pause_ms, 5000);
		dones += outcome.kind == STORE_SUCCEEDED;
		fails += outcome.kind == STORE_FAILED_ATTEMPT;
		arena_fini(&arena);
	}
	assert_int_equal(dones, 2);
	assert_int_equal(fails, 3);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_end_that_the_page_shows_is_one),
	};

	page = fopen(argc > 1 ? argv[1] : "", "r");
	if (!page)
		return 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
