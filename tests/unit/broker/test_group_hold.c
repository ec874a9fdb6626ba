#include "daemon/broker/group_hold.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "tests/unit/broker/stage.h"

#define OPEN "org.reeve.jobs.OpenGroup"
#define CLOSE "org.reeve.jobs.CloseGroup"
#define HOLD "org.reeve.jobs.HoldGroup"
#define GET "org.reeve.jobs.GetGroup"

static int hold(struct stage *stage, int group)
{
	int fd = stage_client(stage);
	char text[96];

	snprintf(text, sizeof(text),
		 "{\"method\":\"" HOLD "\",\"parameters\":{\"group\":%d}}",
		 group);
	stage_send(fd, text);
	assert_true(stage_silent(stage, fd));
	stage_settle(stage);
	return fd;
}

static bool nobody_holds(struct stage *stage)
{
	return stage->broker.holds.loose > 0;
}

static void later(struct stage *stage, int64_t ms)
{
	group_holds_tick(&stage->broker, clock_mono_ns() + ms * 1000000);
	stage_settle(stage);
}

UNIT(a_group_is_closed_a_moment_after_nobody_holds_it)
{
	struct stage stage;
	int fd, one, two;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_call(&stage, fd, OPEN, "{}");
	one = hold(&stage, 1);
	two = hold(&stage, 1);
	close(one);
	stage_turn(&stage);
	later(&stage, GROUP_HOLD_GRACE_MS);
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":1}"),
		     "\"closed\":false");
	close(two);
	stage_until(&stage, nobody_holds);
	later(&stage, 0);
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":1}"),
		     "\"closed\":false");
	/* Its maker has dialled again. */
	one = hold(&stage, 1);
	assert_int_equal(stage.broker.holds.loose, 0);
	later(&stage, GROUP_HOLD_GRACE_MS);
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":1}"),
		     "\"closed\":false");
	close(one);
	stage_until(&stage, nobody_holds);
	later(&stage, GROUP_HOLD_GRACE_MS);
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":1}"),
		     "\"abandoned\":true");
	assert_null(stage.broker.holds.by_id);
	close(fd);
	stage_end(&stage);
}

UNIT(who_holds_a_group_is_told_when_it_is_closed)
{
	struct stage stage;
	int fd, one, two;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_call(&stage, fd, OPEN, "{}");
	one = hold(&stage, 1);
	two = hold(&stage, 1);
	stage_call(&stage, fd, CLOSE, "{\"group\":1}");
	assert_string_equal(stage_read(&stage, one), "{\"parameters\":{}}");
	assert_string_equal(stage_read(&stage, two), "{\"parameters\":{}}");
	assert_null(stage.broker.holds.by_id);
	stage_expect(stage_call(&stage, one, HOLD, "{\"group\":1}"),
		     "GroupClosed\",\"parameters\":{\"group\":1");
	stage_expect(stage_call(&stage, one, HOLD, "{\"group\":4}"),
		     "NoSuchGroup\",\"parameters\":{\"group\":4");
	close(one);
	close(two);
	close(fd);
	stage_end(&stage);
}

UNIT(a_group_that_the_store_would_not_close_is_closed_later)
{
	struct stage stage;
	int fd, one;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_call(&stage, fd, OPEN, "{}");
	one = hold(&stage, 1);
	close(one);
	stage_until(&stage, nobody_holds);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	later(&stage, GROUP_HOLD_GRACE_MS);
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":1}"),
		     "\"closed\":false");
	assert_int_equal(stage.broker.holds.loose, 1);
	later(&stage, 2 * GROUP_HOLD_ADOPT_MS);
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":1}"),
		     "\"abandoned\":true");
	close(fd);
	stage_end(&stage);
}

UNIT(a_group_that_was_held_when_the_broker_ended_waits_for_its_maker)
{
	struct stage stage;
	int fd;

	stage_begin(&stage);
	fake_store_group(stage.store, false);
	assert_int_equal(group_hold_adopt(&stage.broker, 1), 0);
	stage_start(&stage);
	fd = stage_client(&stage);
	later(&stage, GROUP_HOLD_GRACE_MS);
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":1}"),
		     "\"closed\":false");
	later(&stage, GROUP_HOLD_ADOPT_MS);
	stage_expect(stage_call(&stage, fd, GET, "{\"group\":1}"),
		     "\"abandoned\":true");
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_group_is_closed_a_moment_after_nobody_holds_it),
		cmocka_unit_test(who_holds_a_group_is_told_when_it_is_closed),
		cmocka_unit_test(
			a_group_that_the_store_would_not_close_is_closed_later),
		cmocka_unit_test(
			a_group_that_was_held_when_the_broker_ended_waits_for_its_maker),
	};

	return cmocka_run_group_tests_name("group_hold", tests, NULL, NULL);
}
