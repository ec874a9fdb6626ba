/* Callbacks that the configuration says. */
#include "daemon/broker/callback_file.h"
#include "daemon/broker/queue_file.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#include "daemon/broker/state.h"

#define LIST "org.reeve.queues.List"
#define CONFIGURE "org.reeve.queues.Configure"
#define NOTE(word) "[{\"argv\":[\"" word "\"]}]"
#define QUEUE(lists) "{\"rules\":{},\"queues\":[{\"queue\":\"img\"" lists "}]}"

static struct stage stage;

static void say(const char *text)
{
	callback_file_take(&stage.broker, slice_of(text));
	stage_settle(&stage);
}

static const char *list(int fd)
{
	return stage_call(&stage, fd, LIST, "{}");
}

UNIT(rules_replace_those_that_were_there)
{
	stage_open(&stage);
	say("{\"rules\":{\"on_done\":" NOTE("a") "},\"queues\":[]}");
	assert_non_null(strstr(stage.broker.callback_rules, "on_done"));
	/* What is no callback leaves them as they are. */
	say("{\"rules\":{\"on_done\":[{\"key\":\"a\"}]},\"queues\":[]}");
	assert_non_null(strstr(stage.broker.callback_rules, "on_done"));
	say("{\"rules\":{},\"queues\":[]}");
	assert_null(stage.broker.callback_rules);
	stage_end(&stage);
}

UNIT(a_queue_has_the_lists_that_are_said)
{
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_call(&stage, fd, CONFIGURE,
		   "{\"name\":\"img\",\"on_success\":" NOTE("mine") "}");
	say(QUEUE(",\"on_failure\":" NOTE("a")));
	stage_expect(list(fd), "\"on_success\":" NOTE(
				       "mine") ",\"on_failure\":" NOTE("a"));
	say(QUEUE(",\"on_success\":[],\"on_failure\":" NOTE("b")));
	stage_expect(list(fd), "\"on_failure\":" NOTE("b"));
	assert_null(strstr(list(fd), "on_success"));
	/* What is not said any more stays. */
	say("{\"rules\":{},\"queues\":[]}");
	stage_expect(list(fd), "\"on_failure\":" NOTE("b"));
	close(fd);
	stage_end(&stage);
}

UNIT(what_is_said_is_not_changed_at_run_time)
{
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	say(QUEUE(",\"on_failure\":" NOTE("a")));
	stage_expect(stage_call(&stage, fd, CONFIGURE,
				"{\"name\":\"img\",\"on_failure\":[]}"),
		     "queues.img.on_failure");
	stage_expect(stage_call(&stage, fd, CONFIGURE,
				"{\"name\":\"img\",\"on_done\":" NOTE("b") "}"),
		     "{}");
	stage_expect(stage_call(&stage, fd, CONFIGURE,
				"{\"name\":\"other\",\"on_failure\":[]}"),
		     "{}");
	close(fd);
	stage_end(&stage);
}

UNIT(lists_of_somebody_else_do_not_become_the_daemons)
{
	const struct store_queue set = {
		.name = SLICE("img"),
		.callbacks = SLICE(
			"{\"uid\":54321,\"gid\":54321,\"on_success\":" NOTE(
				"evil") "}"),
	};
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	assert_int_equal(queue_file_set(&stage.broker, &set), 0);
	say(QUEUE(",\"on_failure\":" NOTE("a")));
	stage_expect(list(fd), "\"on_failure\":" NOTE("a"));
	assert_null(strstr(list(fd), "evil"));
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_replace_those_that_were_there),
		cmocka_unit_test(a_queue_has_the_lists_that_are_said),
		cmocka_unit_test(what_is_said_is_not_changed_at_run_time),
		cmocka_unit_test(
			lists_of_somebody_else_do_not_become_the_daemons),
	};

	return cmocka_run_group_tests_name("callback file", tests, NULL, NULL);
}
