#include "tests/unit/broker/stage.h"

#include <unistd.h>

#include "proto/limits.h"

#define ADMIN "org.reeve.admin."

UNIT(ping_gives_back_what_it_got)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, ADMIN "Ping",
				"{\"payload\":\"a\\u0041\"}"),
		     "\"payload\":\"aA\"");
	close(fd);
	stage_end(&stage);
}

UNIT(hello_reports_every_limit)
{
#define LIMIT_TEXT(name, text, value) text,
	static const char *const names[] = {LIMITS(LIMIT_TEXT)};
	struct stage stage;
	const char *line;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	line = stage_call(&stage, fd, ADMIN "Hello", "{}");
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		stage_number(line, names[i]);
	assert_int_equal(stage_number(line, "message_bytes"),
			 LIMIT_MESSAGE_BYTES);
	close(fd);
	stage_end(&stage);
}

UNIT(status_counts_and_warns)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_HELD);
	stage_start(&stage);
	fd = stage_client(&stage);
	line = stage_call(&stage, fd, ADMIN "Status", "{}");
	stage_expect(line, "\"state\":\"running\"");
	stage_expect(line, "\"held\":1");
	stage_expect(line, "\"writable\":true");
	stage.broker.store_full = true;
	strcpy(stage.broker.store_message, "no space");
	line = stage_call(&stage, fd, ADMIN "Status", "{}");
	stage_expect(line, "\"writable\":false,\"message\":\"no space\"");
	stage_expect(line, "new jobs are refused");
	close(fd);
	stage_end(&stage);
}

UNIT(workers_and_pools_are_shown_as_they_are)
{
	struct stage stage;
	const char *line;
	int fd, worker;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, ADMIN "Workers", "{}"),
		     "\"workers\":[]");
	worker = stage_worker(&stage, 7);
	stage_expect(stage_call(&stage, fd, ADMIN "Workers", "{}"),
		     "\"state\":\"idle\"");
	stage_ask(&stage, fd, STAGE_SUBMIT);
	stage_job(&stage, worker, NULL);
	line = stage_call(&stage, fd, ADMIN "Workers", "{}");
	stage_expect(line, "\"state\":\"busy\",\"job\":1");
	stage_expect(stage_call(&stage, fd, ADMIN "Pools", "{}"),
		     "\"workers\":1,\"busy\":1");
	close(worker);
	stage_turn(&stage);
	stage_call(&stage, fd, ADMIN "Workers", "{}");
	stage_worker_died(&stage, 7, 9);
	stage_expect(stage_call(&stage, fd, ADMIN "Workers", "{}"),
		     "\"workers\":[]");
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ping_gives_back_what_it_got),
		cmocka_unit_test(hello_reports_every_limit),
		cmocka_unit_test(status_counts_and_warns),
		cmocka_unit_test(workers_and_pools_are_shown_as_they_are),
	};

	return cmocka_run_group_tests_name("call_admin", tests, NULL, NULL);
}
