#include "tests/helper/t.h"

#include "client/hint.h"
#include <stdio.h>
#include <string.h>

static const char *hint(const char *name, const char *own)
{
	static struct reeve_error error;

	snprintf(error.name, sizeof(error.name), "%s", name);
	snprintf(error.hint, sizeof(error.hint), "%s", own);
	return hint_of(&error);
}

UNIT(a_hint_that_names_a_call_becomes_one_that_names_a_command)
{
	assert_non_null(strstr(
		hint("org.reeve.jobs.NoSuchGroup", "OpenGroup makes a new one"),
		"reeve map"));
	assert_non_null(strstr(hint("org.varlink.service.InvalidParameter",
				    "GetInterfaceDescription tells"),
			       "--help"));
	assert_non_null(strstr(
		hint("org.reeve.queues.Timeout", "the jobs go on; call Drain"),
		"--timeout"));
	assert_non_null(strstr(hint("org.reeve.jobs.Duplicate",
				    "on_conflict return_existing gives its id"),
			       "--on-conflict return"));
}

UNIT(what_says_more_than_the_table_stays)
{
	assert_string_equal(
		hint("org.reeve.jobs.Duplicate", "it runs: cancel it first"),
		"it runs: cancel it first");
	assert_string_equal(hint("org.varlink.service.InvalidParameter",
				 "exec is always there"),
			    "exec is always there");
	assert_string_equal(hint("org.other.Error", "as it was"), "as it was");
	assert_string_equal(hint("", ""), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_hint_that_names_a_call_becomes_one_that_names_a_command),
		cmocka_unit_test(what_says_more_than_the_table_stays),
	};

	return cmocka_run_group_tests_name("client_hint", tests, NULL, NULL);
}
