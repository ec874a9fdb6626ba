/* Layers one over the other, from real files in a folder of its own. */
#include "daemon/config/report.h"
#include "daemon/config/settings.h"
#include "proto/json_in.h"
#include "tests/helper/t.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];
static struct settings *settings;

static int make_base(__attribute__((unused)) void **state)
{
	char path[128];

	clearenv();
	snprintf(base, sizeof(base), "/tmp/reeve-unit-XXXXXX");
	assert_non_null(mkdtemp(base));
	setenv("HOME", base, 1);
	for (const char *const *name =
		     (const char *const[]){"etc", "etc/conf.d", ".config",
					   ".config/reeve", NULL};
	     *name; name++) {
		snprintf(path, sizeof(path), "%s/%s", base, *name);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	return 0;
}

static int remove_one(const char *path,
		      __attribute__((unused)) const struct stat *st,
		      __attribute__((unused)) int type,
		      __attribute__((unused)) struct FTW *at)
{
	return remove(path);
}

static int remove_base(__attribute__((unused)) void **state)
{
	settings_free(settings);
	settings = NULL;
	return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *in_base(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(in_base(name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(in_base(name), 0600), 0);
}

static int load(int argc, const char **argv)
{
	char folder[80];
	struct settings_ask ask = {argc, (char **)argv, base, folder};

	snprintf(folder, sizeof(folder), "%s/etc", base);
	settings_free(settings);
	settings = NULL;
	return settings_load(&settings, &ask);
}

#define LOAD(...)                                                              \
	load(ARRAY_COUNT(((const char *[]){__VA_ARGS__})),                     \
	     (const char *[]){__VA_ARGS__})

static void assert_origin(enum table_key key, const char *origin)
{
	char text[SETTINGS_ORIGIN_BYTES];

	settings_origin(settings, key, text);
	assert_string_equal(text, origin);
}

static const char *first_problem(void)
{
	static char text[1024];

	assert_true(settings->problem_count > 0);
	settings_problem_text(settings, &settings->problems[0], text,
			      sizeof(text));
	return text;
}

UNIT(without_files_the_defaults_hold)
{
	assert_int_equal(load(0, NULL), 0);
	assert_int_equal(settings->file_count, 0);
	assert_int_equal(settings->config.grace_ms, 10000);
	assert_int_equal(settings->config.keep_jobs, 1000000);
	assert_origin(TABLE_GRACE, "default");
}

UNIT(each_layer_outdoes_those_before_it)
{
	put("etc/reeve.yaml", "defaults: {grace: 1s}\n"
			      "store: {keep: {done: 1d, failed: 1d}}\n"
			      "log: {level: debug}\noutput: {keep: 1M}\n");
	put("etc/conf.d/20.yaml", "store: {keep: {done: 3d}}\n");
	put("etc/conf.d/10.yaml", "store: {keep: {done: 2d, failed: 2d}}\n");
	put("etc/conf.d/30.yaml~", "nonsense\n");
	put("etc/conf.d/.40.yaml", "nonsense\n");
	put(".config/reeve/reeve.yaml", "\noutput: {keep: 2M}\n");
	assert_int_equal(LOAD("--log-level=error"), 0);
	assert_int_equal(settings->file_count, 4);
	assert_int_equal(settings->config.grace_ms, 1000);
	assert_int_equal(settings->config.keep_succeeded_ms, 3 * 86400000);
	assert_int_equal(settings->config.keep_failed_ms, 2 * 86400000);
	assert_int_equal(settings->config.output_bytes, 2 * 1024 * 1024);
	assert_int_equal(settings->config.log_level, LOG_ERROR);
	assert_origin(TABLE_GRACE, in_base("etc/reeve.yaml:1"));
	assert_origin(TABLE_KEEP_SUCCEEDED, in_base("etc/conf.d/20.yaml:1"));
	assert_origin(TABLE_OUTPUT_MAX, in_base(".config/reeve/reeve.yaml:2"));
	assert_origin(TABLE_LOG_LEVEL, "--log-level");
}

UNIT(a_named_file_stands_for_the_users)
{
	put(".config/reeve/reeve.yaml", "defaults: {grace: 1s}\n");
	put("mine.yaml", "defaults: {grace: 2s}\n");
	put("other.yaml", "defaults: {grace: 3s}\n");
	assert_int_equal(LOAD("--config", "mine.yaml"), 0);
	assert_int_equal(settings->config.grace_ms, 2000);
	setenv("REEVE_CONFIG", in_base("other.yaml"), 1);
	assert_int_equal(load(0, NULL), 0);
	assert_int_equal(settings->config.grace_ms, 3000);
	assert_int_equal(LOAD("--config=mine.yaml"), 0);
	assert_int_equal(settings->config.grace_ms, 2000);
}

UNIT(a_named_file_has_to_be_there)
{
	assert_int_equal(LOAD("--config", "nowhere.yaml"), CONFIG_E_USAGE);
	assert_non_null(strstr(first_problem(), "nowhere.yaml: cannot be "
						"read: No such file"));
	assert_int_equal(LOAD("--config="), CONFIG_E_USAGE);
	assert_int_equal(LOAD("--config"), CONFIG_E_USAGE);
	setenv("REEVE_CONFIG", "/nowhere/at/all", 1);
	assert_int_equal(load(0, NULL), CONFIG_E_USAGE);
}

UNIT(a_file_that_is_none_is_refused)
{
	assert_int_equal(mkdir(in_base("folder.yaml"), 0700), 0);
	assert_int_equal(LOAD("--config", "folder.yaml"), CONFIG_E_USAGE);
	assert_non_null(strstr(first_problem(), "is not a regular file"));
	assert_int_equal(mkfifo(in_base("fifo.yaml"), 0600), 0);
	assert_int_equal(LOAD("--config", "fifo.yaml"), CONFIG_E_USAGE);
	put("open.yaml", "log: {level: info}\n");
	assert_int_equal(chmod(in_base("open.yaml"), 0666), 0);
	assert_int_equal(LOAD("--config", "open.yaml"), CONFIG_E_USAGE);
	assert_non_null(strstr(first_problem(), "by everybody"));
	put("long.yaml", "");
	assert_int_equal(truncate(in_base("long.yaml"), 64 * 1024 + 1), 0);
	assert_int_equal(LOAD("--config", "long.yaml"), CONFIG_E_USAGE);
	assert_non_null(strstr(first_problem(), "longer than 64K"));
}

UNIT(problems_of_all_files_and_flags_are_gathered)
{
	put("etc/reeve.yaml", "stroe: 1\ndefaults: {grace: x}\n");
	put(".config/reeve/reeve.yaml", "log:\n  level: loud\n");
	setenv("REEVE_SOCKET", "/x/s", 1);
	assert_int_equal(LOAD("--workers", "0"), CONFIG_E_USAGE);
	assert_int_equal(settings->problem_count, 4);
	assert_non_null(strstr(first_problem(),
			       "etc/reeve.yaml:1:1: unknown key 'stroe'"));
	assert_int_equal(settings->problems[2].line, 2);
	assert_int_equal(settings->problems[2].column, 10);
	assert_int_equal(settings->problems[3].file, -1);
	assert_string_equal(settings->problems[3].message,
			    "--workers '0': give a number from 1 to 4096 or "
			    "cpus");
}

UNIT(more_problems_than_are_kept_are_counted)
{
	FILE *file = fopen(in_base("etc/reeve.yaml"), "w");

	assert_non_null(file);
	for (int i = 0; i < 100; i++)
		fprintf(file, "key%d: 1\n", i);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(load(0, NULL), CONFIG_E_USAGE);
	assert_int_equal(settings->problem_count, 100);
}

UNIT(a_folder_named_above_its_sockets_brings_its_own)
{
	put("etc/reeve.yaml", "listen: {socket: /a/s, workers: /a/w}\n");
	assert_int_equal(load(0, NULL), 0);
	assert_string_equal(settings->config.socket, "/a/s");
	assert_int_equal(LOAD("--runtime-dir=/b"), 0);
	assert_string_equal(settings->config.socket, "/b/reeve.sock");
	assert_string_equal(settings->config.worker_socket, "/b/worker.sock");
	assert_origin(TABLE_SOCKET, "default");
	assert_int_equal(LOAD("--runtime-dir=/b", "--socket=/c/s"), 0);
	assert_string_equal(settings->config.socket, "/c/s");
	put(".config/reeve/reeve.yaml", "listen: {path: /d}\n");
	assert_int_equal(load(0, NULL), 0);
	assert_string_equal(settings->config.socket, "/d/reeve.sock");
	setenv("REEVE_SOCKET", "/e/s", 1);
	assert_int_equal(load(0, NULL), 0);
	assert_string_equal(settings->config.socket, "/e/s");
	assert_origin(TABLE_SOCKET, "REEVE_SOCKET");
}

UNIT(a_key_of_a_higher_layer_can_be_auto_again)
{
	put("etc/reeve.yaml", "store: {path: /a}\npools: {exec: {workers: "
			      "7}}\n");
	put(".config/reeve/reeve.yaml",
	    "store: {path: auto}\npools: {exec: {workers: cpus}}\n");
	assert_int_equal(load(0, NULL), 0);
	assert_string_equal(settings->config.state_dir,
			    in_base(".local/state/reeve"));
	assert_true(settings->config.workers >= 1);
}

UNIT(too_many_fragments_are_refused)
{
	char name[64];

	for (int i = 0; i < 65; i++) {
		snprintf(name, sizeof(name), "etc/conf.d/%02d.yaml", i);
		put(name, "log: {level: info}\n");
	}
	assert_int_equal(load(0, NULL), CONFIG_E_USAGE);
	assert_non_null(strstr(first_problem(), "at most 64"));
}

UNIT(roles_read_no_file_at_all)
{
	struct settings_ask ask = {0, NULL, base, NULL};

	put(".config/reeve/reeve.yaml", "nonsense\n");
	setenv("REEVE_CONFIG", "/nowhere", 1);
	assert_int_equal(settings_load(&settings, &ask), 0);
	assert_int_equal(settings->file_count, 0);
}

UNIT(the_report_is_json_and_says_what_differs)
{
	struct json_out out = {0};
	struct json_fault fault;
	struct report_force force;
	struct settings *old;

	assert_int_equal(LOAD("--state-dir=/\"x\\\x7f"), 0);
	old = TAKE(settings);
	force = (struct report_force){old, old};
	put("etc/reeve.yaml", "defaults: {grace: 1s}\n");
	assert_int_equal(LOAD("--state-dir=/y", "--check=json"), 0);
	assert_int_equal(settings->task, SETTINGS_CHECK_JSON);
	json_out_object(&out);
	assert_int_equal(report_changes(&out, &force, settings), 2);
	force = (struct report_force){old, settings};
	report_settings(&out, &force);
	report_problems(&out, settings);
	json_out_object_end(&out);
	assert_true(json_out_ok(&out));
	assert_int_equal(json_check(json_out_slice(&out), &fault), 0);
	json_out_byte(&out, '\0');
	assert_non_null(strstr(out.p, "\"changed\":[\"defaults.grace\"],"
				      "\"needs_restart\":[\"store.path\"]"));
	assert_non_null(strstr(out.p, "\"from\":\"10s\",\"to\":\"1s\""));
	assert_non_null(strstr(out.p, "\"live\":false,\"pending\":\"/y\"}"));
	json_out_fini(&out);
	settings_free(old);
}

/* What is in force, and what @text would make of it. */
static char *changes_to(const char *text, struct settings *old)
{
	struct json_out out = {0};
	struct report_force force = {old, old};

	put("etc/reeve.yaml", text);
	assert_int_equal(load(0, NULL), 0);
	json_out_object(&out);
	report_changes(&out, &force, settings);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	assert_true(json_out_ok(&out));
	return out.p;
}

UNIT(a_pool_that_comes_or_goes_has_no_defaults)
{
	const char *with = "pools: {img: {kind: lines, run: [/bin/cat], "
			   "handles: [x]}}\n";
	struct settings *old;
	char *text;

	put("etc/reeve.yaml", "log: {level: info}\n");
	assert_int_equal(load(0, NULL), 0);
	old = TAKE(settings);
	text = changes_to(with, old);
	assert_non_null(strstr(text, "{\"key\":\"pools.img.kind\",\"from\":"
				     "\"(none)\",\"to\":\"lines\","));
	free(text);
	settings_free(old);
	old = TAKE(settings);
	text = changes_to("log: {level: info}\n", old);
	assert_non_null(strstr(text, "{\"key\":\"pools.img.kind\",\"from\":"
				     "\"lines\",\"to\":\"(none)\","
				     "\"origin\":\"removed\""));
	free(text);
	settings_free(old);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, make_base, remove_base)
	const struct CMUnitTest tests[] = {
		EACH(a_pool_that_comes_or_goes_has_no_defaults),
		EACH(without_files_the_defaults_hold),
		EACH(each_layer_outdoes_those_before_it),
		EACH(a_named_file_stands_for_the_users),
		EACH(a_named_file_has_to_be_there),
		EACH(a_file_that_is_none_is_refused),
		EACH(problems_of_all_files_and_flags_are_gathered),
		EACH(more_problems_than_are_kept_are_counted),
		EACH(a_folder_named_above_its_sockets_brings_its_own),
		EACH(a_key_of_a_higher_layer_can_be_auto_again),
		EACH(too_many_fragments_are_refused),
		EACH(roles_read_no_file_at_all),
		EACH(the_report_is_json_and_says_what_differs),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
