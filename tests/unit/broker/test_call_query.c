#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#include "proto/limits.h"

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

static char *json_of(size_t bytes)
{
	static const char head[] = "{\"shell\":\"";
	char *text = malloc(bytes + 1);

	if (!text)
		abort();
	memset(text, 'x', bytes);
	memcpy(text, head, strlen(head));
	strcpy(text + bytes - 2, "\"}");
	return text;
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

UNIT(one_job_is_told_even_if_its_result_fits_no_message)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_SUCCEEDED)->result =
		json_of(LIMIT_MESSAGE_BYTES - 32);
	stage_start(&stage);
	fd = stage_client(&stage);
	line = stage_call(&stage, fd, GET, "{\"ids\":[1]}");
	assert_in_range(strlen(line), 1, 1024);
	stage_expect(line, "\"result_omitted\":true");
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

/* Pages until there is no cursor. Return: how many; all jobs came, in order. */
static int read_pages(struct stage *stage, int fd, const char *members,
		      int64_t jobs)
{
	char text[128] = "{\"limit\":1000";
	int64_t id = 0;
	int pages = 0;

	while (text[0]) {
		const char *line, *at;

		strcat(text, members);
		line = stage_call(stage, fd, LIST, text);
		text[0] = '\0';
		pages++;
		assert_in_range(strlen(line), 1, LIMIT_MESSAGE_BYTES);
		for (at = line; (at = strstr(at, "{\"id\":")); at++)
			assert_int_equal(strtoll(at + 6, NULL, 10), ++id);
		at = strstr(line, "\"cursor\":\"");
		if (at)
			snprintf(text, sizeof(text),
				 "{\"limit\":1000,\"cursor\":\"%lld\"",
				 strtoll(at + 10, NULL, 10));
	}
	assert_int_equal(id, jobs);
	return pages;
}

UNIT(a_page_of_long_results_ends_before_it_is_too_long)
{
	enum { MIB = 1024 * 1024 };
	struct stage stage;
	int fd;

	stage_begin(&stage);
	for (int i = 0; i < 10; i++) {
		struct fake_job *job = fake_store_add(stage.store,
						      STATE_SUCCEEDED);

		job->result = json_of(3 * MIB);
		free(job->spec);
		job->spec = json_of(2 * MIB);
	}
	stage_start(&stage);
	fd = stage_client(&stage);
	assert_int_equal(read_pages(&stage, fd, "}", 10), 5);
	assert_int_equal(read_pages(&stage, fd, ",\"with_spec\":true}", 10),
			 10);
	close(fd);
	stage_end(&stage);
}

UNIT(a_result_that_fits_no_page_is_left_out_and_the_list_goes_on)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_begin(&stage);
	for (int i = 0; i < 3; i++) {
		fake_store_add(stage.store, STATE_SUCCEEDED)->result = json_of(
			LIMIT_MESSAGE_BYTES - (i == 1 ? 32 : 1024 * 1024));
	}
	stage_start(&stage);
	fd = stage_client(&stage);
	assert_int_equal(read_pages(&stage, fd, "}", 3), 3);
	line = stage_call(&stage, fd, LIST, "{\"limit\":9,\"cursor\":\"1\"}");
	assert_in_range(strlen(line), 1, 1024);
	assert_int_equal(stage_number(line, "id"), 2);
	stage_expect(line, "\"result_omitted\":true");
	line = stage_call(&stage, fd, LIST, "{\"limit\":9,\"cursor\":\"2\"}");
	assert_in_range(strlen(line), LIMIT_MESSAGE_BYTES - 1024 * 1024,
			LIMIT_MESSAGE_BYTES);
	assert_null(strstr(line, "result_omitted"));
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
		cmocka_unit_test(
			one_job_is_told_even_if_its_result_fits_no_message),
		cmocka_unit_test(list_gives_pages_with_a_cursor),
		cmocka_unit_test(
			a_page_of_long_results_ends_before_it_is_too_long),
		cmocka_unit_test(
			a_result_that_fits_no_page_is_left_out_and_the_list_goes_on),
		cmocka_unit_test(a_cursor_that_is_none_of_ours_is_refused),
		cmocka_unit_test(count_counts_by_state_and_by_lane),
		cmocka_unit_test(
			a_database_that_cannot_be_read_fails_each_of_them),
		cmocka_unit_test(who_leaves_before_the_answer_costs_nothing),
	};

	return cmocka_run_group_tests_name("call_query", tests, NULL, NULL);
}
