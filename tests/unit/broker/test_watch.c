#include "daemon/broker/watch.h"
#include "proto/limits.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#define WAIT(ids, fields)                                                      \
	"{\"method\":\"org.reeve.jobs.Wait\",\"parameters\":{\"ids\":" ids     \
		fields "}}"
#define WAIT_MORE(ids, fields)                                                 \
	"{\"method\":\"org.reeve.jobs.Wait\",\"more\":true,"                   \
	"\"parameters\":{\"ids\":" ids fields "}}"

static void cancel(struct stage *stage, int fd, int64_t id)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "{\"method\":\"org.reeve.jobs.Cancel\",\"parameters\":"
		 "{\"filter\":{\"ids\":[%lld]}}}",
		 (long long)id);
	stage_expect(stage_ask(stage, fd, text), "\"cancelled\":1");
}

static void open_with(struct stage *stage, int ended, int ready)
{
	stage_begin(stage);
	for (int i = 0; i < ended; i++)
		fake_store_add(stage->store, STATE_SUCCEEDED);
	for (int i = 0; i < ready; i++)
		fake_store_add(stage->store, STATE_READY);
	stage_start(stage);
}

static bool reader_is_held(struct stage *stage)
{
	bool held;

	pthread_mutex_lock(&stage->store->lock);
	held = stage->store->readers_held > 0;
	pthread_mutex_unlock(&stage->store->lock);
	return held;
}

UNIT(jobs_that_have_ended_are_answered_at_once)
{
	struct stage stage;
	const char *line;
	int fd;

	open_with(&stage, 2, 0);
	fd = stage_client(&stage);
	line = stage_ask(&stage, fd, WAIT("[2,1]", ""));
	stage_expect(line, "\"id\":1");
	stage_expect(line, "\"id\":2");
	stage_expect(line, "\"pending\":0");
	assert_null(stage.broker.waits.jobs);
	close(fd);
	stage_end(&stage);
}

UNIT(all_waits_for_the_last_and_any_for_the_first)
{
	struct stage stage;
	const char *line;
	int all, any, other;

	open_with(&stage, 0, 2);
	all = stage_client(&stage);
	any = stage_client(&stage);
	other = stage_client(&stage);
	stage_send(all, WAIT("[1,2]", ""));
	stage_send(any, WAIT("[1,2]", ",\"any\":true"));
	stage_turn(&stage);
	cancel(&stage, other, 2);
	line = stage_read(&stage, any);
	stage_expect(line, "\"id\":2");
	stage_expect(line, "\"pending\":1");
	assert_true(stage_silent(&stage, all));
	cancel(&stage, other, 1);
	stage_expect(stage_read(&stage, all), "\"pending\":0");
	assert_null(stage.broker.waits.jobs);
	close(all);
	close(any);
	close(other);
	stage_end(&stage);
}

UNIT(any_with_more_is_over_with_the_first_end)
{
	struct stage stage;
	const char *line;
	int fd, other;

	open_with(&stage, 0, 3);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	stage_send(fd, WAIT_MORE("[1,2,3]", ",\"any\":true"));
	stage_turn(&stage);
	cancel(&stage, other, 2);
	line = stage_read(&stage, fd);
	stage_expect(line, "\"id\":2");
	stage_expect(line, "\"pending\":2}}");
	assert_null(stage.broker.waits.jobs);
	cancel(&stage, other, 1);
	assert_true(stage_silent(&stage, fd));
	/* Of several that have ended already, one. */
	stage_send(fd, WAIT_MORE("[1,2,3]", ",\"any\":true"));
	stage_expect(stage_read(&stage, fd), "\"pending\":2}}");
	assert_true(stage_silent(&stage, fd));
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(duplicate_ids_count_once)
{
	struct stage stage;
	int fd, other;

	open_with(&stage, 0, 2);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	stage_send(fd, WAIT_MORE("[2,1,2,1,1]", ""));
	stage_turn(&stage);
	cancel(&stage, other, 1);
	stage_expect(stage_read(&stage, fd),
		     "\"pending\":1},\"continues\":true");
	cancel(&stage, other, 2);
	stage_expect(stage_read(&stage, fd), "\"pending\":0}}");
	assert_true(stage_silent(&stage, fd));
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(an_end_before_the_look_is_found_and_told_once)
{
	struct stage stage;
	int fd, other;

	open_with(&stage, 0, 2);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	fake_store_hold(stage.store, false, true);
	stage_send(fd, WAIT_MORE("[1,2]", ""));
	stage_turn(&stage);
	stage_until(&stage, reader_is_held);
	/* It is told, and the reader finds it ended as well. */
	cancel(&stage, other, 1);
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_read(&stage, fd), "\"id\":1");
	assert_true(stage_silent(&stage, fd));
	cancel(&stage, other, 2);
	stage_expect(stage_read(&stage, fd), "\"id\":2");
	assert_true(stage_silent(&stage, fd));
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(many_ids_are_looked_up_in_pages)
{
	enum { JOBS = 700 };
	struct stage stage;
	char *text = calloc(1, JOBS * 8 + 200);
	int fd, n;

	if (!text)
		abort();
	open_with(&stage, JOBS, 0);
	fd = stage_client(&stage);
	n = sprintf(text, "{\"method\":\"org.reeve.jobs.Wait\",\"more\":true,"
			  "\"parameters\":{\"ids\":[1");
	for (int i = 2; i <= JOBS; i++)
		n += sprintf(text + n, ",%d", i);
	strcpy(text + n, "]}}");
	stage_send(fd, text);
	for (int i = 1; i <= JOBS; i++)
		assert_int_equal(stage_number(stage_read(&stage, fd), "id"), i);
	assert_true(stage_silent(&stage, fd));
	free(text);
	close(fd);
	stage_end(&stage);
}

UNIT(a_job_that_is_not_there_is_named)
{
	struct stage stage;
	int fd;

	open_with(&stage, 1, 1);
	fd = stage_client(&stage);
	stage_expect(stage_ask(&stage, fd, WAIT("[1,2,99]", "")),
		     "NoSuchJob\",\"parameters\":{\"id\":99");
	assert_null(stage.broker.waits.jobs);
	stage_expect(stage_ask(&stage, fd, WAIT("[]", "")), "InvalidParameter");
	close(fd);
	stage_end(&stage);
}

UNIT(no_time_to_wait_means_one_look)
{
	struct stage stage;
	int fd;

	open_with(&stage, 1, 1);
	fd = stage_client(&stage);
	stage_expect(stage_ask(&stage, fd, WAIT("[1]", ",\"wait_ms\":0")),
		     "\"pending\":0");
	stage_expect(stage_ask(&stage, fd, WAIT("[1,2]", ",\"wait_ms\":0")),
		     "Timeout\",\"parameters\":{\"pending\":1");
	stage_send(fd, WAIT_MORE("[1,2]", ",\"wait_ms\":0"));
	stage_expect(stage_read(&stage, fd), "\"id\":1");
	stage_expect(stage_read(&stage, fd), "Timeout");
	assert_null(stage.broker.waits.jobs);
	close(fd);
	stage_end(&stage);
}

UNIT(a_submission_with_more_is_followed_to_its_end)
{
	struct stage stage;
	int64_t token;
	int fd, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	fd = stage_client(&stage);
	stage_send(fd, "{\"method\":\"org.reeve.jobs.SubmitMany\","
		       "\"more\":true,\"parameters\":{\"jobs\":["
		       "{\"argv\":[\"a\"]},{\"argv\":[\"b\"]}]}}");
	stage_expect(stage_read(&stage, fd), "\"ids\":[1,2]");
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(stage_job(&stage, worker, &token), i);
		stage_done(worker, i, token);
		stage_expect(stage_read(&stage, fd),
			     i == 1 ? "\"continues\":true"
				    : "\"state\":\"succeeded\"");
	}
	assert_true(stage_silent(&stage, fd));
	close(fd);
	close(worker);
	stage_end(&stage);
}

UNIT(a_key_that_names_an_old_job_is_followed_too)
{
	struct stage stage;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_SUCCEEDED)->key = strdup("k");
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_send(fd, "{\"method\":\"org.reeve.jobs.Submit\",\"more\":true,"
		       "\"parameters\":{\"job\":{\"argv\":[\"a\"],"
		       "\"key\":\"k\"}}}");
	stage_expect(stage_read(&stage, fd), "\"id\":1,\"existing\":true");
	stage_expect(stage_read(&stage, fd), "\"state\":\"succeeded\"");
	close(fd);
	stage_end(&stage);
}

UNIT(who_leaves_while_the_reader_looks_leaves_nothing_behind)
{
	struct stage stage;
	int fd;

	open_with(&stage, 1, 1);
	fd = stage_client(&stage);
	fake_store_hold(stage.store, false, true);
	stage_send(fd, WAIT("[1,2]", ",\"wait_ms\":5000"));
	stage_turn(&stage);
	stage_until(&stage, reader_is_held);
	close(fd);
	stage_turn(&stage);
	assert_null(stage.broker.waits.jobs);
	fake_store_hold(stage.store, false, false);
	stage_turn(&stage);
	stage_end(&stage);
}

UNIT(a_reader_that_pauses_gets_every_end_once)
{
	enum { JOBS = 6000 };
	struct stage stage;
	char *text = calloc(1, JOBS * 8 + 200);
	static bool seen[JOBS + 1];
	int fd, other, n;

	if (!text)
		abort();
	open_with(&stage, 0, JOBS);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	n = sprintf(text, "{\"method\":\"org.reeve.jobs.Wait\",\"more\":true,"
			  "\"parameters\":{\"ids\":[1");
	for (int i = 2; i <= JOBS; i++)
		n += sprintf(text + n, ",%d", i);
	strcpy(text + n, "]}}");
	stage_send(fd, text);
	for (int i = 0; i < 50; i++)
		stage_turn(&stage);
	/* Six times the unsent limit: most of it is remembered by id. */
	stage_expect(stage_ask(&stage, other,
			       "{\"method\":\"org.reeve.jobs.Cancel\","
			       "\"parameters\":{\"filter\":{\"all\":true}}}"),
		     "\"cancelled\":6000");
	for (int i = 0; i < JOBS; i++) {
		int64_t id = stage_number(stage_read(&stage, fd), "id");

		assert_in_range(id, 1, JOBS);
		assert_false(seen[id]);
		seen[id] = true;
	}
	assert_true(stage_silent(&stage, fd));
	free(text);
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(a_database_that_cannot_be_read_is_told)
{
	struct stage stage;
	int fd;

	open_with(&stage, 1, 0);
	fd = stage_client(&stage);
	stage.store->fail_reads = -5;
	stage_expect(stage_ask(&stage, fd, WAIT("[1]", "")), "StorageFailed");
	assert_null(stage.broker.waits.jobs);
	close(fd);
	stage_end(&stage);
}

UNIT(a_brief_wait_tells_ends_instead_of_jobs)
{
	struct stage stage;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_SUCCEEDED);
	fake_store_add(stage.store, STATE_FAILED)->cause = CAUSE_HANDLER;
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, "org.reeve.jobs.Wait",
				"{\"ids\":[1,2],\"brief\":true}"),
		     "{\"jobs\":[],\"ends\":[{\"id\":1,\"state\":"
		     "\"succeeded\"},{\"id\":2,\"state\":\"failed\","
		     "\"cause\":\"handler\"}],\"pending\":0}");
	close(fd);
	stage_end(&stage);
}

/* So many that have ended, each with a result of so many bytes. */
static int open_long(struct stage *stage, int count, size_t bytes)
{
	stage_begin(stage);
	for (int i = 0; i < count; i++) {
		char *text = malloc(bytes + 1);

		if (!text)
			abort();
		memset(text, '1', bytes);
		text[bytes] = '\0';
		fake_store_add(stage->store, STATE_SUCCEEDED)->result = text;
	}
	stage_start(stage);
	return stage_client(stage);
}

static int count_of(const char *line, const char *part)
{
	int count = 0;

	for (; (line = strstr(line, part)); line++)
		count++;
	return count;
}

UNIT(long_results_are_told_as_far_as_one_reply_holds_them)
{
	static const char *const asked[] = {
		"{\"ids\":[1,2,3,4,5]}",
		"{\"ids\":[1,2,3,4,5],\"any\":true}",
		"{\"ids\":[1,2,3,4,5],\"brief\":true}",
	};
	struct stage stage;
	int fd = open_long(&stage, 5, 6 * 1024 * 1024);

	for (size_t i = 0; i < ARRAY_COUNT(asked); i++) {
		const char *line = stage_call(&stage, fd, "org.reeve.jobs.Wait",
					      asked[i]);

		assert_in_range(strlen(line), 1, LIMIT_MESSAGE_BYTES);
		assert_int_equal(count_of(line, "\"result\":1"), 2);
		assert_int_equal(count_of(line, "\"result_omitted\":true"), 3);
		assert_int_equal(count_of(line, "{\"id\":"), 5);
		stage_expect(line, "\"pending\":0");
	}
	assert_null(stage.broker.waits.jobs);
	close(fd);
	stage_end(&stage);
}

UNIT(long_results_come_whole_each_in_a_reply_of_its_own)
{
	struct stage stage;
	int fd = open_long(&stage, 5, 6 * 1024 * 1024);

	stage_send(fd, WAIT_MORE("[1,2,3,4,5]", ""));
	for (int i = 1; i <= 5; i++) {
		const char *line = stage_read(&stage, fd);

		assert_int_equal(stage_number(line, "id"), i);
		assert_true(strlen(line) > 6 * 1024 * 1024);
		stage_expect(line,
			     i < 5 ? "\"continues\":true" : "\"pending\":0}}");
	}
	assert_true(stage_silent(&stage, fd));
	close(fd);
	stage_end(&stage);
}

UNIT(failures_that_fit_into_no_reply_are_an_error_that_says_what_to_do)
{
	enum { JOBS = 20, BYTES = 1024 * 1024 };
	struct stage stage;
	char *text;
	int fd;

	stage_begin(&stage);
	for (int i = 0; i < JOBS; i++) {
		text = calloc(1, BYTES + 32);
		if (!text)
			abort();
		strcpy(text, "{\"message\":\"");
		memset(text + 12, 'x', BYTES);
		strcat(text, "\"}");
		fake_store_add(stage.store, STATE_FAILED)->failure = text;
	}
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_ask(&stage, fd,
			       WAIT("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,"
				    "17,18,19,20]",
				    "")),
		     "TooLarge\",\"parameters\":{\"what\":\"reply\"");
	assert_null(stage.broker.waits.jobs);
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_brief_wait_tells_ends_instead_of_jobs),
		cmocka_unit_test(jobs_that_have_ended_are_answered_at_once),
		cmocka_unit_test(all_waits_for_the_last_and_any_for_the_first),
		cmocka_unit_test(any_with_more_is_over_with_the_first_end),
		cmocka_unit_test(duplicate_ids_count_once),
		cmocka_unit_test(an_end_before_the_look_is_found_and_told_once),
		cmocka_unit_test(many_ids_are_looked_up_in_pages),
		cmocka_unit_test(a_job_that_is_not_there_is_named),
		cmocka_unit_test(no_time_to_wait_means_one_look),
		cmocka_unit_test(a_submission_with_more_is_followed_to_its_end),
		cmocka_unit_test(a_key_that_names_an_old_job_is_followed_too),
		cmocka_unit_test(
			who_leaves_while_the_reader_looks_leaves_nothing_behind),
		cmocka_unit_test(a_reader_that_pauses_gets_every_end_once),
		cmocka_unit_test(a_database_that_cannot_be_read_is_told),
		cmocka_unit_test(
			long_results_are_told_as_far_as_one_reply_holds_them),
		cmocka_unit_test(
			long_results_come_whole_each_in_a_reply_of_its_own),
		cmocka_unit_test(
			failures_that_fit_into_no_reply_are_an_error_that_says_what_to_do),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
