#include "daemon/base/log.h"
#include "tests/helper/t.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* What stderr got since capture_begin(). */
static char captured[8192];
static int saved_stderr, reader;

static void capture_begin(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	reader = ends[0];
}

static void capture_end(void)
{
	ssize_t n = read(reader, captured, sizeof(captured) - 1);

	captured[n > 0 ? n : 0] = '\0';
	assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO);
	close(saved_stderr);
	close(reader);
}

UNIT(a_line_has_time_level_role_and_fields)
{
	int year, n = 0;

	unsetenv("JOURNAL_STREAM");
	capture_begin();
	log_init("supervisor", LOG_INFO);
	log_info("worker started slot=%d", 3);
	capture_end();
	assert_int_equal(sscanf(captured,
				"%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%*3dZ "
				"info supervisor worker started "
				"slot=3%n",
				&year, &n),
			 1);
	assert_string_equal(captured + n, "\n");
}

UNIT(what_is_below_the_level_is_not_written)
{
	capture_begin();
	log_init("supervisor", LOG_WARNING);
	log_info("no");
	log_debug("no");
	log_warning("yes");
	capture_end();
	assert_non_null(strstr(captured, "yes"));
	assert_null(strstr(captured, "no\n"));
}

UNIT(nobody_can_forge_a_line)
{
	capture_begin();
	log_init("broker", LOG_INFO);
	log_info("name=%s", "a\nb\x1b[31m\x7f");
	capture_end();
	assert_non_null(strstr(captured, "name=a?b?[31m?\n"));
}

UNIT(a_long_line_is_cut)
{
	static char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	capture_begin();
	log_init("broker", LOG_INFO);
	log_info("%s", text);
	capture_end();
	assert_true(strlen(captured) < 2048);
	assert_int_equal(captured[strlen(captured) - 1], '\n');
}

UNIT(the_journal_gets_a_priority_and_no_time)
{
	char stream[64];
	struct stat st;

	capture_begin();
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init("broker", LOG_INFO);
	log_warning("disk full");
	capture_end();
	unsetenv("JOURNAL_STREAM");
	assert_string_equal(captured, "<4>broker disk full\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_level_role_and_fields),
		cmocka_unit_test(what_is_below_the_level_is_not_written),
		cmocka_unit_test(nobody_can_forge_a_line),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(the_journal_gets_a_priority_and_no_time),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
