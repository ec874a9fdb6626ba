#include "daemon/broker/cycle.h"
#include "tests/unit/broker/stage.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"

#define LATER(ms)                                                              \
	"{\"method\":\"org.reeve.jobs.Submit\",\"parameters\":"                \
	"{\"job\":{\"argv\":[\"true\"],\"" ms "}}}"

UNIT(one_batch_gathers_while_the_other_is_with_the_writer)
{
	struct stage stage;
	int a, b;

	stage_open(&stage);
	a = stage_client(&stage);
	b = stage_client(&stage);
	fake_store_hold(stage.store, true, false);
	stage_send(a, STAGE_SUBMIT);
	stage_turn(&stage);
	stage_send(b, STAGE_SUBMIT "\n" STAGE_SUBMIT);
	assert_true(stage_silent(&stage, b));
	assert_int_equal(stage.broker.gathering->store.entry_count, 2);
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_read(&stage, a), "\"id\":1");
	stage_expect(stage_read(&stage, b), "\"id\":2");
	stage_expect(stage_read(&stage, b), "\"id\":3");
	assert_int_equal(stage.store->writes, 2);
	close(a);
	close(b);
	stage_end(&stage);
}

UNIT(a_failed_batch_answers_everybody_and_keeps_what_workers_told)
{
	struct stage stage;
	int64_t token;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_job(&stage, worker, &token);
	fake_store_hold(stage.store, true, false);
	stage_done(worker, 1, token);
	stage_turn(&stage);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	fake_store_hold(stage.store, false, false);
	stage_settle_writer(&stage);
	assert_int_equal(fake_store_job(stage.store, 1)->state, STATE_RUNNING);
	/* Not before the tick, or another call, is it tried again. */
	assert_int_equal(stage.broker.gathering->store.outcome_count, 1);
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT),
		     "org.reeve.jobs.StorageFailed");
	cycle_tick(&stage.broker);
	stage_settle(&stage);
	assert_int_equal(fake_store_job(stage.store, 1)->state,
			 STATE_SUCCEEDED);
	stage_expect(stage_read(&stage, worker), "{\"settled\":[");
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(results_alone_outlast_any_number_of_full_disks_and_count_once)
{
	struct stage stage;
	int64_t tokens[3];
	int client, workers[3];
	const char *line;

	stage_open(&stage);
	client = stage_client(&stage);
	for (int i = 0; i < 3; i++) {
		workers[i] = stage_worker(&stage, 7 + i);
		stage_ask(&stage, client, STAGE_SUBMIT);
		stage_settle(&stage);
		assert_int_equal(stage_job(&stage, workers[i], &tokens[i]),
				 i + 1);
	}
	fake_store_fail(stage.store, STORE_E_FULL, 5);
	for (int i = 0; i < 3; i++) {
		/* One result in each of the batches that are refused. */
		stage_done(workers[i], i + 1, tokens[i]);
		stage_settle_writer(&stage);
		cycle_tick(&stage.broker);
		stage_settle_writer(&stage);
	}
	for (int i = 0; i < 3; i++) {
		cycle_tick(&stage.broker);
		stage_settle_writer(&stage);
	}
	stage_settle(&stage);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fake_store_job(stage.store, i + 1)->state,
				 STATE_SUCCEEDED);
		assert_int_equal(fake_store_job(stage.store, i + 1)->attempt,
				 1);
		line = stage_read(&stage, workers[i]);
		stage_expect(line, "{\"settled\":[");
		assert_true(stage_silent(&stage, workers[i]));
		close(workers[i]);
	}
	assert_int_equal(stage.broker.gathering->store.outcome_count, 0);
	close(client);
	stage_end(&stage);
}

UNIT(a_full_disk_with_a_due_job_does_not_make_it_spin)
{
	struct stage stage;
	int client, writes;

	stage_open(&stage);
	client = stage_client(&stage);
	stage_expect(stage_ask(&stage, client, LATER("run_at_ms\":1")),
		     "\"id\":1");
	stage_settle(&stage);
	stage.broker.next_due_ms = 1;
	fake_store_fail(stage.store, STORE_E_FULL, 1000);
	writes = stage.store->writes;
	cycle_tick(&stage.broker);
	stage_settle_writer(&stage);
	for (int i = 0; i < 50; i++)
		stage_turn(&stage);
	assert_in_range(stage.store->writes - writes, 1, 2);
	assert_true(stage.broker.store_full);
	fake_store_fail(stage.store, 0, 0);
	close(client);
	stage_end(&stage);
}

UNIT(space_that_is_there_again_lets_jobs_in)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT), "StorageFailed");
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT), "no space left");
	cycle_tick(&stage.broker);
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT), "\"id\":1");
	close(client);
	stage_end(&stage);
}

UNIT(a_lost_handle_ends_the_broker)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	fake_store_fail(stage.store, STORE_E_IO, 1);
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT), "StorageFailed");
	assert_true(stage.broker.store_broken);
	assert_true(stage.broker.exit_status != 0);
	stage_turn(&stage);
	assert_true(event_base_got_exit(stage.broker.base) ||
		    stage.broker.ending);
	close(client);
	stage_end(&stage);
}

UNIT(a_store_that_was_taken_away_is_noticed_by_who_is_quiet)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT), "\"id\":1");
	stage_settle(&stage);
	stage.store->gone = true;
	cycle_tick(&stage.broker);
	assert_true(stage.broker.store_broken);
	assert_int_equal(stage.broker.exit_status, CHANNEL_EXIT_GONE);
	assert_string_equal(stage.broker.store_message,
			    "the fake store was taken away");
	assert_true(stage.broker.ending);
	close(client);
	stage_end(&stage);
}

UNIT(who_gathers_when_the_store_breaks_is_told_so)
{
	struct stage stage;
	int a, b;

	stage_open(&stage);
	a = stage_client(&stage);
	b = stage_client(&stage);
	fake_store_hold(stage.store, true, false);
	stage_send(a, STAGE_SUBMIT);
	stage_turn(&stage);
	stage_send(b, STAGE_SUBMIT);
	stage_turn(&stage);
	fake_store_fail(stage.store, STORE_E_GONE, 1);
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_read(&stage, a), "org.reeve.jobs.StorageFailed");
	stage_expect(stage_read(&stage, b), "org.reeve.jobs.StorageFailed");
	assert_int_equal(stage.broker.exit_status, CHANNEL_EXIT_GONE);
	close(a);
	close(b);
	stage_end(&stage);
}

UNIT(a_locked_database_is_waited_for_and_nothing_is_refused)
{
	struct stage stage;
	int64_t token;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_job(&stage, worker, &token);
	fake_store_fail(stage.store, -EBUSY, 3);
	stage_done(worker, 1, token);
	stage_settle(&stage);
	stage_expect(stage_read(&stage, worker), "{\"settled\":[");
	fake_store_fail(stage.store, -EBUSY, 3);
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT), "\"id\":2");
	assert_int_equal(fake_store_job(stage.store, 1)->state,
			 STATE_SUCCEEDED);
	assert_int_equal(stage.store->job_count, 2);
	assert_false(stage.broker.store_broken);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(a_database_that_stays_locked_is_named_and_costs_no_result)
{
	struct stage stage;
	int64_t token;
	int client, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	client = stage_client(&stage);
	stage_ask(&stage, client, STAGE_SUBMIT);
	stage_job(&stage, worker, &token);
	fake_store_fail(stage.store, -EBUSY, 100);
	stage_done(worker, 1, token);
	stage_settle_writer(&stage);
	stage_send(client, STAGE_SUBMIT);
	stage_turn(&stage);
	stage_expect(stage_read(&stage, client),
		     "org.reeve.jobs.StorageFailed");
	assert_false(stage.broker.store_broken);
	assert_false(stage.broker.ending);
	fake_store_fail(stage.store, 0, 0);
	cycle_tick(&stage.broker);
	stage_settle(&stage);
	assert_int_equal(fake_store_job(stage.store, 1)->state,
			 STATE_SUCCEEDED);
	assert_int_equal(stage.store->job_count, 1);
	close(worker);
	close(client);
	stage_end(&stage);
}

UNIT(a_young_broker_that_lost_its_handle_stays_to_say_so)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	stage.broker.born_ns = clock_mono_ns();
	client = stage_client(&stage);
	fake_store_fail(stage.store, STORE_E_IO, 1);
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT), "StorageFailed");
	cycle_tick(&stage.broker);
	assert_false(stage.broker.ending);
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT),
		     "the fake store was told to fail");
	stage.broker.linger_until_ns = clock_mono_ns();
	cycle_tick(&stage.broker);
	assert_true(stage.broker.ending);
	close(client);
	stage_end(&stage);
}

UNIT(what_a_query_finds_damaged_ends_the_broker)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	stage.store->fail_reads = STORE_E_CORRUPT;
	stage_expect(stage_ask(&stage, client,
			       "{\"method\":\"org.reeve.jobs.List\"}"),
		     "StorageFailed");
	cycle_tick(&stage.broker);
	assert_true(stage.broker.ending);
	assert_int_equal(stage.broker.exit_status, CHANNEL_EXIT_CALLER);
	close(client);
	stage_end(&stage);
}

UNIT(a_damaged_store_ends_the_broker_for_good)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	fake_store_fail(stage.store, STORE_E_CORRUPT, 1);
	stage_expect(stage_ask(&stage, client, STAGE_SUBMIT), "StorageFailed");
	assert_int_equal(stage.broker.exit_status, CHANNEL_EXIT_CALLER);
	close(client);
	stage_end(&stage);
}

UNIT(an_output_folder_that_was_removed_is_made_anew)
{
	struct stage stage;
	char path[128];

	stage_open(&stage);
	snprintf(path, sizeof(path), "%s/output", stage.directory);
	assert_int_equal(rmdir(path), 0);
	cycle_tick(&stage.broker);
	assert_int_equal(access(path, F_OK), 0);
	assert_false(stage.broker.store_broken);
	stage_end(&stage);
}

static bool is_ready(struct stage *stage)
{
	return writer_idle(&stage->broker.writer) &&
	       fake_store_job(stage->store, 1)->state == STATE_READY;
}

UNIT(a_due_job_becomes_ready_without_anybody_asking)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	stage_expect(stage_ask(&stage, client, LATER("delay_ms\":30")),
		     "\"id\":1");
	stage_until(&stage, is_ready);
	close(client);
	stage_end(&stage);
}

UNIT(a_job_due_at_the_end_of_time_overflows_nothing)
{
	struct stage stage;
	int client;

	stage_open(&stage);
	client = stage_client(&stage);
	stage_expect(stage_ask(&stage, client,
			       LATER("run_at_ms\":9007199254740991")),
		     "\"id\":1");
	cycle_tick(&stage.broker);
	stage_settle(&stage);
	assert_int_equal(fake_store_job(stage.store, 1)->state,
			 STATE_SCHEDULED);
	close(client);
	stage_end(&stage);
}

static bool all_purged(struct stage *stage)
{
	return writer_idle(&stage->broker.writer) &&
	       fake_store_job(stage->store, 1200)->purged;
}

UNIT(a_purge_goes_on_while_there_is_more)
{
	struct stage stage;
	char path[128];
	FILE *file;

	stage_begin(&stage);
	for (int i = 0; i < 1200; i++) {
		fake_store_add(stage.store, STATE_SUCCEEDED)->finished_ms = 1;
		fake_store_job(stage.store, i + 1)->output_file = i == 0;
	}
	snprintf(path, sizeof(path), "%s/output/1.1", stage.directory);
	file = fopen(path, "we");
	assert_non_null(file);
	fclose(file);
	stage_start(&stage);
	stage.config.keep_succeeded_ms = 1000;
	stage.broker.purge_at_ns = 0;
	cycle_tick(&stage.broker);
	/* No second tick: one batch asks for the next. */
	stage_until(&stage, all_purged);
	assert_int_equal(access(path, F_OK), -1);
	assert_true(stage.broker.purge_at_ns > clock_mono_ns());
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			one_batch_gathers_while_the_other_is_with_the_writer),
		cmocka_unit_test(
			a_failed_batch_answers_everybody_and_keeps_what_workers_told),
		cmocka_unit_test(
			results_alone_outlast_any_number_of_full_disks_and_count_once),
		cmocka_unit_test(
			a_full_disk_with_a_due_job_does_not_make_it_spin),
		cmocka_unit_test(space_that_is_there_again_lets_jobs_in),
		cmocka_unit_test(a_lost_handle_ends_the_broker),
		cmocka_unit_test(
			a_store_that_was_taken_away_is_noticed_by_who_is_quiet),
		cmocka_unit_test(who_gathers_when_the_store_breaks_is_told_so),
		cmocka_unit_test(
			a_locked_database_is_waited_for_and_nothing_is_refused),
		cmocka_unit_test(
			a_database_that_stays_locked_is_named_and_costs_no_result),
		cmocka_unit_test(
			a_young_broker_that_lost_its_handle_stays_to_say_so),
		cmocka_unit_test(what_a_query_finds_damaged_ends_the_broker),
		cmocka_unit_test(a_damaged_store_ends_the_broker_for_good),
		cmocka_unit_test(
			an_output_folder_that_was_removed_is_made_anew),
		cmocka_unit_test(
			a_due_job_becomes_ready_without_anybody_asking),
		cmocka_unit_test(
			a_job_due_at_the_end_of_time_overflows_nothing),
		cmocka_unit_test(a_purge_goes_on_while_there_is_more),
	};

	return cmocka_run_group_tests_name("cycle", tests, NULL, NULL);
}
