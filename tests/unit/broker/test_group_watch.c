#include "daemon/broker/group_watch.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

static char *wait_call(int64_t group, const char *fields, const char *beside)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "{\"method\":\"org.reeve.jobs.Wait\"%s,\"parameters\":"
		 "{\"group\":%lld%s}}",
		 beside, (long long)group, fields);
	return text;
}
#define MORE ",\"more\":true"

/* A group with jobs, before the broker starts. */
static int64_t add_group(struct stage *stage, bool closed, int ended, int ready)
{
	int64_t group = fake_store_group(stage->store, closed);

	for (int i = 0; i < ended + ready; i++) {
		enum job_state state = i < ended ? STATE_SUCCEEDED
						 : STATE_READY;
		struct fake_job *job = fake_store_add(stage->store, state);

		job->group = group;
		stage->store->groups[group - 1].counts[state]++;
	}
	return group;
}

static void cancel(struct stage *stage, int fd, int64_t id)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "{\"method\":\"org.reeve.jobs.Cancel\",\"parameters\":"
		 "{\"filter\":{\"ids\":[%lld]}}}",
		 (long long)id);
	stage_expect(stage_ask(stage, fd, text), "\"cancelled\":1");
}

static bool reader_is_held(struct stage *stage)
{
	bool held;

	pthread_mutex_lock(&stage->store->lock);
	held = stage->store->readers_held > 0;
	pthread_mutex_unlock(&stage->store->lock);
	return held;
}

UNIT(any_with_more_is_over_with_the_first_end_in_a_group_too)
{
	struct stage stage;
	const char *line;
	int64_t group;
	int fd, other;

	stage_begin(&stage);
	group = add_group(&stage, false, 2, 1);
	stage_start(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	line = stage_ask(&stage, fd, wait_call(group, ",\"any\":true", MORE));
	stage_expect(line, "\"id\":1");
	stage_expect(line, "\"pending\":1}}");
	assert_true(stage_silent(&stage, fd));
	assert_null(stage.broker.waits.groups);
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(any_with_more_waits_for_the_first_end_of_a_group)
{
	struct stage stage;
	const char *line;
	int64_t group;
	int fd, other;

	stage_begin(&stage);
	group = add_group(&stage, false, 0, 2);
	stage_start(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	stage_send(fd, wait_call(group, ",\"any\":true", MORE));
	assert_true(stage_silent(&stage, fd));
	cancel(&stage, other, 2);
	line = stage_read(&stage, fd);
	stage_expect(line, "\"id\":2");
	assert_null(strstr(line, "continues"));
	assert_true(stage_silent(&stage, fd));
	assert_null(stage.broker.waits.groups);
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(a_group_that_is_complete_is_answered_at_once)
{
	struct stage stage;
	int64_t group;
	int fd;

	stage_begin(&stage);
	group = add_group(&stage, true, 3, 0);
	stage_start(&stage);
	fd = stage_client(&stage);
	assert_string_equal(stage_ask(&stage, fd, wait_call(group, "", "")),
			    "{\"parameters\":{\"jobs\":[],\"pending\":0}}");
	close(fd);
	stage_end(&stage);
}

UNIT(with_more_every_end_is_told_in_pages_and_once)
{
	enum { ENDED = 600 };
	struct stage stage;
	int64_t group;
	int fd;

	stage_begin(&stage);
	group = add_group(&stage, true, ENDED, 0);
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_send(fd, wait_call(group, "", MORE));
	for (int i = 1; i <= ENDED; i++) {
		const char *line = stage_read(&stage, fd);

		assert_int_equal(stage_number(line, "id"), i);
		stage_expect(line, "\"continues\":true");
	}
	assert_string_equal(stage_read(&stage, fd),
			    "{\"parameters\":{\"jobs\":[],\"pending\":0}}");
	close(fd);
	stage_end(&stage);
}

UNIT(an_end_during_the_look_is_told_once)
{
	struct stage stage;
	int64_t group;
	int fd, other;

	stage_begin(&stage);
	group = add_group(&stage, true, 2, 2);
	stage_start(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	fake_store_hold(stage.store, false, true);
	stage_send(fd, wait_call(group, "", MORE));
	stage_turn(&stage);
	stage_until(&stage, reader_is_held);
	/* The reader finds these two ended; we were told of them before. */
	cancel(&stage, other, 3);
	cancel(&stage, other, 4);
	fake_store_hold(stage.store, false, false);
	for (int i = 1; i <= 4; i++)
		assert_int_equal(stage_number(stage_read(&stage, fd), "id"), i);
	stage_expect(stage_read(&stage, fd), "\"jobs\":[],\"pending\":0");
	assert_true(stage_silent(&stage, fd));
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(an_end_between_the_look_and_its_answer_is_told)
{
	struct stage stage;
	int64_t group;
	int fd, other;

	stage_begin(&stage);
	group = add_group(&stage, true, 0, 1);
	stage_start(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	/* The look sees the job waiting; its answer is taken after the end. */
	stage_send(fd, wait_call(group, "", MORE));
	stage_send(other, "{\"method\":\"org.reeve.jobs.Cancel\","
			  "\"parameters\":{\"filter\":{\"ids\":[1]}}}");
	assert_int_equal(stage_number(stage_read(&stage, fd), "id"), 1);
	stage_expect(stage_read(&stage, fd), "\"jobs\":[],\"pending\":0");
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(a_stale_look_does_not_undo_what_was_told)
{
	struct stage stage;
	int64_t group;
	int fd, other;

	stage_begin(&stage);
	group = add_group(&stage, true, 0, 1);
	stage_start(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	/* The reader takes its picture, and hangs before it is heard. */
	stage.store->stale_reads = true;
	stage_send(fd, wait_call(group, "", ""));
	stage_turn(&stage);
	stage_until(&stage, reader_is_held);
	cancel(&stage, other, 1);
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_read(&stage, fd), "\"pending\":0");
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(later_ends_are_told_as_they_come_until_the_group_is_closed)
{
	struct stage stage;
	char text[128];
	int64_t group;
	int fd, other;

	stage_begin(&stage);
	group = add_group(&stage, false, 0, 2);
	stage_start(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	stage_send(fd, wait_call(group, "", MORE));
	assert_true(stage_silent(&stage, fd));
	cancel(&stage, other, 2);
	assert_int_equal(stage_number(stage_read(&stage, fd), "id"), 2);
	cancel(&stage, other, 1);
	assert_int_equal(stage_number(stage_read(&stage, fd), "id"), 1);
	assert_true(stage_silent(&stage, fd));
	snprintf(text, sizeof(text),
		 "{\"method\":\"org.reeve.jobs.CloseGroup\",\"parameters\":"
		 "{\"group\":%lld}}",
		 (long long)group);
	stage_ask(&stage, other, text);
	stage_expect(stage_read(&stage, fd), "\"jobs\":[],\"pending\":0");
	assert_null(stage.broker.waits.groups);
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(any_is_content_with_one_end)
{
	struct stage stage;
	int64_t group;
	int fd, other;

	stage_begin(&stage);
	group = add_group(&stage, false, 0, 2);
	stage_start(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	stage_send(fd, wait_call(group, ",\"any\":true", ""));
	assert_true(stage_silent(&stage, fd));
	cancel(&stage, other, 1);
	stage_expect(stage_read(&stage, fd), "\"pending\":1");
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(no_time_to_wait_means_one_look)
{
	struct stage stage;
	int64_t group;
	int fd;

	stage_begin(&stage);
	group = add_group(&stage, true, 1, 1);
	stage_start(&stage);
	fd = stage_client(&stage);
	stage_send(fd, wait_call(group, ",\"wait_ms\":0", MORE));
	assert_int_equal(stage_number(stage_read(&stage, fd), "id"), 1);
	stage_expect(
		stage_read(&stage, fd),
		"\"org.reeve.jobs.Timeout\",\"parameters\":{\"pending\":1");
	assert_null(stage.broker.waits.groups);
	close(fd);
	stage_end(&stage);
}

UNIT(a_group_that_is_not_there_is_an_error)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(
		stage_ask(&stage, fd, wait_call(9, "", "")),
		"org.reeve.jobs.NoSuchGroup\",\"parameters\":{\"group\":9");
	assert_null(stage.broker.waits.groups);
	close(fd);
	stage_end(&stage);
}

UNIT(who_leaves_in_the_middle_of_a_look_leaves_nothing_behind)
{
	struct stage stage;
	int64_t group;
	int fd;

	stage_begin(&stage);
	group = add_group(&stage, true, 600, 1);
	stage_start(&stage);
	fd = stage_client(&stage);
	fake_store_hold(stage.store, false, true);
	stage_send(fd, wait_call(group, "", MORE));
	stage_turn(&stage);
	close(fd);
	stage_turn(&stage);
	assert_null(stage.broker.waits.groups);
	fake_store_hold(stage.store, false, false);
	stage_turn(&stage);
	stage_end(&stage);
}

UNIT(a_client_that_does_not_read_is_told_later_and_of_all)
{
	enum { ENDED = 8000 };
	struct stage stage;
	int64_t group;
	bool seen[ENDED + 4] = {false};
	int fd, other;

	stage_begin(&stage);
	group = add_group(&stage, true, ENDED, 3);
	stage_start(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	stage_send(fd, wait_call(group, "", MORE));
	/* It pauses with pages left; then some more end, ahead of it. */
	for (int i = 0; i < 100; i++)
		stage_turn(&stage);
	stage_settle(&stage);
	for (int i = 1; i <= 3; i++)
		cancel(&stage, other, ENDED + i);
	for (int i = 0; i < ENDED + 3; i++) {
		int64_t id = stage_number(stage_read(&stage, fd), "id");

		assert_in_range(id, 1, ENDED + 3);
		assert_false(seen[id]);
		seen[id] = true;
	}
	stage_expect(stage_read(&stage, fd), "\"jobs\":[],\"pending\":0");
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(a_brief_one_tells_the_ends_of_a_commit_in_one_reply)
{
	struct stage stage;
	const char *line;
	int64_t group;
	int fd, other;

	stage_begin(&stage);
	group = add_group(&stage, false, 2, 3);
	stage_start(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	line = stage_ask(&stage, fd, wait_call(group, ",\"brief\":true", MORE));
	stage_expect(stage_checked("org.reeve.jobs.Wait", line),
		     "{\"parameters\":{\"jobs\":[],\"ends\":[{\"id\":1,"
		     "\"state\":\"succeeded\"},{\"id\":2,\"state\":"
		     "\"succeeded\"}],\"pending\":3},\"continues\":true}");
	stage_call(&stage, other, "org.reeve.jobs.Cancel",
		   "{\"filter\":{\"ids\":[3,5]},\"reason\":\"why\"}");
	line = stage_read(&stage, fd);
	stage_expect(line, "\"ends\":[{\"id\":3,\"state\":\"cancelled\","
			   "\"cause\":\"cancelled\",\"failure\":{\"message\":"
			   "\"why\"}},{\"id\":5,");
	stage_call(&stage, other, "org.reeve.jobs.CloseGroup", "{\"group\":1}");
	cancel(&stage, other, 4);
	stage_expect(stage_read(&stage, fd), "\"id\":4");
	stage_expect(stage_read(&stage, fd),
		     "{\"jobs\":[],\"ends\":[],\"pending\":0}}");
	close(fd);
	close(other);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_brief_one_tells_the_ends_of_a_commit_in_one_reply),
		cmocka_unit_test(
			any_with_more_is_over_with_the_first_end_in_a_group_too),
		cmocka_unit_test(
			any_with_more_waits_for_the_first_end_of_a_group),
		cmocka_unit_test(a_group_that_is_complete_is_answered_at_once),
		cmocka_unit_test(with_more_every_end_is_told_in_pages_and_once),
		cmocka_unit_test(an_end_during_the_look_is_told_once),
		cmocka_unit_test(
			an_end_between_the_look_and_its_answer_is_told),
		cmocka_unit_test(a_stale_look_does_not_undo_what_was_told),
		cmocka_unit_test(
			later_ends_are_told_as_they_come_until_the_group_is_closed),
		cmocka_unit_test(any_is_content_with_one_end),
		cmocka_unit_test(no_time_to_wait_means_one_look),
		cmocka_unit_test(a_group_that_is_not_there_is_an_error),
		cmocka_unit_test(
			who_leaves_in_the_middle_of_a_look_leaves_nothing_behind),
		cmocka_unit_test(
			a_client_that_does_not_read_is_told_later_and_of_all),
	};

	return cmocka_run_group_tests_name("group_watch", tests, NULL, NULL);
}
