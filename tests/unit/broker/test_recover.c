#include "daemon/broker/recover.h"
#include "tests/unit/broker/stage.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"

/* A process that does nothing but live, as a worker of an earlier broker. */
static pid_t start_worker(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

static void end_worker(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static struct fake_job *add_running(struct stage *stage, int64_t worker)
{
	struct fake_job *job = fake_store_add(stage->store, STATE_RUNNING);

	job->worker = worker;
	return job;
}

static const struct fake_job *job(struct stage *stage, int64_t id)
{
	return fake_store_job(stage->store, id);
}

/* Its last words are waited for a while: that time is over at once. */
static bool job_1_was_lost(struct stage *stage)
{
	fleet_tick(&stage->broker, clock_mono_ns() + INT64_C(2000000000));
	return writer_idle(&stage->broker.writer) &&
	       job(stage, 1)->state == STATE_READY;
}

UNIT(a_living_worker_keeps_its_job_until_it_dies)
{
	struct stage stage;
	pid_t pid;

	stage_begin(&stage);
	pid = start_worker();
	stage_row(&stage, 7, pid);
	add_running(&stage, 7);
	stage_start(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_RUNNING);
	assert_int_equal(fleet_busy(&stage.broker.fleet), 1);
	/* Nobody announced it: its pidfd tells. */
	end_worker(pid);
	stage_until(&stage, job_1_was_lost);
	assert_int_equal(job(&stage, 1)->crashes, 1);
	assert_int_equal(stage.store->worker_count, 0);
	stage_end(&stage);
}

UNIT(a_worker_that_is_gone_lost_its_first_job_only)
{
	struct stage stage;
	pid_t pid;

	stage_begin(&stage);
	pid = start_worker();
	stage_row(&stage, 7, pid);
	end_worker(pid);
	add_running(&stage, 7);
	add_running(&stage, 7);
	add_running(&stage, 7)->once = true;
	stage_start(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_READY);
	assert_int_equal(job(&stage, 1)->crashes, 1);
	assert_int_equal(job(&stage, 2)->state, STATE_READY);
	assert_int_equal(job(&stage, 2)->crashes, 0);
	/* Nobody knows whether it had begun: never a second time. */
	assert_int_equal(job(&stage, 3)->state, STATE_FAILED);
	assert_int_equal(job(&stage, 3)->cause, CAUSE_WORKER_LOST);
	assert_int_equal(stage.store->worker_count, 0);
	stage_end(&stage);
}

UNIT(results_come_off_before_the_first_is_charged)
{
	struct stage stage;
	int64_t token;
	pid_t pid;

	stage_begin(&stage);
	pid = start_worker();
	stage_row(&stage, 7, pid);
	end_worker(pid);
	token = add_running(&stage, 7)->token;
	add_running(&stage, 7);
	add_running(&stage, 7);
	stage_result_file(&stage, 1, token);
	stage_start(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_SUCCEEDED);
	assert_int_equal(job(&stage, 2)->crashes, 1);
	assert_int_equal(job(&stage, 3)->crashes, 0);
	assert_false(stage_has_result_file(&stage, token));
	stage_end(&stage);
}

UNIT(a_pid_that_another_process_has_now_is_nobody)
{
	struct stage stage;
	pid_t pid;

	stage_begin(&stage);
	pid = start_worker();
	stage_row(&stage, 7, pid)->start_ticks--;
	add_running(&stage, 7);
	stage_start(&stage);
	assert_int_equal(job(&stage, 1)->crashes, 1);
	assert_null(stage.broker.fleet.by_id);
	end_worker(pid);
	stage_end(&stage);
}

UNIT(after_a_restart_of_the_machine_the_host_is_lost)
{
	struct stage stage;
	pid_t pid;

	stage_begin(&stage);
	pid = start_worker();
	stage_row(&stage, 7, pid)->boot_id = SLICE("another boot");
	add_running(&stage, 7)->crash_limit = 1;
	stage_start(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_FAILED);
	assert_int_equal(job(&stage, 1)->cause, CAUSE_HOST_LOST);
	assert_string_equal(job(&stage, 1)->failure,
			    "{\"message\":\"the machine was restarted under "
			    "it; "
			    "the last of its output may be missing\"}");
	end_worker(pid);
	stage_end(&stage);
}

UNIT(an_attempt_without_a_worker_is_decided_all_the_same)
{
	struct stage stage;

	stage_begin(&stage);
	add_running(&stage, 4711);
	stage_start(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_READY);
	assert_int_equal(job(&stage, 1)->crashes, 1);
	stage_end(&stage);
}

UNIT(what_lies_in_results_and_runs_nowhere_is_swept)
{
	struct stage stage;
	int64_t token;
	pid_t pid;

	stage_begin(&stage);
	pid = start_worker();
	stage_row(&stage, 7, pid);
	token = add_running(&stage, 7)->token;
	stage_result_file(&stage, 17, 4711);
	stage_start(&stage);
	assert_false(stage_has_result_file(&stage, 4711));
	/* The living one may write its result at any time. */
	stage_result_file(&stage, 1, token);
	end_worker(pid);
	stage_settle(&stage);
	stage_end(&stage);
}

UNIT(a_result_of_a_living_worker_is_taken_and_its_word_ignored)
{
	struct stage stage;
	int64_t token;
	char text[128];
	int fd;

	stage_begin(&stage);
	stage_own_row(&stage, 7);
	token = add_running(&stage, 7)->token;
	stage_result_file(&stage, 1, token);
	stage_start(&stage);
	assert_int_equal(job(&stage, 1)->state, STATE_SUCCEEDED);
	stage_announced(&stage);
	snprintf(text, sizeof(text), "[{\"job\":1,\"token\":%lld}]",
		 (long long)token);
	fd = stage_dial(&stage, 7, text);
	stage_done(fd, 1, token);
	stage_expect(stage_read(&stage, fd), "\"hello\":1");
	/* Nobody knows it any more; a worker that has ended it ignores this. */
	stage_expect(stage_read(&stage, fd), "{\"cancel\":1,");
	snprintf(text, sizeof(text), "{\"settled\":[%lld]}", (long long)token);
	assert_string_equal(stage_read(&stage, fd), text);
	close(fd);
	stage_end(&stage);
}

UNIT(an_adopted_worker_finishes_what_it_holds)
{
	struct stage stage;
	int64_t token;
	char text[128];
	int fd;

	stage_begin(&stage);
	stage_own_row(&stage, 7);
	token = add_running(&stage, 7)->token;
	add_running(&stage, 7);
	stage_start(&stage);
	stage_announced(&stage);
	snprintf(text, sizeof(text), "[{\"job\":1,\"token\":%lld}]",
		 (long long)token);
	fd = stage_dial(&stage, 7, text);
	stage_expect(stage_read(&stage, fd), "\"hello\":1");
	stage_settle(&stage);
	/* The second never arrived. */
	assert_int_equal(job(&stage, 2)->state, STATE_READY);
	assert_int_equal(job(&stage, 2)->crashes, 0);
	assert_int_equal(job(&stage, 1)->state, STATE_RUNNING);
	assert_int_equal(job(&stage, 1)->attempt, 1);
	stage_done(fd, 1, token);
	stage_expect(stage_read(&stage, fd), "{\"settled\":[");
	assert_int_equal(job(&stage, 1)->state, STATE_SUCCEEDED);
	assert_int_equal(job(&stage, 1)->attempt, 1);
	close(fd);
	stage_end(&stage);
}

UNIT(a_store_that_refuses_ends_the_start)
{
	struct stage stage;

	stage_begin(&stage);
	add_running(&stage, 4711);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	assert_int_equal(recover(&stage.broker), STORE_E_FULL);
	batch_reset(stage.broker.gathering, ++stage.broker.serial);
	assert_int_equal(job(&stage, 1)->state, STATE_RUNNING);
	stage_start(&stage);
	stage_end(&stage);
}

static bool job_1_is_ready(struct stage *stage)
{
	return writer_idle(&stage->broker.writer) &&
	       job(stage, 1)->state == STATE_READY;
}

UNIT(what_became_due_meanwhile_is_made_ready)
{
	struct stage stage;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_SCHEDULED)->run_at_ms = 5;
	/* Something to write, too: its answer must not hide what is due. */
	add_running(&stage, 4711);
	stage_start(&stage);
	assert_int_equal(stage.broker.next_due_ms, 5);
	cycle_tick(&stage.broker);
	stage_until(&stage, job_1_is_ready);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_living_worker_keeps_its_job_until_it_dies),
		cmocka_unit_test(a_worker_that_is_gone_lost_its_first_job_only),
		cmocka_unit_test(results_come_off_before_the_first_is_charged),
		cmocka_unit_test(a_pid_that_another_process_has_now_is_nobody),
		cmocka_unit_test(
			after_a_restart_of_the_machine_the_host_is_lost),
		cmocka_unit_test(
			an_attempt_without_a_worker_is_decided_all_the_same),
		cmocka_unit_test(
			what_lies_in_results_and_runs_nowhere_is_swept),
		cmocka_unit_test(
			a_result_of_a_living_worker_is_taken_and_its_word_ignored),
		cmocka_unit_test(an_adopted_worker_finishes_what_it_holds),
		cmocka_unit_test(a_store_that_refuses_ends_the_start),
		cmocka_unit_test(what_became_due_meanwhile_is_made_ready),
	};

	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
