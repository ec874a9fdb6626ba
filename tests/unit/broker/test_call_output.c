#include "tests/unit/broker/stage.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define OUTPUT "org.reeve.jobs.Output"

/* One record of stdout, at the end of @to. */
static size_t add_record(char *to, const char *data)
{
	uint32_t n = htole32((uint32_t)strlen(data));

	memset(to, 0, 16);
	memcpy(to, &n, sizeof(n));
	to[4] = 1;
	memcpy(to + 16, data, strlen(data));
	return 16 + strlen(data);
}

static void append(const struct stage *stage, const char *name,
		   const char *data)
{
	char path[128], record[256];
	size_t n = add_record(record, data);
	int fd;

	snprintf(path, sizeof(path), "%s/output/%s", stage->directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, record, n), (ssize_t)n);
	close(fd);
}

static void set_log(struct fake_job *job, const char *data)
{
	job->log = malloc(256);
	if (!job->log)
		abort();
	job->log_bytes = add_record(job->log, data);
	job->attempt = 1;
}

UNIT(small_output_comes_from_the_store)
{
	struct stage stage;
	const char *line;
	int64_t offset;
	char text[96];
	int fd;

	stage_begin(&stage);
	set_log(fake_store_add(stage.store, STATE_SUCCEEDED), "hello");
	stage_start(&stage);
	fd = stage_client(&stage);
	line = stage_call(&stage, fd, OUTPUT, "{\"id\":1}");
	stage_expect(line, "\"data\":\"hello\"");
	stage_expect(line, "\"eof\":true");
	offset = stage_number(line, "offset");
	snprintf(text, sizeof(text), "{\"id\":1,\"offset\":%lld}",
		 (long long)offset);
	stage_expect(stage_call(&stage, fd, OUTPUT, text), "\"chunks\":[],");
	stage_expect(stage_call(&stage, fd, OUTPUT,
				"{\"id\":1,\"stream\":\"stderr\"}"),
		     "\"chunks\":[],");
	close(fd);
	stage_end(&stage);
}

UNIT(a_little_at_a_time_is_all_of_it)
{
	int64_t offset = 0;
	struct stage stage;
	char text[128], got[64] = "";
	int fd, rounds = 0;

	stage_begin(&stage);
	set_log(fake_store_add(stage.store, STATE_SUCCEEDED), "hello world");
	stage_start(&stage);
	fd = stage_client(&stage);
	for (;;) {
		const char *line, *data;

		snprintf(text, sizeof(text),
			 "{\"id\":1,\"max_bytes\":3,\"offset\":%lld}",
			 (long long)offset);
		line = stage_call(&stage, fd, OUTPUT, text);
		offset = stage_number(line, "offset");
		data = strstr(line, "\"data\":\"");
		if (data)
			strncat(got, data + 8,
				(size_t)(strchr(data + 8, '"') - data - 8));
		if (strstr(line, "\"eof\":true"))
			break;
		assert_true(++rounds < 20);
	}
	assert_string_equal(got, "hello world");
	close(fd);
	stage_end(&stage);
}

UNIT(a_running_job_is_followed_to_its_end)
{
	struct stage stage;
	int64_t token;
	int fd, worker;

	stage_open(&stage);
	worker = stage_worker(&stage, 7);
	fd = stage_client(&stage);
	stage_ask(&stage, fd, STAGE_SUBMIT);
	stage_job(&stage, worker, &token);
	append(&stage, "1.1", "one");
	stage_send(fd, "{\"method\":\"" OUTPUT "\",\"more\":true,"
		       "\"parameters\":{\"id\":1}}");
	stage_expect(stage_checked(OUTPUT, stage_read(&stage, fd)),
		     "\"data\":\"one\"");
	assert_true(stage_silent(&stage, fd));
	append(&stage, "1.1", "two");
	stage_expect(stage_read(&stage, fd), "\"data\":\"two\"");
	stage_done(worker, 1, token);
	stage_expect(stage_read(&stage, fd), "\"eof\":true}}");
	assert_int_equal(stage.broker.follows.fd, -1);
	assert_null(stage.broker.waits.jobs);
	close(fd);
	close(worker);
	stage_end(&stage);
}

UNIT(a_job_that_has_not_begun_is_waited_for)
{
	struct stage stage;
	int64_t token;
	int fd, other, worker;

	stage_open(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	stage_ask(&stage, other, STAGE_SUBMIT);
	stage_send(fd, "{\"method\":\"" OUTPUT "\",\"more\":true,"
		       "\"parameters\":{\"id\":1}}");
	assert_true(stage_silent(&stage, fd));
	worker = stage_worker(&stage, 7);
	stage_job(&stage, worker, &token);
	append(&stage, "1.1", "one");
	stage_expect(stage_read(&stage, fd), "\"data\":\"one\"");
	stage_done(worker, 1, token);
	stage_expect(stage_read(&stage, fd), "\"eof\":true");
	close(fd);
	close(other);
	close(worker);
	stage_end(&stage);
}

UNIT(a_job_that_is_cancelled_before_it_began_has_no_output)
{
	struct stage stage;
	int fd, other;

	stage_open(&stage);
	fd = stage_client(&stage);
	other = stage_client(&stage);
	stage_ask(&stage, other, STAGE_SUBMIT);
	stage_send(fd, "{\"method\":\"" OUTPUT "\",\"more\":true,"
		       "\"parameters\":{\"id\":1}}");
	assert_true(stage_silent(&stage, fd));
	stage_call(&stage, other, "org.reeve.jobs.Cancel",
		   "{\"filter\":{\"ids\":[1]}}");
	stage_expect(stage_read(&stage, fd), "\"chunks\":[],");
	assert_true(stage_silent(&stage, fd));
	close(fd);
	close(other);
	stage_end(&stage);
}

UNIT(a_file_that_lost_its_end_says_so)
{
	struct fake_job *job;
	struct stage stage;
	const char *line;
	int fd;

	stage_begin(&stage);
	job = fake_store_add(stage.store, STATE_SUCCEEDED);
	job->attempt = 1;
	job->output_file = true;
	job->log = strdup("{\"bytes\":100,\"sha256\":\"\"}");
	job->log_bytes = strlen(job->log);
	append(&stage, "1.1", "one");
	stage_start(&stage);
	fd = stage_client(&stage);
	line = stage_call(&stage, fd, OUTPUT, "{\"id\":1}");
	stage_expect(line, "\"data\":\"one\"");
	stage_expect(line, "\"omitted_bytes\":81");
	stage_expect(line, "\"eof\":true");
	close(fd);
	stage_end(&stage);
}

UNIT(who_leaves_in_the_middle_leaves_nothing_behind)
{
	struct stage stage;
	int fd;

	stage_begin(&stage);
	fake_store_add(stage.store, STATE_READY);
	stage_start(&stage);
	fd = stage_client(&stage);
	fake_store_hold(stage.store, false, true);
	stage_send(fd, "{\"method\":\"" OUTPUT "\",\"more\":true,"
		       "\"parameters\":{\"id\":1}}");
	stage_turn(&stage);
	close(fd);
	stage_turn(&stage);
	assert_int_equal(stage.broker.follows.fd, -1);
	assert_null(stage.broker.waits.jobs);
	fake_store_hold(stage.store, false, false);
	stage_turn(&stage);
	stage_end(&stage);
}

UNIT(no_job_and_no_database_are_errors)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, OUTPUT, "{\"id\":9}"),
		     "NoSuchJob\",\"parameters\":{\"id\":9");
	stage.store->fail_reads = -5;
	stage_expect(stage_call(&stage, fd, OUTPUT, "{\"id\":9}"),
		     "StorageFailed");
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_output_comes_from_the_store),
		cmocka_unit_test(a_little_at_a_time_is_all_of_it),
		cmocka_unit_test(a_running_job_is_followed_to_its_end),
		cmocka_unit_test(a_job_that_has_not_begun_is_waited_for),
		cmocka_unit_test(
			a_job_that_is_cancelled_before_it_began_has_no_output),
		cmocka_unit_test(a_file_that_lost_its_end_says_so),
		cmocka_unit_test(
			who_leaves_in_the_middle_leaves_nothing_behind),
		cmocka_unit_test(no_job_and_no_database_are_errors),
	};

	return cmocka_run_group_tests_name("call_output", tests, NULL, NULL);
}
