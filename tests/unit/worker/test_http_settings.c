/* What the supervisor hands on of a pool of kind http. */
#include "daemon/worker/http_settings.h"
#include "tests/helper/t.h"

UNIT(nothing_said_is_the_default)
{
	char *words[] = {NULL};
	struct http_settings settings;

	assert_int_equal(http_settings_read(words, &settings), 0);
	assert_int_equal(settings.concurrency, 1024);
	assert_int_equal(settings.allow_private, HTTP_PRIVATE_AUTO);
	assert_int_equal(settings.max_answer, 1 << 20);
	assert_false(settings.insecure_callbacks);
	assert_null(http_settings_secret(&settings, "a"));
}

UNIT(what_is_said_is_taken)
{
	char *words[] = {(char *)"concurrency=7",
			 (char *)"allow_private=no",
			 (char *)"max_answer=0",
			 (char *)"insecure_callbacks=yes",
			 (char *)"secret:a=/x=y",
			 (char *)"secret:ab=/z",
			 NULL};
	struct http_settings settings;

	assert_int_equal(http_settings_read(words, &settings), 0);
	assert_int_equal(settings.concurrency, 7);
	assert_int_equal(settings.allow_private, HTTP_PRIVATE_NO);
	assert_int_equal(settings.max_answer, 0);
	assert_true(settings.insecure_callbacks);
	assert_string_equal(http_settings_secret(&settings, "a"), "/x=y");
	assert_string_equal(http_settings_secret(&settings, "ab"), "/z");
	assert_null(http_settings_secret(&settings, "b"));
	assert_null(http_settings_secret(&settings, ""));
}

UNIT(a_proxy_is_for_every_host_that_is_not_named)
{
	static const char *const around[] = {
		"http://example.org",	  "https://a.EXAMPLE.org:8443/x",
		"http://u:p@example.org", "http://intern/",
		"http://10.0.0.7:80/",	  "http://[::1]/",
		"http://a.intern?x",
	};
	static const char *const through[] = {
		"http://badexample.org/",
		"http://example.org.evil/",
		"http://example.org@evil/",
		"http://evil/#@example.org",
		"http://110.0.0.7/",
		"http://evil?.intern",
		"https://example.com/intern/",
		"http://[::2]/",
		"http://[::11]/",
	};
	char *words[] = {(char *)"proxy=http://p:3128",
			 (char *)"proxy_login=/x",
			 (char *)"no_proxy=example.org",
			 (char *)"no_proxy=.intern",
			 (char *)"no_proxy=10.0.0.7",
			 (char *)"no_proxy=::1",
			 NULL};
	struct http_settings settings;

	assert_int_equal(http_settings_read(words, &settings), 0);
	assert_string_equal(settings.proxy_login, "/x");
	for (size_t i = 0; i < ARRAY_COUNT(around); i++) {
		if (http_settings_proxy(&settings, around[i]))
			fail_msg("%s goes through it", around[i]);
	}
	for (size_t i = 0; i < ARRAY_COUNT(through); i++) {
		if (!http_settings_proxy(&settings, through[i]))
			fail_msg("%s goes around it", through[i]);
	}
	words[0] = NULL;
	assert_int_equal(http_settings_read(words, &settings), 0);
	assert_null(http_settings_proxy(&settings, through[0]));
}

UNIT(what_nobody_of_ours_says_is_refused)
{
	static const char *const bad[] = {
		"concurrency=0",  "concurrency=4097", "concurrency=x",
		"concurrency=",	  "max_answer=-1",    "max_answer=8388609",
		"max_answer=1k",  "allow_private=?",  "concurrency",
		"something=else",
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		char *words[] = {(char *)(uintptr_t)bad[i], NULL};
		struct http_settings settings;

		if (http_settings_read(words, &settings) == 0)
			fail_msg("'%s' was taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said_is_the_default),
		cmocka_unit_test(what_is_said_is_taken),
		cmocka_unit_test(a_proxy_is_for_every_host_that_is_not_named),
		cmocka_unit_test(what_nobody_of_ours_says_is_refused),
	};

	return cmocka_run_group_tests_name("http_settings", tests, NULL, NULL);
}
