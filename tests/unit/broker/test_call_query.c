#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#define GET "org.reeve.jobs.Get"
#define LIST "org.reeve.jobs.List"
#define COUNT "org.reeve.jobs.Count"

static int open_with(struct stage *stage, int jobs)
{
	stage_begin(stage);
	for (int i = 0; i < jobs; i++)
		fake_store_add(stage->store,
			       i % 2 ? STATE_SUCCEEDED : STATE_READY);
	stage_start(stage);
	return stage_client(stage);
}

UNIT(get_answers_in_the_order_asked)
{
	struct stage stage;
	int fd = open_with(&stage, 3);
	const char *line = stage_call(&stage, fd, GET, "{\"ids\":[3,1,3]}");

	assert_int_equal(stage_number(line, "id"), 3);
	assert_true(strstr(line, "\"id\":1") > strstr(line, "\"id\":3"));
	assert_null(strstr(line, "\"spec\""));
	stage_expect(
		stage_call(&stage, fd, GET, "{\"ids\":[1],\"with_spec\":true}"),
		"\"spec\":{\"argv\":[\"true\"]}");
	stage_expect(stage_call(&stage, fd, GET, "{\"ids\":[]}"),
		     "\"jobs\":[]");
	close(fd);
	stage_end(&stage);
}

static char *ids(int count)
{
	char *text = calloc(1, (size_t)count * 8 + 64);
	int n;

	if (!text)
		abort();
	n = sprintf(text, "{\"with_spec\":true,\"ids\":[1");
	for (int i = 2; i <= count; i++)
		n += sprintf(text + n, ",%d", i);
	strcpy(text + n, "]}");
	return text;
}

UNIT(get_takes_many_ids_in_steps_and_names_the_missing)
{
	struct stage stage;
	int fd = open_with(&stage, 300);
	char *text = ids(300);

	stage_expect(stage_call(&stage, fd, GET, text), "\"id\":300");
	free(text);
	text = ids(301);
	stage_expect(stage_call(&stage, fd, GET, text),
		     "NoSuchJob\",\"parameters\":{\"id\":301");
	free(text);
	assert_true(stage.store->reads >= 10);
	close(fd);
	stage_end(&stage);
}

UNIT(get_does_not_gather_more_than_a_message)
{
	enum { BYTES = 512 * 1024 };
	struct stage stage;
	char *text = ids(100), *spec;
	int fd;

	stage_begin(&stage);
	for (int i = 0; i < 100; i++) {
		struct fake_job *job = fake_store_add(stage.store, STATE_READY);

		spec = calloc(1, BYTES + 32);
		if (!spec)
			abort();
		strcpy(spec, "{\"shell\":\"");
		memset(spec + 10, 'x', BYTES);
		strcat(spec, "\"}");
		free(job->spec);
		job->spec = spec;
	}
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, GET, text),
		     "TooLarge\",\"parameters\":{\"what\":\"reply\"");
	free(text);
	close(fd);
	stage_end(&stage);
}

UNIT(list_gives_pages_with_a_cursor)
{
	struct stage stage;
	const char *line;
	int fd = open_with(&stage, 5);

	line = stage_call(&stage, fd, LIST, "{\"limit\":2}");
	stage_expect(line, "\"cursor\":\"2\"");
	line = stage_call(&stage, fd, LIST, "{\"limit\":2,\"cursor\":\"2\"}");
	assert_int_equal(stage_number(line, "id"), 3);
	line = stage_call(&stage, fd, LIST, "{\"limit\":2,\"cursor\":\"4\"}");
	assert_int_equal(stage_number(line, "id"), 5);
	assert_null(strstr(line, "cursor"));
	line = stage_call(&stage, fd, LIST,
			  "{\"newest_first\":true,\"filter\":"
			  "{\"states\":[\"succeeded\"]},\"with_spec\":true}");
	assert_int_equal(stage_number(line, "id"), 4);
	stage_expect(line, "\"spec\":");
	close(fd);
	stage_end(&stage);
}

UNIT(a_cursor_that_is_none_of_ours_is_refused)
{
	static const char *const cursors[] = {
		"x", "-1",	"1x",  "0",    " 1",  "99999999999999999999",
		"-", "\\u0000", "1.5", "\\\"", "[1]",
	};
	struct stage stage;
	char text[128];
	int fd = open_with(&stage, 1);

	for (size_t i = 0; i < ARRAY_COUNT(cursors); i++) {
		snprintf(text, sizeof(text), "{\"cursor\":\"%s\"}", cursors[i]);
		stage_expect(stage_call(&stage, fd, LIST, text),
			     "\"parameter\":\"cursor\"");
	}
	close(fd);
	stage_end(&stage);
}

UNIT(count_counts_by_state_and_by_lane)
{
	struct stage stage;
	const char *line;
	int fd = open_with(&stage, 25);

	line = stage_call(&stage, fd, COUNT, "{}");
	assert_int_equal(stage_number(line, "total"), 25);
	assert_int_equal(stage_number(line, "ready"), 13);
	line = stage_call(&stage, fd, COUNT, "{\"by\":\"queue\"}");
	assert_int_equal(stage_number(line, "default"), 25);
	line = stage_call(&stage, fd, COUNT,
			  "{\"by\":\"handler\",\"filter\":"
			  "{\"states\":[\"ready\"]}}");
	assert_int_equal(stage_number(line, "exec"), 13);
	stage_expect(stage_call(&stage, fd, COUNT,
				"{\"by\":\"queue\",\"filter\":"
				"{\"name\":\"x\"}}"),
		     "\"parameter\":\"by\"");
	close(fd);
	stage_end(&stage);
}

UNIT(a_database_that_cannot_be_read_fails_each_of_them)
{
	struct stage stage;
	int fd = open_with(&stage, 1);

	stage.store->fail_reads = -5;
	stage_expect(stage_call(&stage, fd, GET, "{\"ids\":[1]}"),
		     "StorageFailed");
	stage_expect(stage_call(&stage, fd, LIST, "{}"), "StorageFailed");
	stage_expect(stage_call(&stage, fd, COUNT, "{}"), "StorageFailed");
	stage_expect(stage_call(&stage, fd, COUNT, "{\"by\":\"queue\"}"),
		     "StorageFailed");
	close(fd);
	stage_end(&stage);
}

UNIT(who_leaves_before_the_answer_costs_nothing)
{
	struct stage stage;
	int fd = open_with(&stage, 1);

	fake_store_hold(stage.store, false, true);
	stage_send(fd, "{\"method\":\"" LIST "\"}");
	stage_turn(&stage);
	close(fd);
	stage_turn(&stage);
	fake_store_hold(stage.store, false, false);
	stage_turn(&stage);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_answers_in_the_order_asked),
		cmocka_unit_test(
			get_takes_many_ids_in_steps_and_names_the_missing),
		cmocka_unit_test(get_does_not_gather_more_than_a_message),
		cmocka_unit_test(list_gives_pages_with_a_cursor),
		cmocka_unit_test(a_cursor_that_is_none_of_ours_is_refused),
		cmocka_unit_test(count_counts_by_state_and_by_lane),
		cmocka_unit_test(
			a_database_that_cannot_be_read_fails_each_of_them),
		cmocka_unit_test(who_leaves_before_the_answer_costs_nothing),
	};

	return cmocka_run_group_tests_name("call_query", tests, NULL, NULL);
}
