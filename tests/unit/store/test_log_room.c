#include "daemon/store/log_room.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/helper/t.h"
#include "tests/unit/store/fixture.h"

static char directory[64], path[96];
static struct log_room room;

static int set_up(void **state)
{
	int fd;

	(void)state;
	strcpy(directory, "/tmp/reeve-room-XXXXXX");
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/log", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "frames", 6), 6);
	close(fd);
	log_room_open(&room, path);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_room_close(&room);
	unlink(path);
	return rmdir(directory);
}

static int64_t length(void)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_size : -1;
}

static int steps(void)
{
	int count = 0;

	for (; log_room_short(&room); count++)
		log_room_step(&room);
	return count;
}

#define WITH_LOG(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

UNIT(a_log_that_nobody_uses_stays_as_short_as_it_is)
{
	assert_false(log_room_short(&room));
	log_room_step(&room);
	assert_int_equal(length(), 6);
}

UNIT(a_log_becomes_four_times_as_long_as_it_was_needed_in_steps)
{
	log_room_used(&room, 6);
	assert_int_equal(steps(), LOG_ROOM_MIN_BYTES / LOG_ROOM_STEP_BYTES);
	assert_in_range(length(), LOG_ROOM_MIN_BYTES,
			LOG_ROOM_MIN_BYTES + LOG_ROOM_STEP_BYTES);
	log_room_used(&room, LOG_ROOM_MIN_BYTES / 2);
	assert_true(steps() > 0);
	assert_in_range(length(), 2 * LOG_ROOM_MIN_BYTES,
			2 * LOG_ROOM_MIN_BYTES + LOG_ROOM_STEP_BYTES);
	/* It was longer before: it may be again. */
	log_room_used(&room, 6);
	assert_int_equal(steps(), 0);
}

UNIT(a_log_is_made_no_longer_than_it_gets_between_two_checkpoints)
{
	log_room_used(&room, INT64_C(1) << 40);
	assert_true(steps() > 0);
	assert_in_range(length(), LOG_ROOM_MAX_BYTES,
			LOG_ROOM_MAX_BYTES + LOG_ROOM_STEP_BYTES);
}

UNIT(what_others_wrote_stays_and_counts)
{
	char bytes[6];
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_int_equal(pwrite(fd, "end", 3, LOG_ROOM_MIN_BYTES), 3);
	log_room_used(&room, 6);
	assert_true(log_room_short(&room));
	log_room_step(&room);
	assert_false(log_room_short(&room));
	assert_int_equal(length(), LOG_ROOM_MIN_BYTES + 3);
	assert_int_equal(pread(fd, bytes, 6, 0), 6);
	assert_memory_equal(bytes, "frames", 6);
	close(fd);
}

UNIT(without_a_log_nothing_is_done)
{
	struct log_room none;

	log_room_open(&none, "/tmp/reeve-no-such-log");
	log_room_used(&none, 6);
	assert_false(log_room_short(&none));
	log_room_step(&none);
	log_room_close(&none);
}

UNIT(a_log_that_cannot_grow_is_given_up)
{
	log_room_close(&room);
	room.fd = open("/dev/full", O_WRONLY | O_APPEND | O_CLOEXEC);
	log_room_used(&room, 6);
	assert_int_equal(steps(), 1);
	log_room_used(&room, INT64_C(1) << 40);
	assert_false(log_room_short(&room));
	assert_int_equal(length(), 6);
}

/* ---- With the store ---- */

static int64_t log_bytes(const struct fixture *f)
{
	struct stat status;
	char name[96];

	snprintf(name, sizeof(name), "%s/jobs.db-wal", f->directory);
	return stat(name, &status) == 0 ? status.st_size : -1;
}

static void *lengthen(void *arg)
{
	struct fixture *f = arg;

	while (log_bytes(f) < 2 * LOG_ROOM_MIN_BYTES)
		store_log_step(f->store);
	return NULL;
}

static void copy(const char *from, const char *to, const char *name)
{
	static char bytes[4 * LOG_ROOM_MIN_BYTES];
	char place[192];
	ssize_t n;
	int fd;

	snprintf(place, sizeof(place), "%s/%s", from, name);
	fd = open(place, O_RDONLY | O_CLOEXEC);
	assert_return_code(fd, errno);
	n = read(fd, bytes, sizeof(bytes));
	assert_in_range(n, 1, sizeof(bytes) - 1);
	close(fd);
	snprintf(place, sizeof(place), "%s/%s", to, name);
	fd = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, bytes, (size_t)n), n);
	close(fd);
}

/* As a crash leaves it: the files as they are, and nobody closes them. */
static void expect_jobs_after_crash(const struct fixture *f, int64_t last)
{
	struct fixture after = {0};

	fixture_prepare(&after);
	copy(f->directory, after.directory, "jobs.db");
	copy(f->directory, after.directory, "jobs.db-wal");
	fixture_reopen(&after);
	for (int64_t id = 1; id <= last; id++)
		assert_int_equal(fixture_row(&after, id).id, id);
	assert_int_equal(fixture_submit(&after, fixture_entry()), last + 1);
	fixture_verify(&after);
	fixture_end(&after);
}

UNIT(a_store_asks_for_room_when_it_has_committed)
{
	struct fixture *f = *state;

	fixture_submit(f, fixture_entry());
	assert_true(store_log_short(f->store));
	while (store_log_short(f->store))
		store_log_step(f->store);
	assert_in_range(log_bytes(f), LOG_ROOM_MIN_BYTES,
			LOG_ROOM_MIN_BYTES + LOG_ROOM_STEP_BYTES);
	/* It is used, not followed by more. */
	fixture_submit(f, fixture_entry());
	assert_in_range(log_bytes(f), LOG_ROOM_MIN_BYTES,
			LOG_ROOM_MIN_BYTES + LOG_ROOM_STEP_BYTES);
	fixture_verify(f);
}

UNIT(what_was_committed_into_the_room_is_there_after_a_crash)
{
	struct fixture *f = *state;

	fixture_submit(f, fixture_entry());
	while (store_log_short(f->store))
		store_log_step(f->store);
	expect_jobs_after_crash(f, fixture_submit(f, fixture_entry()));
	for (int i = 0; i < 20; i++)
		fixture_submit(f, fixture_entry());
	expect_jobs_after_crash(f, 22);
}

UNIT(the_log_may_become_longer_while_it_is_written)
{
	struct fixture *f = *state;
	int64_t last = fixture_submit(f, fixture_entry());
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, lengthen, f), 0);
	while (log_bytes(f) < 2 * LOG_ROOM_MIN_BYTES)
		last = fixture_submit(f, fixture_entry());
	pthread_join(thread, NULL);
	expect_jobs_after_crash(f, last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(a_log_that_nobody_uses_stays_as_short_as_it_is),
		WITH_LOG(
			a_log_becomes_four_times_as_long_as_it_was_needed_in_steps),
		WITH_LOG(
			a_log_is_made_no_longer_than_it_gets_between_two_checkpoints),
		WITH_LOG(what_others_wrote_stays_and_counts),
		WITH_LOG(without_a_log_nothing_is_done),
		WITH_LOG(a_log_that_cannot_grow_is_given_up),
		WITH_STORE(a_store_asks_for_room_when_it_has_committed),
		WITH_STORE(
			what_was_committed_into_the_room_is_there_after_a_crash),
		WITH_STORE(the_log_may_become_longer_while_it_is_written),
	};

	return cmocka_run_group_tests_name("log_room", tests, NULL, NULL);
}
