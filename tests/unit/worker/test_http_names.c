/* Who may look up a host, and who has to wait. */
#include "daemon/worker/http_names.h"
#include "tests/helper/t.h"

#define S INT64_C(1000000000)

UNIT(an_address_needs_no_look_up)
{
	static const char *const urls[] = {
		"http://127.0.0.1/",	  "https://[::1]:8080/a",
		"http://a:b@10.0.0.1:80", "http://LocalHost/x",
		"http://user@[fe80::1]/",
	};

	for (size_t i = 0; i < ARRAY_COUNT(urls); i++)
		assert_int_equal(http_names_host(urls[i]), 0);
}

UNIT(a_host_is_one_however_it_is_written)
{
	uint64_t host = http_names_host("http://example.org/");

	assert_true(host);
	assert_int_equal(http_names_host("https://a:b@c@EXAMPLE.org:8443?x"),
			 host);
	assert_true(http_names_host("http://example.com/") != host);
	assert_true(http_names_host("http://10.0.0.1.example.org/"));
}

UNIT(so_many_look_at_a_time_and_addresses_never_wait)
{
	struct http_names names = {0};
	uint64_t host = http_names_host("http://example.org/");

	for (int i = 0; i < HTTP_NAMES_LOOKING; i++) {
		assert_true(http_names_may(&names, host, 0, 0));
		http_names_look(&names);
	}
	assert_false(http_names_may(&names, host, 0, 0));
	assert_true(http_names_may(&names, 0, 1000, 0));
	http_names_give_up(&names);
	assert_true(http_names_may(&names, host, 0, 0));
	/* Those that were given up have their threads still. */
	assert_false(http_names_may(&names, host, HTTP_NAMES_LOOKING, 0));
}

UNIT(what_was_found_lately_does_not_wait_either)
{
	struct http_names names = {0};
	uint64_t host = http_names_host("http://example.org/");
	uint64_t other = http_names_host("http://example.com/");

	http_names_look(&names);
	http_names_found(&names, host, 5 * S);
	assert_int_equal(names.looking, 0);
	assert_true(http_names_may(&names, host, 1000, 34 * S));
	assert_false(http_names_may(&names, host, 1000, 36 * S));
	assert_false(http_names_may(&names, other, 1000, 6 * S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_needs_no_look_up),
		cmocka_unit_test(a_host_is_one_however_it_is_written),
		cmocka_unit_test(
			so_many_look_at_a_time_and_addresses_never_wait),
		cmocka_unit_test(what_was_found_lately_does_not_wait_either),
	};

	return cmocka_run_group_tests_name("http_names", tests, NULL, NULL);
}
