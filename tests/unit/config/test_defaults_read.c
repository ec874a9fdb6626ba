/* What jobs get, from files: what is filled in from where, what is refused. */
#include "proto/retry.h"
#include "tests/unit/config/folder.h"

#include <sys/stat.h>

UNIT(without_a_word_all_is_built_in)
{
	struct settings *settings = load_text("");
	const struct job_defaults *all = settings->defaults.list;

	assert_int_equal(settings->defaults.count, 1);
	assert_string_equal(all->queue, "");
	assert_int_equal(all->timeout_ms, -1);
	assert_int_equal(all->grace_ms, -1);
	assert_int_equal(all->crash_limit, -1);
	assert_int_equal(all->priority, 0);
	assert_int_equal(all->expire_ms, 0);
	assert_false(all->orphans_keep);
	assert_int_equal(all->max_attempts, 1);
	assert_int_equal(all->backoff_ms, RETRY_BACKOFF_MS_DEFAULT);
	assert_int_equal(all->backoff_max_ms, RETRY_BACKOFF_MAX_MS_DEFAULT);
	assert_true(all->jitter == RETRY_JITTER_DEFAULT);
	assert_int_equal(all->cause_bits, RETRY_CAUSES_DEFAULT);
	assert_int_equal(all->max_length, -1);
	assert_int_equal(all->overflow, -1);
	settings_free(settings);
}

UNIT(a_queue_says_key_by_key_what_differs)
{
	struct settings *settings = load_text(
		"defaults: {priority: 7, orphans: keep, retry: "
		"{attempts: 4, on: exec}}\n"
		"queues:\n"
		"  a.b c: {timeout: 5s, retry: {on: [exit, timeout]}}\n"
		"  \"\\u00e9{\": {priority: -1, orphans: kill, "
		"max_length: 2K, overflow: block}\n");
	const struct job_defaults *list = settings->defaults.list;

	assert_int_equal(settings->defaults.count, 3);
	assert_int_equal(list[0].max_attempts, 4);
	assert_int_equal(list[0].cause_bits, 1u << CAUSE_EXEC);
	assert_true(list[0].orphans_keep);
	assert_string_equal(list[1].queue, "a.b c");
	assert_int_equal(list[1].timeout_ms, 5000);
	assert_int_equal(list[1].priority, 7);
	assert_int_equal(list[1].max_attempts, 4);
	assert_int_equal(list[1].cause_bits,
			 1u << CAUSE_EXIT | 1u << CAUSE_TIMEOUT);
	assert_true(list[1].orphans_keep);
	assert_string_equal(list[2].queue, "\xc3\xa9{");
	assert_int_equal(list[2].timeout_ms, -1);
	assert_int_equal(list[1].max_length, -1);
	assert_int_equal(list[2].max_length, 2000);
	assert_int_equal(list[2].overflow, 1);
	assert_int_equal(list[2].priority, -1);
	assert_false(list[2].orphans_keep);
	settings_free(settings);
}

UNIT(times_are_written_as_on_the_command_line)
{
	struct settings *settings = load_text(
		"defaults: {timeout: none, expire: none, retry: {backoff: "
		"2s..1m}}\n"
		"queues:\n"
		"  a: {timeout: none, expire: none}\n"
		"  b: {retry: {backoff: 3s..5s}}\n"
		"  c: {retry: {backoff_max: 4s}}\n"
		"  d: {retry: {backoff: 5s}}\n");
	const struct job_defaults *list = settings->defaults.list;

	assert_int_equal(list[0].expire_ms, 0);
	assert_int_equal(list[0].backoff_ms, 2000);
	assert_int_equal(list[0].backoff_max_ms, 60000);
	assert_int_equal(list[1].timeout_ms, 0);
	assert_int_equal(list[1].expire_ms, 0);
	assert_int_equal(list[1].backoff_max_ms, 60000);
	assert_int_equal(list[2].backoff_ms, 3000);
	assert_int_equal(list[2].backoff_max_ms, 5000);
	assert_int_equal(list[3].backoff_ms, 2000);
	assert_int_equal(list[3].backoff_max_ms, 4000);
	assert_int_equal(list[4].backoff_ms, 5000);
	assert_int_equal(list[4].backoff_max_ms, 60000);
	settings_free(settings);
}

UNIT(the_limit_of_the_backoff_that_is_not_said_gives_way)
{
	struct settings *settings =
		load_text("defaults: {retry: {backoff: 1h}}\n");

	assert_int_equal(settings->defaults.list[0].backoff_max_ms, 3600000);
	settings_free(settings);
	settings = load_text("queues: {a: {retry: {backoff_max: 100ms}}}\n");
	assert_int_equal(settings->defaults.list[1].backoff_ms, 100);
	settings_free(settings);
}

UNIT(what_is_wrong_has_its_place)
{
	static const struct {
		const char *text, *message;
		int line, column;
	} wrong[] = {
		{"queues: {a: {retry: {backoff: 1s..2s, backoff_max: 3s}}}",
		 "retry.backoff says it already, as TIME..TIME", 1, 52},
		{"defaults: {retry: {backoff: 2s, backoff_max: 1s}}\n"
		 "queues: {a: {priority: 1}}",
		 "retry.backoff is more than retry.backoff_max", 1, 29},
		{"defaults: {retry: {backoff: 2s}}\n"
		 "queues: {a: {retry: {backoff_max: 1s}}}",
		 "retry.backoff is more than retry.backoff_max", 2, 35},
		{"defaults: {orphans: stay}",
		 "defaults.orphans 'stay': give one of: kill keep, like kill",
		 1, 21},
		{"queues: {a.b: {retry: {on: [exit, lost]}}}",
		 "retry.on 'lost': give one or more of: exit signal timeout "
		 "memory handler exec, like [exit, timeout]",
		 1, 28},
		{"queues: {a.b: {prio: 1}}",
		 "unknown key 'prio': below queues.a.b there is timeout, "
		 "grace, crash_limit, priority, expire, orphans, retry, "
		 "max_length, overflow, on_success, on_failure, "
		 "on_done",
		 1, 16},
		{"queues: {a.b: {expire: 1, \"expire\": 2}}",
		 "'queues.a.b.expire' is here already, in line 1", 1, 27},
		{"queues: {\"a\\x1fb\": {expire: 1}}",
		 "'a.b' is no name for one of the queues: a name is of 1 to "
		 "255 bytes without control characters",
		 1, 10},
		{"queus: {a: {expire: 1}}",
		 "unknown key 'queus': did you mean 'queues'?", 1, 1},
		{"queues: {a: 3}",
		 "'queues.a' is a section: below it there is timeout, grace, "
		 "crash_limit, priority, expire, orphans, retry, "
		 "max_length, overflow, on_success, on_failure, "
		 "on_done",
		 1, 13},
	};

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct settings *settings = load_text(wrong[i].text);

		assert_int_equal(settings->problem_count, 1);
		assert_string_equal(settings->problems[0].message,
				    wrong[i].message);
		assert_int_equal(settings->problems[0].line, wrong[i].line);
		assert_int_equal(settings->problems[0].column, wrong[i].column);
		settings_free(settings);
	}
}

/* More queues than one file has room for come from fragments. */
UNIT(more_queues_than_there_may_be_are_refused)
{
	char path[128], name[300];
	char *argv[1] = {NULL};
	struct settings_ask ask = {0, argv, "/", folder};
	struct settings *settings;

	snprintf(path, sizeof(path), "%s/conf.d", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	for (int file = 0; file < 5; file++) {
		FILE *out;

		snprintf(name, sizeof(name), "%s/%d.yaml", path, file);
		out = fopen(name, "w");
		assert_non_null(out);
		fprintf(out, "queues:\n");
		for (int i = 0; i < (file < 4 ? 250 : 1); i++)
			fprintf(out, "  q%d.%d: {priority: 1}\n", file, i);
		fclose(out);
	}
	assert_int_equal(settings_load(&settings, &ask), CONFIG_E_USAGE);
	assert_int_equal(settings->problem_count, 1);
	assert_string_equal(settings->problems[0].message,
			    "there are more than 1000 queues");
	assert_int_equal(settings->problems[0].line, 2);
	settings_free(settings);
	unlink(name);
	assert_int_equal(settings_load(&settings, &ask), 0);
	assert_int_equal(settings->defaults.count, 1001);
	settings_free(settings);
	for (int file = 0; file < 4; file++) {
		snprintf(name, sizeof(name), "%s/%d.yaml", path, file);
		unlink(name);
	}
	assert_int_equal(rmdir(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_all_is_built_in),
		cmocka_unit_test(a_queue_says_key_by_key_what_differs),
		cmocka_unit_test(times_are_written_as_on_the_command_line),
		cmocka_unit_test(
			the_limit_of_the_backoff_that_is_not_said_gives_way),
		cmocka_unit_test(what_is_wrong_has_its_place),
		cmocka_unit_test(more_queues_than_there_may_be_are_refused),
	};

	return cmocka_run_group_tests_name("defaults_read", tests, make_folder,
					   remove_folder);
}
