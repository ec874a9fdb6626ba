#include "client/counts.h"
#include "tests/helper/t.h"

UNIT(reads_and_says_them)
{
	struct counts counts;
	char text[COUNTS_BYTES];

	counts_parse(&counts,
		     SLICE("{\"running\":2,\"ready\":1,\"failed\":1,"
			   "\"succeeded\":118,\"new_word\":5,\"held\":\"x\"}"));
	assert_int_equal(counts.total, 122);
	assert_int_equal(counts.of[REEVE_RUNNING], 2);
	counts_say(&counts, text);
	assert_string_equal(text, "2 running, 1 waiting, 1 failed; 118 done");
	counts_parse(&counts, SLICE("[]"));
	counts_say(&counts, text);
	assert_string_equal(text, "0 done");
}

UNIT(the_biggest_counts_fit)
{
	struct counts counts;
	char text[COUNTS_BYTES];

	for (int i = 0; i < COUNTS_STATES; i++)
		counts.of[i] = INT64_MAX;
	counts_say(&counts, text);
	assert_true(strlen(text) < COUNTS_BYTES);
	assert_non_null(strstr(text, " done"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_says_them),
		cmocka_unit_test(the_biggest_counts_fit),
	};

	return cmocka_run_group_tests_name("client counts", tests, NULL, NULL);
}
