#include "proto/calls_events.h"

#include <unistd.h>

#include "tests/unit/broker/stage.h"

#define SUBSCRIBE "org.reeve.events.Subscribe"

UNIT(the_table_has_a_place_for_each_parameter)
{
	const struct schema_method *method;

	assert_int_equal(calls_find(SLICE(SUBSCRIBE), &method), 0);
	assert_int_equal(method->in->field_count, CALL_SUBSCRIBE_since_ms + 1);
	assert_string_equal(method->in->fields[CALL_SUBSCRIBE_since].name,
			    "since");
}

UNIT(a_wish_that_holds_for_nothing_is_refused_by_name)
{
	static const char *const wishes[][2] = {
		{"{\"kinds\":[]}", "\"kinds\""},
		{"{\"kinds\":[\"failed\",\"fialed\"]}", "\"kinds[1]\""},
		{"{\"queue\":\"\"}", "\"queue\""},
		{"{\"jobs\":[]}", "\"jobs\""},
		{"{\"jobs\":[0]}", "\"jobs[0]\""},
		{"{\"group\":0}", "\"group\""},
		{"{\"since\":1,\"since_ms\":1}", "\"since_ms\""},
		{"{\"sinse\":1}", "\"sinse\""},
	};
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	for (size_t i = 0; i < ARRAY_COUNT(wishes); i++)
		stage_expect(stage_call(&stage, fd, SUBSCRIBE, wishes[i][0]),
			     wishes[i][1]);
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_has_a_place_for_each_parameter),
		cmocka_unit_test(
			a_wish_that_holds_for_nothing_is_refused_by_name),
	};

	return cmocka_run_group_tests_name("call_events", tests, NULL, NULL);
}
