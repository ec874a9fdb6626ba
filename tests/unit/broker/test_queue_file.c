/* Limits of queues that the configuration says. */
#include "daemon/broker/queue_file.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#define LIST "org.reeve.queues.List"
#define CONFIGURE "org.reeve.queues.Configure"

static struct stage stage;

/* All that is not said of the queue. */
static const struct job_defaults plain = {
	.timeout_ms = -1,
	.grace_ms = -1,
	.crash_limit = -1,
	.max_attempts = 1,
	.cause_bits = 1,
	.max_length = -1,
	.overflow = -1,
};

/* The files say this of queue img. */
static void say(int64_t max_length, int64_t overflow)
{
	struct defaults_config config = {.count = 2};

	config.list = calloc(2, sizeof(*config.list));
	assert_non_null(config.list);
	config.list[0] = config.list[1] = plain;
	memcpy(config.list[1].queue, "img", 4);
	config.list[1].max_length = max_length;
	config.list[1].overflow = overflow;
	assert_int_equal(defaults_take(&stage.broker.defaults, &config), 0);
	queue_file_take(&stage.broker);
	stage_settle(&stage);
}

static const char *set(int fd, const char *params)
{
	return stage_call(&stage, fd, CONFIGURE, params);
}

UNIT(what_the_files_say_is_written_to_the_queue)
{
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	say(7, 1);
	stage_expect(stage_call(&stage, fd, LIST, "{}"),
		     "\"name\":\"img\",\"paused\":false,\"weight\":1,"
		     "\"max_length\":7,\"overflow\":\"block\"");
	say(0, 0);
	assert_null(strstr(stage_call(&stage, fd, LIST, "{}"), "max_length"));
	close(fd);
	stage_end(&stage);
}

UNIT(it_is_not_changed_at_run_time_but_the_rest_is)
{
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	say(7, -1);
	stage_expect(set(fd, "{\"name\":\"img\",\"max_length\":9}"),
		     "\"parameter\":\"max_length\",\"message\":\"the "
		     "configuration says it: queues.img.max_length");
	stage_expect(set(fd, "{\"name\":\"img\",\"overflow\":\"block\"}"),
		     "{\"parameters\":{}}");
	stage_expect(set(fd, "{\"name\":\"other\",\"max_length\":9}"),
		     "{\"parameters\":{}}");
	/* And stays when the files are told again. */
	say(7, -1);
	stage_expect(stage_call(&stage, fd, LIST, "{}"),
		     "\"max_length\":7,\"overflow\":\"block\"");
	close(fd);
	stage_end(&stage);
}

UNIT(what_they_say_no_more_stays_until_it_is_set)
{
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	say(7, 1);
	say(-1, -1);
	stage_expect(stage_call(&stage, fd, LIST, "{}"), "\"max_length\":7");
	stage_expect(set(fd, "{\"name\":\"img\",\"max_length\":9}"),
		     "{\"parameters\":{}}");
	stage_expect(stage_call(&stage, fd, LIST, "{}"), "\"max_length\":9");
	close(fd);
	stage_end(&stage);
}

UNIT(a_queue_that_is_paused_stays_so)
{
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	set(fd, "{\"name\":\"img\",\"max_length\":1}");
	stage_call(&stage, fd, "org.reeve.queues.Pause", "{\"name\":\"img\"}");
	say(7, 1);
	stage_expect(stage_call(&stage, fd, LIST, "{}"),
		     "\"name\":\"img\",\"paused\":true,\"weight\":1,"
		     "\"max_length\":7");
	/* Before the store is read nothing is known of it. */
	stage.broker.queues.loaded = false;
	say(8, 1);
	stage_expect(stage_call(&stage, fd, LIST, "{}"), "\"max_length\":7");
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_files_say_is_written_to_the_queue),
		cmocka_unit_test(it_is_not_changed_at_run_time_but_the_rest_is),
		cmocka_unit_test(what_they_say_no_more_stays_until_it_is_set),
		cmocka_unit_test(a_queue_that_is_paused_stays_so),
	};

	return cmocka_run_group_tests_name("queue_file", tests, NULL, NULL);
}
