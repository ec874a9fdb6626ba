#include "tests/helper/t.h"
#include "daemon/worker/output.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { JOB = 17, ATTEMPT = 2, MS = 1000000 };

static char folder[64];
static struct output output = {.fd = -1};

static int make_folder(void **state)
{
	char path[80];

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/reeve-output.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/output", folder);
	return mkdir(path, 0700);
}

static const char *path_of(void)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/output/17.2", folder);
	return path;
}

static int remove_folder(void **state)
{
	char path[80];

	(void)state;
	unlink(path_of());
	snprintf(path, sizeof(path), "%s/output", folder);
	return rmdir(path) || rmdir(folder);
}

static void begin(int64_t cap_bytes)
{
	output_begin(&output, folder, cap_bytes, JOB, ATTEMPT);
}

static void take(const char *p, size_t n, int64_t ms)
{
	output_take(&output, RECORD_STDOUT, (struct slice){p, n}, ms, ms * MS);
}

/* The file, which the summary must describe. */
static struct slice file(const struct output_summary *summary)
{
	static char bytes[4 * 1024 * 1024];
	char sha256[SHA256_DIGEST_STRING_LENGTH];
	int fd = open(path_of(), O_RDONLY);
	struct stat st;
	ssize_t n;

	assert_true(summary->file && fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_int_equal(n, summary->file_bytes);
	SHA256Data((const uint8_t *)bytes, (size_t)n, sha256);
	assert_string_equal(sha256, summary->sha256);
	return (struct slice){bytes, (size_t)n};
}

UNIT(silence_is_no_records_and_no_file)
{
	struct output_summary summary;

	begin(1000);
	assert_int_equal(output_due_ns(&output), INT64_MAX);
	output_end(&output, 5, &summary);
	assert_int_equal(summary.log.n, 0);
	assert_false(summary.file);
}

UNIT(a_little_stays_inline_and_reads_of_one_moment_are_one_record)
{
	struct output_summary summary;

	begin(100000);
	take("ab", 2, 7);
	take("c", 1, 7);
	output_take(&output, RECORD_STDERR, SLICE("E"), 7, 7 * MS);
	take("d", 1, 8);
	output_end(&output, 9, &summary);
	assert_false(summary.file);
	assert_int_equal(summary.log.n, 3 * RECORD_HEAD_BYTES + 5);
	assert_int_equal(record_bytes(summary.log.p), 3);
	assert_memory_equal(summary.log.p + RECORD_HEAD_BYTES, "abc", 3);
	assert_int_equal(summary.log.p[RECORD_HEAD_BYTES + 3 + 4], 2);
	assert_int_equal(output.stdout_bytes, 4);
	assert_int_equal(output.stderr_bytes, 1);
	assert_int_equal(access(path_of(), F_OK), -1);
}

UNIT(exactly_the_limit_is_inline_and_one_more_byte_is_a_file)
{
	static char text[LIMIT_INLINE_OUTPUT_BYTES + 1];
	struct output_summary summary;
	struct slice bytes;

	begin(100000);
	take(text, LIMIT_INLINE_OUTPUT_BYTES, 1);
	output_end(&output, 2, &summary);
	assert_false(summary.file);

	begin(100000);
	take(text, LIMIT_INLINE_OUTPUT_BYTES, 1);
	take("!", 1, 2);
	output_end(&output, 3, &summary);
	bytes = file(&summary);
	assert_int_equal(summary.log.n, 0);
	assert_int_equal(bytes.n, 2 * RECORD_HEAD_BYTES + sizeof(text));
	assert_int_equal(bytes.p[bytes.n - 1], '!');
}

UNIT(a_job_that_runs_on_gets_a_file_and_loses_it_if_it_ends_small)
{
	struct output_summary summary;

	begin(100000);
	take("a", 1, 1000);
	assert_int_equal(output_due_ns(&output),
			 1000 * (int64_t)MS + OUTPUT_FILE_AFTER_NS);
	output_tick(&output, 1199 * (int64_t)MS);
	assert_int_equal(access(path_of(), F_OK), -1);
	output_tick(&output, 1200 * (int64_t)MS);
	assert_int_equal(access(path_of(), F_OK), 0);
	assert_int_equal(output_due_ns(&output), INT64_MAX);
	take("b", 1, 1300);
	output_end(&output, 1400, &summary);
	assert_false(summary.file);
	assert_int_equal(summary.log.n, 2 * RECORD_HEAD_BYTES + 2);
	assert_int_equal(access(path_of(), F_OK), -1);
}

UNIT(many_tiny_records_do_not_outgrow_the_result)
{
	struct output_summary summary;
	struct slice bytes;

	begin(100000);
	for (int i = 0; i < 1000; i++)
		take("x", 1, i);
	output_end(&output, 1000, &summary);
	bytes = file(&summary);
	assert_int_equal(bytes.n, 1000 * (RECORD_HEAD_BYTES + 1));
}

UNIT(beyond_the_cap_head_and_tail_are_kept_and_the_gap_is_counted)
{
	enum { CAP = 40000, ALL = 100000 };
	struct output_summary summary;
	int64_t text = 0, omitted = 0, after = 0;
	struct slice bytes;

	begin(CAP);
	for (int i = 0; i < ALL / 10; i++) {
		char line[11];

		snprintf(line, sizeof(line), "%09d\n", i);
		take(line, 10, i);
	}
	output_end(&output, ALL, &summary);
	bytes = file(&summary);
	assert_memory_equal(bytes.p + RECORD_HEAD_BYTES, "000000000\n", 10);
	assert_memory_equal(bytes.p + bytes.n - 10, "000009999\n", 10);
	for (size_t at = 0; at < bytes.n;) {
		size_t n = record_bytes(bytes.p + at);
		const char *data = bytes.p + at + RECORD_HEAD_BYTES;

		if (bytes.p[at + 4] == RECORD_OMITTED) {
			assert_int_equal(omitted, 0);
			memcpy(&omitted, data, sizeof(omitted));
			omitted = (int64_t)le64toh((uint64_t)omitted);
		} else {
			text += (int64_t)n;
			after += omitted ? (int64_t)n : 0;
		}
		at += RECORD_HEAD_BYTES + n;
	}
	assert_int_equal(omitted, summary.omitted_bytes);
	assert_int_equal(text + omitted, ALL);
	assert_true(text <= CAP && text > CAP / 2 && after > 0);
}

UNIT(at_the_cap_nothing_is_missing)
{
	static char text[20000];
	struct output_summary summary;
	struct slice bytes;

	begin(2 * sizeof(text));
	take(text, sizeof(text), 1);
	take(text, sizeof(text) / 2, 2);
	output_end(&output, 3, &summary);
	bytes = file(&summary);
	assert_int_equal(summary.omitted_bytes, 0);
	assert_true(bytes.n >= sizeof(text) * 3 / 2);
}

UNIT(a_cap_of_nothing_keeps_nothing_and_says_so)
{
	static char text[9000];
	struct output_summary summary;
	struct slice bytes;

	begin(0);
	take(text, sizeof(text), 1);
	output_end(&output, 3, &summary);
	bytes = file(&summary);
	assert_int_equal(bytes.n, RECORD_HEAD_BYTES + 8);
	assert_int_equal(summary.omitted_bytes, sizeof(text));
}

UNIT(without_a_file_the_first_records_and_the_gap_are_inline)
{
	static char text[9000];
	struct output_summary summary;

	output_begin(&output, "/nowhere", 100000, JOB, ATTEMPT);
	take("head", 4, 1);
	take(text, sizeof(text), 2);
	output_end(&output, 3, &summary);
	assert_false(summary.file);
	assert_int_equal(summary.omitted_bytes, sizeof(text));
	assert_int_equal(summary.log.n,
			 RECORD_HEAD_BYTES + 4 + RECORD_HEAD_BYTES + 8);
	assert_int_equal(summary.log.p[RECORD_HEAD_BYTES + 4 + 4],
			 RECORD_OMITTED);
}

int main(void)
{
#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		CASE(silence_is_no_records_and_no_file),
		CASE(a_little_stays_inline_and_reads_of_one_moment_are_one_record),
		CASE(exactly_the_limit_is_inline_and_one_more_byte_is_a_file),
		CASE(a_job_that_runs_on_gets_a_file_and_loses_it_if_it_ends_small),
		CASE(many_tiny_records_do_not_outgrow_the_result),
		CASE(beyond_the_cap_head_and_tail_are_kept_and_the_gap_is_counted),
		CASE(at_the_cap_nothing_is_missing),
		CASE(a_cap_of_nothing_keeps_nothing_and_says_so),
		CASE(without_a_file_the_first_records_and_the_gap_are_inline),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
