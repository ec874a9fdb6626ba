#include "daemon/broker/call.h"
#include "tests/unit/broker/stage.h"

#include <unistd.h>

#include "proto/calls.h"

#define JOBS "org.reeve.jobs."
#define SERVICE "org.varlink.service."

/* Send it, expect the error, and be closed. */
static void is_fatal(const char *text)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_ask(&stage, fd, "{\"method\":\"org.reeve.admin.Ping\"}");
	line = stage_checked("", stage_ask(&stage, fd, text));
	stage_expect(line, "\"error\":\"org.reeve.admin.BadMessage\"");
	stage_expect(line, "\"offset\":");
	stage_closed(&stage, fd);
	stage_end(&stage);
}

UNIT(what_is_no_message_is_told_once_and_closed)
{
	is_fatal("{\"method\":");
	is_fatal("{\"method\":\"a.b\"}}");
	is_fatal("hello");
	is_fatal("[]");
	is_fatal("\"org.reeve.admin.Ping\"");
	is_fatal("{\"method\":\"\xff\"}");
}

UNIT(what_is_wrong_in_a_message_is_told_and_the_connection_goes_on)
{
	static const char *const texts[][2] = {
		{"{}", "InvalidParameter"},
		{"{\"method\":1}", "InvalidParameter"},
		{"{\"method\":\"org.reeve.admin.Ping\",\"x\":1}",
		 "\"parameter\":\"x\""},
		{"{\"method\":\"org.reeve.admin.Ping\",\"parameters\":[]}",
		 "\"parameter\":\"parameters\""},
		{"{\"method\":\"org.reeve.admin.Ping\",\"more\":1}",
		 "\"parameter\":\"more\""},
		{"{\"method\":\"org.reeve.admin.Ping\",\"upgrade\":true}",
		 "\"parameter\":\"upgrade\""},
		{"{\"method\":\"org.reeve.jobs.Nap\"}",
		 SERVICE "MethodNotFound\",\"parameters\":{\"method\":"},
		{"{\"method\":\"org.nobody.Nap\"}",
		 SERVICE "InterfaceNotFound\",\"parameters\":"
			 "{\"interface\":\"org.nobody\","},
		{"{\"method\":\"Nap\"}", SERVICE "InterfaceNotFound"},
		{"{\"method\":\"\"}", SERVICE "InterfaceNotFound"},
		{"{\"method\":\"org.reeve.jobs.Get\",\"parameters\":"
		 "{\"ids\":[1],\"wit_spec\":true}}",
		 "\"parameter\":\"wit_spec\""},
		{"{\"method\":\"org.reeve.jobs.Get\",\"parameters\":"
		 "{\"ids\":\"1\"}}",
		 "\"parameter\":\"ids\""},
		{"{\"method\":\"org.reeve.jobs.Get\"}",
		 "\"parameter\":\"ids\""},
		/* Methods without parameters take none. */
		{"{\"method\":\"org.reeve.jobs.Flush\",\"parameters\":"
		 "{\"x\":1}}",
		 "\"parameter\":\"x\""},
		{"{\"method\":\"org.reeve.admin.Status\",\"parameters\":"
		 "{\"x\":1}}",
		 "\"parameter\":\"x\""},
	};
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		const char *line = stage_ask(&stage, fd, texts[i][0]);

		stage_expect(line, "\"error\":");
		stage_expect(stage_checked("", line), texts[i][1]);
	}
	stage_expect(stage_call(&stage, fd, "org.reeve.admin.Ping", "null"),
		     "now_ms");
	close(fd);
	stage_end(&stage);
}

UNIT(what_is_described_but_not_built_says_so)
{
	const struct schema_method *schema;
	struct stage stage;
	int fd;

	assert_int_equal(calls_find(SLICE("org.reeve.jobs.Import"), &schema),
			 0);
	assert_false(schema->built);
	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, "org.reeve.jobs.Import", "{}"),
		     SERVICE "MethodNotImplemented");
	close(fd);
	stage_end(&stage);
}

UNIT(more_where_nothing_continues_answers_once)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	line = stage_ask(&stage, fd,
			 "{\"method\":\"org.reeve.admin.Ping\",\"more\":true}");
	stage_expect(line, "now_ms");
	assert_null(strstr(line, "continues"));
	assert_true(stage_silent(&stage, fd));
	close(fd);
	stage_end(&stage);
}

UNIT(an_error_in_the_middle_keeps_its_place)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_send(fd, STAGE_SUBMIT
		   "\n"
		   "{\"method\":\"org.reeve.jobs.Submit\","
		   "\"parameters\":{\"job\":{\"argv\":[]}}}\n" STAGE_SUBMIT "\n"
		   "{\"method\":\"org.nobody.Nap\"}\n" STAGE_SUBMIT);
	stage_expect(stage_read(&stage, fd), "\"id\":1");
	stage_expect(stage_read(&stage, fd), "\"parameter\":\"job.argv\"");
	stage_expect(stage_read(&stage, fd), "\"id\":2");
	stage_expect(stage_read(&stage, fd), "InterfaceNotFound");
	stage_expect(stage_read(&stage, fd), "\"id\":3");
	close(fd);
	stage_end(&stage);
}

UNIT(a_failed_batch_fails_each_of_its_calls)
{
	struct stage stage;
	int a, b;

	stage_open(&stage);
	a = stage_client(&stage);
	b = stage_client(&stage);
	fake_store_hold(stage.store, true, false);
	stage_send(a, STAGE_SUBMIT "\n" STAGE_SUBMIT);
	stage_turn(&stage);
	stage_send(b, "{\"method\":\"org.reeve.jobs.OpenGroup\"}");
	stage_turn(&stage);
	fake_store_fail(stage.store, STORE_E_FULL, 2);
	fake_store_hold(stage.store, false, false);
	for (int i = 0; i < 2; i++)
		stage_expect(stage_checked("", stage_read(&stage, a)),
			     JOBS "StorageFailed");
	cycle_tick(&stage.broker);
	stage_expect(stage_read(&stage, b), JOBS "StorageFailed");
	close(a);
	close(b);
	stage_end(&stage);
}

UNIT(a_oneway_call_is_done_in_silence)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_send(fd, "{\"method\":\"org.reeve.admin.Ping\",\"oneway\":true}\n"
		       "{\"method\":\"org.nobody.Nap\",\"oneway\":true}\n"
		       "{\"method\":\"org.reeve.jobs.OpenGroup\","
		       "\"oneway\":true}");
	assert_true(stage_silent(&stage, fd));
	stage_expect(stage_call(&stage, fd, "org.reeve.jobs.Flush", "{}"),
		     "\"accepted\":0");
	assert_int_equal(stage.store->group_count, 1);
	close(fd);
	stage_end(&stage);
}

UNIT(introspection_serves_the_interfaces)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	line = stage_call(&stage, fd, SERVICE "GetInfo", "{}");
	for (size_t i = 0; calls_interfaces[i]; i++)
		stage_expect(line, calls_interfaces[i]->name);
	stage_expect(stage_call(&stage, fd, SERVICE "GetInterfaceDescription",
				"{\"interface\":\"org.reeve.jobs\"}"),
		     "interface org.reeve.jobs\\n");
	stage_expect(stage_call(&stage, fd, SERVICE "GetInterfaceDescription",
				"{\"interface\":\"org.nobody\"}"),
		     SERVICE "InterfaceNotFound");
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_message_is_told_once_and_closed),
		cmocka_unit_test(
			what_is_wrong_in_a_message_is_told_and_the_connection_goes_on),
		cmocka_unit_test(what_is_described_but_not_built_says_so),
		cmocka_unit_test(more_where_nothing_continues_answers_once),
		cmocka_unit_test(an_error_in_the_middle_keeps_its_place),
		cmocka_unit_test(a_failed_batch_fails_each_of_its_calls),
		cmocka_unit_test(a_oneway_call_is_done_in_silence),
		cmocka_unit_test(introspection_serves_the_interfaces),
	};

	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
