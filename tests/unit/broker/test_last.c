#include "daemon/broker/last.h"

#include <unistd.h>

#include "daemon/broker/call.h"
#include "tests/unit/broker/stage.h"

#define LAST "org.reeve.jobs.Last"

UNIT(the_last_one_is_that_which_was_submitted_last_and_not_the_highest)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, LAST, "{}"), "{\"parameters\":{}}");
	for (int i = 0; i < 3; i++)
		stage_call(&stage, fd, "org.reeve.jobs.Submit",
			   "{\"job\":{\"argv\":[\"a\"],\"hold\":true}}");
	stage_expect(stage_call(&stage, fd, LAST, "{}"), "\"id\":3");
	/* As a number of the supply is: lower than others. */
	last_submitted(&(struct call){.broker = &stage.broker,
				      .uid = (uint32_t)getuid()},
		       2);
	stage_expect(stage_call(&stage, fd, LAST, "{}"), "\"id\":2");
	for (uint32_t uid = 70000; uid < 70000 + LAST_USERS - 1; uid++)
		last_submitted(
			&(struct call){.broker = &stage.broker, .uid = uid}, 1);
	stage_expect(stage_call(&stage, fd, LAST, "{}"), "\"id\":2");
	stage_call(&stage, fd, "org.reeve.jobs.SubmitMany",
		   "{\"jobs\":[{\"argv\":[\"a\"]},{\"argv\":[\"b\"]},"
		   "{\"argv\":[]}]}");
	stage_expect(stage_call(&stage, fd, LAST, "{}"), "\"id\":5");
	/* One that is gone is no answer. */
	last_submitted(&(struct call){.broker = &stage.broker,
				      .uid = (uint32_t)getuid()},
		       99);
	stage_expect(stage_call(&stage, fd, LAST, "{}"), "\"id\":5");
	stage.store->fail_reads = -5;
	stage_expect(stage_call(&stage, fd, LAST, "{}"), "StorageFailed");
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_last_one_is_that_which_was_submitted_last_and_not_the_highest),
	};

	return cmocka_run_group_tests_name("last", tests, NULL, NULL);
}
