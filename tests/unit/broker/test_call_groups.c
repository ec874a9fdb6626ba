#include "tests/unit/broker/stage.h"

#include <unistd.h>

#define OPEN "org.reeve.jobs.OpenGroup"
#define CLOSE "org.reeve.jobs.CloseGroup"
#define GET "org.reeve.jobs.GetGroup"
#define WAIT "org.reeve.jobs.Wait"

UNIT(a_group_is_opened_filled_closed_and_seen)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(
		stage_call(&stage, fd, OPEN, "{\"name\":\"g\",\"total\":5}"),
		"\"group\":1");
	stage_call(&stage, fd, "org.reeve.jobs.Submit",
		   "{\"job\":{\"argv\":[\"a\"],\"group\":1,\"hold\":true}}");
	line = stage_call(&stage, fd, GET, "{\"group\":1}");
	stage_expect(line, "\"name\":\"g\",\"total\":5,\"closed\":false,"
			   "\"complete\":false,\"pending\":1");
	stage_call(&stage, fd, CLOSE, "{\"group\":1}");
	stage_expect(stage_call(&stage, fd, "org.reeve.jobs.Submit",
				"{\"job\":{\"argv\":[\"a\"],\"group\":1}}"),
		     "\"error\":\"org.reeve.jobs.GroupClosed");
	stage_call(&stage, fd, "org.reeve.jobs.Cancel",
		   "{\"filter\":{\"group\":1}}");
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":1}"),
		     "\"complete\":true,\"pending\":0");
	close(fd);
	stage_end(&stage);
}

UNIT(a_group_that_is_not_there_is_named)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, CLOSE, "{\"group\":4}"),
		     "NoSuchGroup\",\"parameters\":{\"group\":4");
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":4}"),
		     "NoSuchGroup\",\"parameters\":{\"group\":4");
	close(fd);
	stage_end(&stage);
}

UNIT(wait_takes_ids_or_a_group)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, WAIT, "{}"),
		     "\"parameter\":\"ids\"");
	stage_expect(stage_call(&stage, fd, WAIT, "{\"ids\":[1],\"group\":1}"),
		     "\"parameter\":\"ids\"");
	close(fd);
	stage_end(&stage);
}

UNIT(a_database_that_cannot_be_read_is_told)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage.store->fail_reads = -5;
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":4}"),
		     "StorageFailed");
	stage_expect(stage_call(&stage, fd, WAIT, "{\"group\":4}"),
		     "StorageFailed");
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	stage_expect(stage_call(&stage, fd, OPEN, "{}"), "StorageFailed");
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_is_opened_filled_closed_and_seen),
		cmocka_unit_test(a_group_that_is_not_there_is_named),
		cmocka_unit_test(wait_takes_ids_or_a_group),
		cmocka_unit_test(a_database_that_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests_name("call_groups", tests, NULL, NULL);
}
