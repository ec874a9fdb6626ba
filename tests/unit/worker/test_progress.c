#include "daemon/worker/progress.h"
#include "proto/json_in.h"
#include "tests/helper/t.h"

#include <fcntl.h>
#include <unistd.h>

static struct progress progress;
static struct json_out out;

static int setup(void **state)
{
	(void)state;
	return progress_init(&progress);
}

static int teardown(void **state)
{
	(void)state;
	progress_fini(&progress);
	json_out_fini(&out);
	return 0;
}

static void job_writes(const char *text)
{
	ssize_t n = write(progress.write_fd, text, strlen(text));

	assert_int_equal(n, strlen(text));
	progress_read(&progress);
}

static void expect(int64_t now_ns, const char *line)
{
	json_out_reset(&out);
	progress_write(&progress, &out, 17, 91, now_ns);
	assert_true(slice_is(json_out_slice(&out), line));
}

UNIT(objects_numbers_and_texts_become_statements)
{
	job_writes("{\"fraction\":0.5,\"note\":\"half\"}\n");
	expect(1000000000, "{\"progress\":17,\"token\":91,\"fraction\":0.5,"
			   "\"note\":\"half\"}\n");
	job_writes("{\"progress\":0.25,\"note\":7}\n");
	expect(2000000000,
	       "{\"progress\":17,\"token\":91,\"fraction\":0.25}\n");
	job_writes("0.75\n");
	expect(3000000000,
	       "{\"progress\":17,\"token\":91,\"fraction\":0.75}\n");
	job_writes("40/100 \"x\"\n");
	expect(4000000000, "{\"progress\":17,\"token\":91,\"fraction\":0.4,"
			   "\"note\":\"40/100 \\\"x\\\"\"}\n");
	job_writes("7\n");
	expect(5000000000, "{\"progress\":17,\"token\":91,\"note\":\"7\"}\n");
	job_writes(" 30% \n");
	expect(6000000000, "{\"progress\":17,\"token\":91,\"fraction\":0.3}\n");
	job_writes("1 file\n");
	expect(7000000000,
	       "{\"progress\":17,\"token\":91,\"note\":\"1 file\"}\n");
}

UNIT(ten_a_second_and_the_newest_wins)
{
	assert_int_equal(progress_due_ns(&progress), INT64_MAX);
	expect(1, "");
	job_writes("a\nb\n");
	expect(1, "{\"progress\":17,\"token\":91,\"note\":\"b\"}\n");
	job_writes("c\nd\n");
	assert_int_equal(progress_due_ns(&progress), 1 + PROGRESS_PAUSE_NS);
	expect(PROGRESS_PAUSE_NS, "");
	expect(1 + PROGRESS_PAUSE_NS,
	       "{\"progress\":17,\"token\":91,\"note\":\"d\"}\n");
}

UNIT(half_lines_wait_and_long_ones_are_dropped)
{
	char text[PROGRESS_LINE_BYTES + 10];

	job_writes("ha");
	expect(1, "");
	job_writes("lf\n\n");
	expect(1, "{\"progress\":17,\"token\":91,\"note\":\"half\"}\n");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	job_writes(text);
	job_writes("\nok\n");
	expect(2000000000, "{\"progress\":17,\"token\":91,\"note\":\"ok\"}\n");
}

UNIT(whatever_bytes_a_job_writes_the_statement_is_one_line_of_json)
{
	uint32_t dice = 1;

	for (int64_t round = 1; round <= 3000; round++) {
		char bytes[64];
		struct slice said;
		struct json_fault fault;
		size_t n;

		for (n = 0; n < sizeof(bytes) - 1; n++) {
			dice = dice * 1664525 + 1013904223;
			bytes[n] = (char)(dice >> 24);
			if (dice % 4 == 0)
				bytes[n] = "{}\"/%.019:"[dice / 4 % 11];
		}
		bytes[n++] = '\n';
		assert_int_equal(write(progress.write_fd, bytes, n), n);
		progress_read(&progress);
		json_out_reset(&out);
		progress_write(&progress, &out, 17, 91, round * 1000000000);
		said = json_out_slice(&out);
		if (!said.n) /* a newline among them, and nothing behind it */
			continue;
		assert_int_equal(json_check(said, &fault), 0);
		assert_ptr_equal(memchr(said.p, '\n', said.n),
				 said.p + said.n - 1);
	}
}

UNIT(nothing_of_one_job_reaches_the_next)
{
	job_writes("a\nb");
	assert_int_equal(write(progress.write_fd, "c\n", 2), 2);
	assert_int_equal(fcntl(progress.write_fd, F_SETFL, O_NONBLOCK), 0);
	progress_end(&progress);
	expect(1, "");
	assert_int_equal(fcntl(progress.write_fd, F_GETFL) & O_NONBLOCK, 0);
	job_writes("d\n");
	expect(1, "{\"progress\":17,\"token\":91,\"note\":\"d\"}\n");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(objects_numbers_and_texts_become_statements),
		CASE(ten_a_second_and_the_newest_wins),
		CASE(half_lines_wait_and_long_ones_are_dropped),
		CASE(whatever_bytes_a_job_writes_the_statement_is_one_line_of_json),
		CASE(nothing_of_one_job_reaches_the_next),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
