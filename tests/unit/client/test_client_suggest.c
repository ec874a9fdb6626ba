#include "tests/helper/t.h"
#include "client/suggest.h"

UNIT(names_the_nearest_and_nothing_far)
{
	struct suggest suggest;

	suggest_init(&suggest, "stauts", 6);
	suggest_try(&suggest, "start");
	suggest_try(&suggest, "status");
	suggest_try(&suggest, "stop");
	assert_string_equal(suggest.best, "status");

	suggest_init(&suggest, "frobnicate", 10);
	suggest_try(&suggest, "status");
	assert_null(suggest.best);
}

UNIT(very_long_words_are_far_from_everything)
{
	char text[200];
	struct suggest suggest;

	memset(text, 'a', sizeof(text));
	suggest_init(&suggest, text, sizeof(text));
	suggest_try(&suggest, "status");
	assert_null(suggest.best);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_the_nearest_and_nothing_far),
		cmocka_unit_test(very_long_words_are_far_from_everything),
	};

	return cmocka_run_group_tests_name("client suggest", tests, NULL, NULL);
}
