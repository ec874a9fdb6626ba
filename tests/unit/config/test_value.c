#include "daemon/config/value.h"
#include "tests/helper/t.h"

#include <stdio.h>

static struct config config;
static char fault[VALUE_FAULT_BYTES];

static int set(enum table_key key, const char *text)
{
	fault[0] = '\0';
	return value_set(&config, &table_rows[key], text, "/here", fault);
}

static const char *text_of(enum table_key key)
{
	static char text[CONFIG_PATH_BYTES];

	value_text(&config, &table_rows[key], text, sizeof(text));
	return text;
}

UNIT(every_default_is_a_value_and_reads_back)
{
	for (size_t i = 0; i < TABLE_KEYS; i++) {
		const struct table_row *row = &table_rows[i];
		const char *word = row->kind == TABLE_INT ? "0" : row->fallback;

		assert_int_equal(set((enum table_key)i, row->fallback), 0);
		assert_string_equal(text_of((enum table_key)i), word);
	}
}

UNIT(the_ends_of_a_range_are_in_it)
{
	assert_int_equal(set(TABLE_WORKERS, "1"), 0);
	assert_int_equal(set(TABLE_WORKERS, "4096"), 0);
	assert_int_equal(set(TABLE_WORKERS, "0"), CONFIG_E_USAGE);
	assert_int_equal(set(TABLE_WORKERS, "4097"), CONFIG_E_USAGE);
	assert_int_equal(config.workers, 4096);
	assert_int_equal(set(TABLE_STOP_TIMEOUT, "999ms"), CONFIG_E_USAGE);
	assert_int_equal(set(TABLE_STOP_TIMEOUT, "1s"), 0);
	assert_int_equal(set(TABLE_STOP_TIMEOUT, "1h"), 0);
	assert_int_equal(set(TABLE_STOP_TIMEOUT, "3600001ms"), CONFIG_E_USAGE);
	assert_int_equal(set(TABLE_STOP_TIMEOUT, "30"), 0);
	assert_int_equal(config.stop_timeout_ms, 30000);
}

UNIT(what_is_refused_says_what_is_allowed)
{
	assert_int_equal(set(TABLE_GRACE, "soon"), CONFIG_E_USAGE);
	assert_string_equal(fault, "give a time from 0s to 1d, like 10s");
	assert_int_equal(set(TABLE_OUTPUT_MAX, "1Q"), CONFIG_E_USAGE);
	assert_string_equal(fault, "give a size from 0 to 1T, like 64M");
	assert_int_equal(set(TABLE_WORKERS, "many"), CONFIG_E_USAGE);
	assert_string_equal(fault, "give a number from 1 to 4096 or cpus");
	assert_int_equal(set(TABLE_LOG_LEVEL, "loud"), CONFIG_E_USAGE);
	assert_non_null(strstr(fault, "debug"));
	assert_int_equal(set(TABLE_CGROUPS, "on"), CONFIG_E_USAGE);
	assert_string_equal(fault, "give auto or off");
	assert_int_equal(set(TABLE_STATE_DIR, ""), CONFIG_E_USAGE);
}

UNIT(a_value_is_written_with_its_largest_unit)
{
	static const struct {
		enum table_key key;
		const char *in, *out;
	} cases[] = {
		{TABLE_GRACE, "90s", "90s"},
		{TABLE_GRACE, "120", "2m"},
		{TABLE_GRACE, "1500ms", "1500ms"},
		{TABLE_GRACE, "0", "0s"},
		{TABLE_KEEP_FAILED, "2w", "14d"},
		{TABLE_OUTPUT_MAX, "4096", "4K"},
		{TABLE_OUTPUT_MAX, "1025", "1025"},
		{TABLE_OUTPUT_MAX, "0", "0"},
		{TABLE_KEEP_JOBS, "5000", "5K"},
		{TABLE_KEEP_JOBS, "1024", "1024"},
		{TABLE_STATE_DIR, "a/b//", "/here/a/b"},
		{TABLE_STATE_DIR, "/", "/"},
		{TABLE_CGROUPS, "off", "off"},
		{TABLE_LOG_LEVEL, "debug", "debug"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(set(cases[i].key, cases[i].in), 0);
		assert_string_equal(text_of(cases[i].key), cases[i].out);
	}
}

UNIT(a_path_that_is_too_long_is_refused)
{
	char path[CONFIG_PATH_BYTES + 8];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[CONFIG_PATH_BYTES - 2] = '\0';
	assert_int_equal(set(TABLE_STATE_DIR, path), 0);
	assert_int_equal(set(TABLE_STATE_DIR, path + 1), CONFIG_E_USAGE);
	path[CONFIG_PATH_BYTES - 2] = 'x';
	path[CONFIG_PATH_BYTES] = '\0';
	assert_int_equal(set(TABLE_STATE_DIR, path), CONFIG_E_USAGE);
}

UNIT(one_setting_is_taken_over_and_no_other)
{
	static struct config other;

	for (size_t i = 0; i < TABLE_KEYS; i++)
		assert_int_equal(set((enum table_key)i, table_rows[i].fallback),
				 0);
	other = config;
	assert_int_equal(set(TABLE_GRACE, "3s"), 0);
	assert_int_equal(set(TABLE_KEEP_JOBS, "3"), 0);
	assert_false(value_equal(&config, &other, &table_rows[TABLE_GRACE]));
	value_copy(&other, &config, &table_rows[TABLE_GRACE]);
	assert_true(value_equal(&config, &other, &table_rows[TABLE_GRACE]));
	assert_false(
		value_equal(&config, &other, &table_rows[TABLE_KEEP_JOBS]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_default_is_a_value_and_reads_back),
		cmocka_unit_test(the_ends_of_a_range_are_in_it),
		cmocka_unit_test(what_is_refused_says_what_is_allowed),
		cmocka_unit_test(a_value_is_written_with_its_largest_unit),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
		cmocka_unit_test(one_setting_is_taken_over_and_no_other),
	};

	return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
