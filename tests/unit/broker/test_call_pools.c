#include "tests/unit/broker/stage_pool.h"

#include <unistd.h>

static struct stage stage;
static int client;

static int set_up(void **state)
{
	(void)state;
	stage_open(&stage);
	stage_pools(&stage, STAGE_POOLS);
	client = stage_client(&stage);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(client);
	stage_end(&stage);
	return 0;
}

static const char *admin(const char *method, const char *params)
{
	char name[64];

	snprintf(name, sizeof(name), "org.reeve.admin.%s", method);
	return stage_call(&stage, client, name, params);
}

UNIT(pools_handlers_and_workers_are_listed)
{
	int worker = stage_handler(&stage, 8);
	const char *line = admin("Pools", "{}");

	stage_expect(line, "{\"name\":\"exec\",\"kind\":\"command\"");
	stage_expect(line, "{\"name\":\"img\",\"kind\":\"worker\",\"state\":"
			   "\"running\",\"handlers\":[\"thumb\",\"scale\"],"
			   "\"min\":2,\"max\":8,\"wanted\":2,\"workers\":1,"
			   "\"busy\":0,\"waiting\":0}");
	stage_expect(admin("Handlers", "{}"),
		     "{\"name\":\"scale\",\"pool\":\"img\",\"kind\":"
		     "\"worker\"}");
	line = admin("Workers", "{}");
	stage_expect(line, "\"pool\":\"img\",\"state\":\"idle\"");
	stage_expect(line, "\"rss_kib\":");
	close(worker);
}

UNIT(a_pool_gets_other_limits)
{
	struct channel_message heard;

	admin("Resize", "{\"pool\":\"img\",\"min\":3,\"max\":4}");
	heard = stage_heard(&stage, CHANNEL_RESIZE);
	assert_int_equal(heard.pool_number, 1);
	assert_int_equal(heard.pool_min, 3);
	assert_int_equal(heard.pool_max, 4);
	stage_expect(admin("Pools", "{}"), "\"min\":3,\"max\":4");
	admin("Resize", "{\"pool\":\"img\",\"max\":1}");
	stage_expect(admin("Pools", "{}"), "\"min\":1,\"max\":1");
	admin("Resize", "{\"pool\":\"img\",\"min\":5}");
	stage_expect(admin("Pools", "{}"), "\"min\":5,\"max\":5");
	stage_expect(admin("Resize", "{\"pool\":\"img\",\"min\":2,\"max\":1}"),
		     "InvalidParameter");
	stage_expect(admin("Resize", "{\"pool\":\"exec\",\"max\":1}"),
		     "InvalidParameter");
	stage_expect(admin("Resize", "{\"pool\":\"imp\",\"max\":1}"),
		     "NoSuchPool\",\"parameters\":{\"pool\":\"imp\"");
}

UNIT(a_pool_or_a_worker_is_made_anew)
{
	int worker = stage_handler(&stage, 8);
	char text[64];

	stage_expect(admin("Recycle", "{\"pool\":\"img\"}"), "\"count\":1");
	assert_int_equal(stage_heard(&stage, CHANNEL_RECYCLE).pool_number, 1);
	snprintf(text, sizeof(text), "{\"pid\":%d}", (int)getpid());
	stage_expect(admin("Recycle", text), "\"count\":1");
	assert_true(fleet_find(&stage.broker.fleet, 8)->recycle);
	stage_expect(admin("Recycle", "{\"pid\":1}"), "InvalidParameter");
	stage_expect(admin("Recycle", "{}"), "InvalidParameter");
	close(worker);
}

UNIT(a_drained_pool_starts_nothing_until_it_goes_on)
{
	int worker = stage_handler(&stage, 8);
	const char *line;

	admin("DrainPool", "{\"pool\":\"img\",\"enable\":true}");
	stage_thumb(&stage, client, NULL);
	stage_settle(&stage);
	assert_true(stage_silent(&stage, worker));
	stage_expect(admin("Pools", "{}"), "\"state\":\"draining\"");
	line = stage_call(&stage, client, "org.reeve.jobs.Explain",
			  "{\"id\":1}");
	stage_expect(line, "\"rule\":\"pool_drained\"");
	/* The same pools again, as after a reload: it is still drained. */
	stage_pools(&stage, STAGE_POOLS);
	assert_true(stage_silent(&stage, worker));
	admin("DrainPool", "{\"pool\":\"img\",\"enable\":false}");
	assert_int_equal(stage_job(&stage, worker, NULL), 1);
	close(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			pools_handlers_and_workers_are_listed, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(a_pool_gets_other_limits,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_pool_or_a_worker_is_made_anew,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_drained_pool_starts_nothing_until_it_goes_on, set_up,
			tear_down),
	};

	return cmocka_run_group_tests_name("call_pools", tests, NULL, NULL);
}
