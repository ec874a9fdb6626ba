/* Pools from files: what they become, and what is refused, with its place. */
#include "daemon/config/pools_read.h"
#include "tests/unit/config/folder.h"

#ifdef REEVE_HTTP
#define OWN 1 /* the pool http, behind all that files say */
#else
#define OWN 0
#endif

/* Owned by the caller; @ret_message: of the first problem, or NULL. */
static struct settings *load(const char *text, const char **ret_message)
{
	struct settings *settings = load_text(text);
	size_t count = settings->problem_count;

	if (ret_message)
		*ret_message = count ? settings->problems[0].message : NULL;
	else
		assert_int_equal(count, 0);
	return settings;
}

UNIT(what_is_not_said_has_its_default)
{
	struct settings *settings = load("pools: {a: {run: sh, handles: h}}",
					 NULL);
	const struct pool_config *pool = settings->pools.list;

	assert_int_equal(settings->pools.count, 1 + OWN);
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
		NULL);
	const struct pool_config *pool = settings->pools.list;
	char path[128];

	/* Not there yet: the one warning. */
	assert_int_equal(settings->warning_count, 1);
	assert_int_equal(settings->warnings[0].line, 4);
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
		{"pools: {a: {run: some/where, handles: h}}", "absolute path"},
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
		{"pools: {a: {run: sh, handles: h, concurrency: 2}}",
		 "concurrency: only kind http has it"},
		{"pools: {a: {kind: lines, run: cat, handles: h, secrets: "
		 "a=/b}}",
		 "secrets: only kind http has it"},
#ifdef REEVE_HTTP
		{"pools: {a: {kind: http, handles: h, run: sh}}",
		 "kind http runs nothing"},
		{"pools: {a: {kind: http, handles: h, preload: true}}",
		 "kind http loads nothing"},
		{"pools: {http: {concurrency: 5000}}", "give a number"},
		{"pools: {http: {max_answer: 9M}}", "give a size"},
		{"pools: {http: {allow_private: maybe}}", "auto yes no"},
		{"pools: {http: {secrets: [a=b]}}", "is no NAME=/FILE"},
		{"pools: {http: {secrets: [a b=/c]}}", "is no NAME=/FILE"},
		{"pools: {http: {proxy: p:1}}", "is no http://HOST:PORT"},
		{"pools: {http: {proxy: http://p}}", "is no http://HOST:PORT"},
		{"pools: {http: {proxy: http://:1}}", "is no http://HOST:PORT"},
		{"pools: {http: {proxy: http://p:1/x}}", "is no http://HOST"},
		{"pools: {http: {proxy: http://p:1x}}", "is no http://HOST"},
		{"pools: {http: {proxy: http://p:70000}}", "is no http://HOST"},
		{"pools: {http: {proxy: ftp://p:1}}", "is no http://HOST:PORT"},
		{"pools: {http: {proxy: socks5://p:1}}", "is no http://HOST"},
		{"pools: {http: {proxy: http://u:w@p:1}}", "proxy_login"},
		{"pools: {http: {proxy: [http://p:1, http://q:1]}}",
		 "give one proxy"},
		{"pools: {http: {proxy: http://p:1, allow_private: no}}",
		 "whatever a name leads to there"},
		{"pools: {http: {proxy: http://p:1, proxy_login: x}}",
		 "absolute path"},
		{"pools: {http: {proxy: http://p:1, no_proxy: [a b]}}",
		 "'a b' is no host"},
		{"pools: {http: {proxy: http://p:1, no_proxy: [10.0.0.0/8]}}",
		 "'10.0.0.0/8' is no host"},
		{"pools: {http: {no_proxy: [a]}}", "there is no proxy"},
		{"pools: {http: {proxy_login: /a}}", "there is no proxy"},
		{"pools: {http: {workers: 1}, a: {run: sh, handles: http}}",
		 "served by pool 'http' already"},
		{"pools: {a: {run: sh, handles: http}, http: {workers: 1}}",
		 "served by pool 'a' already"},
#endif
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

/* It may be mounted, built or unpacked later: the other pools do not wait. */
UNIT(a_program_that_is_not_there_yet_is_only_warned_of)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"pools: {a: {run: /nowhere/x, handles: h}}",
		 "pool 'a': run: '/nowhere/x' cannot be started now: No such "
		 "file or directory"},
		{"pools: {a: {run: no-such-program, handles: h}}",
		 "there is no program 'no-such-program' in PATH now"},
		{"pools: {a: {run: /etc, handles: h}}", "Permission denied"},
		{"pools: {a: {run: /etc/passwd, handles: h}}",
		 "Permission denied"},
		{"pools: {a: {kind: lines, run: /nowhere/x, handles: h}}",
		 "'/nowhere/x' cannot be started now"},
		{"pools: {a: {kind: plugin, run: /nowhere/x.so, handles: h}}",
		 "'/nowhere/x.so' cannot be loaded now: No such file"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct settings *settings = load(cases[i].text, NULL);
		const struct settings_problem *warning = settings->warnings;

		assert_int_equal(settings->warning_count, 1);
		assert_non_null(strstr(warning->message, cases[i].says));
		assert_int_equal(warning->line, 1);
		assert_int_not_equal(warning->column, 0);
		assert_string_equal(settings->pools.list[0].name, "a");
		settings_free(settings);
	}
}

#ifdef REEVE_HTTP
static void expect_words(char **run, const char *const *words)
{
	size_t i = 0;

	for (; words[i]; i++)
		assert_string_equal(run[i], words[i]);
	assert_null(run[i]);
}

UNIT(the_pool_http_is_there_without_a_word)
{
	static const char *const words[] = {
		"concurrency=1024", "allow_private=auto", "max_answer=1048576",
		"insecure_callbacks=no", NULL};
	struct settings *settings = load("log: {level: info}", NULL);
	const struct pool_config *pool = settings->pools.list;

	assert_int_equal(settings->pools.count, 1);
	assert_string_equal(pool->name, "http");
	assert_int_equal(pool->kind, POOL_HTTP);
	assert_string_equal(pool->handles[0], "http");
	assert_null(pool->handles[1]);
	assert_int_equal(pool->workers_min, 0);
	assert_int_equal(pool->workers_max, 1);
	assert_int_equal(pool->idle_ms, 60000);
	expect_words(pool->run, words);
	settings_free(settings);
}

UNIT(what_is_said_of_it_changes_it)
{
	static const char *const words[] = {"concurrency=2000",
					    "allow_private=yes",
					    "max_answer=65536",
					    "insecure_callbacks=yes",
					    "secret:a=/etc/a.key",
					    "secret:b.c=/etc/b=c.key",
					    "proxy=socks5h://[::1]:1080",
					    "proxy_login=/etc/a.login",
					    "no_proxy=.intern",
					    "no_proxy=10.0.0.1",
					    NULL};
	struct settings *settings =
		load("pools:\n"
		     "  http:\n    workers: 1..2\n    concurrency: 2K\n"
		     "    allow_private: yes\n    max_answer: 64K\n"
		     "    secrets: [a=/etc/a.key, b.c=/etc/b=c.key]\n"
		     "    insecure_callbacks: yes\n"
		     "    proxy: 'socks5h://[::1]:1080'\n"
		     "    proxy_login: /etc/a.login\n"
		     "    no_proxy: [.intern, 10.0.0.1]\n"
		     "  more: {kind: http, handles: [web]}\n",
		     NULL);
	const struct pool_config *pools = settings->pools.list;

	assert_int_equal(settings->pools.count, 2);
	assert_int_equal(pools[0].kind, POOL_HTTP);
	assert_int_equal(pools[0].workers_max, 2);
	expect_words(pools[0].run, words);
	assert_int_equal(pools[1].kind, POOL_HTTP);
	assert_string_equal(pools[1].handles[0], "web");
	settings_free(settings);
}

UNIT(somebody_else_may_have_its_name_or_its_handler)
{
	struct settings *settings = load("pools: {http: {run: sh, handles: h}}",
					 NULL);

	assert_int_equal(settings->pools.count, 1);
	assert_int_equal(settings->pools.list[0].kind, POOL_WORKER);
	settings_free(settings);
	settings = load("pools: {mine: {run: sh, handles: http}}", NULL);
	assert_int_equal(settings->pools.count, 1);
	assert_string_equal(settings->pools.list[0].name, "mine");
	settings_free(settings);
}
#else
UNIT(without_libcurl_it_is_not_there_and_that_is_said)
{
	const char *message;
	struct settings *settings = load("log: {level: info}", NULL);

	assert_int_equal(settings->pools.count, 0);
	settings_free(settings);
	settings = load("pools: {http: {workers: 1}}", &message);
	assert_non_null(strstr(message, "built without libcurl"));
	settings_free(settings);
}
#endif

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
		cmocka_unit_test(
			a_program_that_is_not_there_yet_is_only_warned_of),
#ifdef REEVE_HTTP
		cmocka_unit_test(the_pool_http_is_there_without_a_word),
		cmocka_unit_test(what_is_said_of_it_changes_it),
		cmocka_unit_test(
			somebody_else_may_have_its_name_or_its_handler),
#else
		cmocka_unit_test(
			without_libcurl_it_is_not_there_and_that_is_said),
#endif
		cmocka_unit_test(more_pools_than_there_are_numbers_are_refused),
	};

	clearenv();
	return cmocka_run_group_tests_name("pools_read", tests, make_folder,
					   remove_folder);
}
