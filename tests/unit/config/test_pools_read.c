/* Pools from files: what they become, and what is refused, with its place. */
#include "daemon/config/pools_read.h"
#include "tests/helper/t.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_pools_XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/r.yaml", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/x.so", folder);
	unlink(path);
	return rmdir(folder);
}

/* Owned by the caller; @ret_message: of the first problem, or NULL. */
static struct settings *load(const char *text, const char **ret_message)
{
	char path[128];
	char *argv[] = {(char *)"--config", path};
	struct settings_ask ask = {2, argv, "/", "/nowhere"};
	struct settings *settings;
	FILE *file;
	int r;

	snprintf(path, sizeof(path), "%s/r.yaml", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	r = settings_load(&settings, &ask);
	assert_int_equal(r, settings->problem_count ? CONFIG_E_USAGE : 0);
	if (ret_message)
		*ret_message = r ? settings->problems[0].message : NULL;
	else
		assert_int_equal(r, 0);
	return settings;
}

UNIT(what_is_not_said_has_its_default)
{
	struct settings *settings = load("pools: {a: {run: sh, handles: h}}",
					 NULL);
	const struct pool_config *pool = settings->pools.list;

	assert_int_equal(settings->pools.count, 1);
	assert_string_equal(pool->name, "a");
	assert_int_equal(pool->kind, POOL_WORKER);
	assert_string_equal(pool->run[0], "sh");
	assert_null(pool->run[1]);
	assert_string_equal(pool->handles[0], "h");
	assert_int_equal(pool->workers_min, 1);
	assert_true(pool->workers_max >= 1);
	assert_false(pool->preload);
	assert_int_equal(pool->idle_ms, 30000);
	assert_int_equal(pool->ready_ms, 10000);
	assert_int_equal(pool->retire_jobs, 0);
	assert_int_equal(pool->broken, POOL_BROKEN_WAIT);
	settings_free(settings);
}

UNIT(what_is_said_is_taken)
{
	struct settings *settings = load(
		"pools:\n"
		"  p:\n    kind: plugin\n    run: [./x.so, one]\n"
		"    handles: [a, b]\n    workers: 2..3\n"
		"    retire: {jobs: 5K, age: 1h, memory: 2M, jitter: 20%}\n"
		"    broken: fail\n"
		"  q: {kind: lines, run: [cat], handles: [c]}\n",
		&(const char *){NULL});
	const struct pool_config *pool = settings->pools.list;
	char path[128];

	/* Not there yet: the one problem. */
	assert_int_equal(settings->problem_count, 1);
	assert_int_equal(settings->problems[0].line, 4);
	assert_int_equal(pool->kind, POOL_PLUGIN);
	snprintf(path, sizeof(path), "%s/x.so", folder);
	assert_string_equal(pool->run[0], path);
	assert_string_equal(pool->run[1], "one");
	assert_string_equal(pool->handles[1], "b");
	assert_int_equal(pool->workers_min, 2);
	assert_int_equal(pool->workers_max, 3);
	assert_true(pool->preload);
	assert_int_equal(pool->retire_jobs, 5000);
	assert_int_equal(pool->retire_age_ms, 3600000);
	assert_int_equal(pool->retire_kib, 2048);
	assert_true(pool->retire_jitter > 0.19 && pool->retire_jitter < 0.21);
	assert_int_equal(pool->broken, POOL_BROKEN_FAIL);
	assert_int_equal(settings->pools.list[1].kind, POOL_LINES);
	settings_free(settings);
}

UNIT(what_cannot_be_is_refused_and_says_why)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"pools: {a: {handles: h}}", "it has no 'run'"},
		{"pools: {a: {run: sh}}", "it has no 'handles'"},
		{"pools: {a: {run: /nowhere/x, handles: h}}", "chmod +x"},
		{"pools: {a: {run: no-such-program, handles: h}}", "in PATH"},
		{"pools: {a: {run: /etc, handles: h}}", "chmod +x"},
		{"pools: {a: {run: sh, handles: exec}}", "not exec"},
		{"pools: {a: {run: sh, handles: a b}}", "without blanks"},
		{"pools: {a: {run: sh, handles: [h, h]}}", "there twice"},
		{"pools: {a: {run: sh, handles: h}, b: {run: sh, handles: h}}",
		 "served by pool 'a' already"},
		{"pools: {a: {kind: lines, run: cat, handles: h, preload: "
		 "true}}",
		 "cannot be forked"},
		{"pools: {a: {kind: plugin, run: sh, handles: h}}",
		 "absolute path of a shared object"},
		{"pools: {a: {run: sh, handles: h, workers: 0}}",
		 "workers '0': give how many"},
		{"pools: {a: {run: sh, handles: h, idle: never}}",
		 "idle 'never': give a time"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const char *message;
		struct settings *settings = load(cases[i].text, &message);

		if (!message || !strstr(message, cases[i].says))
			fail_msg("%s: '%s', and not '%s'", cases[i].text,
				 message ? message : "taken", cases[i].says);
		assert_int_equal(settings->problems[0].line, 1);
		settings_free(settings);
	}
}

UNIT(more_pools_than_there_are_numbers_are_refused)
{
	static char text[8192];
	size_t n = (size_t)snprintf(text, sizeof(text), "pools:\n");
	struct settings *settings;
	const char *message;

	for (int i = 0; i < 64; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      " p%d: {run: sh, handles: h%d}\n", i, i);
	settings = load(text, &message);
	assert_string_equal(message, "there are more than 63 pools");
	settings_free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_has_its_default),
		cmocka_unit_test(what_is_said_is_taken),
		cmocka_unit_test(what_cannot_be_is_refused_and_says_why),
		cmocka_unit_test(more_pools_than_there_are_numbers_are_refused),
	};

	clearenv();
	return cmocka_run_group_tests_name("pools_read", tests, make_folder,
					   remove_folder);
}
