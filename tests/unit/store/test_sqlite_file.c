#include "daemon/store/sqlite_file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

static const char *path_of(struct fixture *f, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->directory, name);
	return path;
}

/* The bytes of a file as one number; 0: it is missing or empty. */
static uint64_t content(struct fixture *f, const char *name)
{
	int fd = open(path_of(f, name), O_RDONLY);
	uint64_t hash = 0;
	unsigned char buffer[4096];
	ssize_t got;

	if (fd < 0)
		return 0;
	while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < got; i++)
			hash = (hash ^ (buffer[i] + 1u)) * 1099511628211u;
	}
	close(fd);
	return hash;
}

static void put(struct fixture *f, const char *name, off_t at,
		const void *bytes, size_t n)
{
	int fd = open(path_of(f, name), O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

/* Opening fails with @error, says a word of @why, and touches nothing. */
static void expect_refusal(struct fixture *f, int error, const char *why)
{
	struct store_config config = {.directory = f->directory};
	struct store *store = NULL;
	uint64_t file = content(f, STORE_FILE);
	uint64_t wal = content(f, STORE_FILE "-wal");

	f->fault.message[0] = '\0';
	assert_int_equal(store_open(&store, &config, &f->fault), error);
	assert_null(store);
	if (!strstr(f->fault.message, why) ||
	    !strstr(f->fault.message, STORE_FILE))
		fail_msg("says: %s", f->fault.message);
	assert_true(content(f, STORE_FILE) == file);
	assert_true(content(f, STORE_FILE "-wal") == wal);
}

/* One job in it, closed. */
static void close_with_a_job(struct fixture *f)
{
	fixture_submit(f, fixture_entry());
	store_close(f->store);
	f->store = NULL;
}

static int after_all(struct fixture *f)
{
	/* The teardown closes nothing then. */
	assert_null(f->store);
	return 0;
}

UNIT(a_new_file_is_private_and_ours)
{
	struct fixture *f = *state;
	struct stat status;

	assert_int_equal(stat(path_of(f, STORE_FILE), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(stat(path_of(f, STORE_FILE "-wal"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(access(path_of(f, STORE_FILE ".new"), F_OK), -1);
}

UNIT(a_newer_file_is_refused_untouched)
{
	struct fixture *f = *state;

	close_with_a_job(f);
	put(f, STORE_FILE, 60, "\0\0\0\143", 4);
	expect_refusal(f, STORE_E_NEWER, "schema 99");
	after_all(f);
}

UNIT(a_file_of_another_program_is_refused_untouched)
{
	struct fixture *f = *state;

	close_with_a_job(f);
	put(f, STORE_FILE, 68, "\0\0\0\0", 4);
	expect_refusal(f, STORE_E_FOREIGN, "another program");
	put(f, STORE_FILE, 0, "GIF89a", 6);
	expect_refusal(f, STORE_E_FOREIGN, "not a database");
	assert_int_equal(truncate(path_of(f, STORE_FILE), 20), 0);
	expect_refusal(f, STORE_E_FOREIGN, "not a database");
	after_all(f);
}

UNIT(a_file_that_was_cut_off_is_refused_untouched)
{
	struct fixture *f = *state;

	close_with_a_job(f);
	assert_int_equal(truncate(path_of(f, STORE_FILE), 5 * 4096), 0);
	expect_refusal(f, STORE_E_CORRUPT, "damaged");
	assert_int_equal(truncate(path_of(f, STORE_FILE), 1000), 0);
	expect_refusal(f, STORE_E_CORRUPT, "damaged");
	assert_int_equal(truncate(path_of(f, STORE_FILE), 0), 0);
	expect_refusal(f, STORE_E_CORRUPT, "empty");
	after_all(f);
}

UNIT(a_table_that_is_missing_is_damage)
{
	struct fixture *f = *state;

	sqlite3_db_config(f->store->sql.db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
	assert_int_equal(sqlite3_exec(f->store->sql.db, "DROP TABLE result",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	close_with_a_job(f);
	expect_refusal(f, STORE_E_CORRUPT, "result");
	after_all(f);
}

UNIT(a_log_without_its_database_is_refused)
{
	struct fixture *f = *state;

	close_with_a_job(f);
	unlink(path_of(f, STORE_FILE));
	put(f, STORE_FILE "-wal", 0, "something", 9);
	expect_refusal(f, STORE_E_CORRUPT, "without its database");
	after_all(f);
}

UNIT(a_link_or_a_folder_in_its_place_is_refused)
{
	struct fixture *f = *state;

	close_with_a_job(f);
	unlink(path_of(f, STORE_FILE));
	assert_int_equal(symlink("elsewhere", path_of(f, STORE_FILE)), 0);
	expect_refusal(f, STORE_E_FOREIGN, "not a regular file");
	unlink(path_of(f, STORE_FILE));
	assert_int_equal(mkdir(path_of(f, STORE_FILE), 0700), 0);
	expect_refusal(f, STORE_E_FOREIGN, "not a regular file");
	rmdir(path_of(f, STORE_FILE));
	after_all(f);
}

UNIT(what_a_crash_left_of_making_it_is_no_hindrance)
{
	struct fixture *f = *state;
	struct store_config config = {.directory = f->directory};

	store_close(f->store);
	f->store = NULL;
	unlink(path_of(f, STORE_FILE));
	put(f, STORE_FILE ".new", 0, "half", 4);
	put(f, STORE_FILE ".new-journal", 0, "half", 4);
	assert_int_equal(store_open(&f->store, &config, &f->fault), 0);
	assert_int_equal(access(path_of(f, STORE_FILE ".new"), F_OK), -1);
	assert_int_equal(access(path_of(f, STORE_FILE ".new-journal"), F_OK),
			 -1);
	fixture_verify(f);
}

enum { DAMAGES = 300, DAMAGES_SOAK = 10000 };

/* A flipped bit, a page's worth of zeroes, or a file that was cut off. */
static void harm(struct fixture *f, const char *whole, off_t bytes,
		 unsigned int *seed)
{
	static const char zeroes[4096];
	off_t at = rand_r(seed) % bytes;
	char byte = (char)(whole[at] ^ (1 << rand_r(seed) % 8));
	int kind = rand_r(seed) % 8;
	off_t left = bytes - at;

	if (kind == 0)
		assert_int_equal(truncate(path_of(f, STORE_FILE), at), 0);
	else if (kind == 1)
		put(f, STORE_FILE, at, zeroes,
		    left < 4096 ? (size_t)left : sizeof(zeroes));
	else
		put(f, STORE_FILE, at, &byte, 1);
}

static char *read_whole(struct fixture *f, off_t *ret_bytes)
{
	int fd = open(path_of(f, STORE_FILE), O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *whole;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	whole = malloc((size_t)status.st_size);
	assert_non_null(whole);
	assert_int_equal(read(fd, whole, (size_t)status.st_size),
			 status.st_size);
	close(fd);
	*ret_bytes = status.st_size;
	return whole;
}

/* Some work with a damaged one: errors are fine. */
static void work(struct fixture *f)
{
	for (int round = 0; round < 3; round++) {
		struct store_entry entry = fixture_entry();
		struct store_want want = {.worker = 1, .max = 20};
		struct store_batch batch = fixture_batch(f);

		batch.entries = &entry;
		batch.entry_count = 1;
		batch.wants = &want;
		batch.want_count = 1;
		if (store_write(f->store, &batch, &f->fault))
			break;
	}
}

/* Opened or refused, never a crash, and what is refused is not touched. */
UNIT(damage_anywhere_never_crashes)
{
	struct fixture *f = *state;
	struct store_config config = {.directory = f->directory};
	int damages = fixture_count(DAMAGES, DAMAGES_SOAK);
	unsigned int seed = 20260101;
	int refused = 0, noticed = 0;
	off_t bytes;
	char *whole;

	for (int i = 0; i < 50; i++)
		fixture_submit(f, fixture_entry());
	close_with_a_job(f);
	whole = read_whole(f, &bytes);
	for (int i = 0; i < damages; i++) {
		uint64_t before;

		unlink(path_of(f, STORE_FILE "-wal"));
		unlink(path_of(f, STORE_FILE "-shm"));
		put(f, STORE_FILE, 0, whole, (size_t)bytes);
		assert_int_equal(truncate(path_of(f, STORE_FILE), bytes), 0);
		harm(f, whole, bytes, &seed);
		before = content(f, STORE_FILE);
		if (store_open(&f->store, &config, &f->fault)) {
			f->store = NULL;
			refused++;
			if (content(f, STORE_FILE) != before)
				fail_msg("damage %d: touched", i);
			continue;
		}
		noticed += store_verify(f->store, &f->fault) != 0;
		arena_reset(&f->arena);
		work(f);
		store_close(f->store);
		f->store = NULL;
	}
	print_message("%d damaged files: %d refused, %d noticed later\n",
		      damages, refused, noticed);
	assert_true(refused > 0);
	assert_true(noticed > 0);
	free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_new_file_is_private_and_ours),
		WITH_STORE(a_newer_file_is_refused_untouched),
		WITH_STORE(a_file_of_another_program_is_refused_untouched),
		WITH_STORE(a_file_that_was_cut_off_is_refused_untouched),
		WITH_STORE(a_table_that_is_missing_is_damage),
		WITH_STORE(a_log_without_its_database_is_refused),
		WITH_STORE(a_link_or_a_folder_in_its_place_is_refused),
		WITH_STORE(what_a_crash_left_of_making_it_is_no_hindrance),
		WITH_STORE(damage_anywhere_never_crashes),
	};

	return cmocka_run_group_tests_name("sqlite_file", tests, NULL, NULL);
}
