/* Which addresses are none of the public internet: the table, from both ends. */
#include "daemon/worker/http_address.h"
#include "tests/helper/t.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static const char *ask(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const char *by_text = http_address_text(text), *what;

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		what = http_address_private((struct sockaddr *)&v4, sizeof(v4));
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		what = http_address_private((struct sockaddr *)&v6, sizeof(v6));
	}
	if (!what != !by_text)
		fail_msg("%s: as text it is another one", text);
	return what;
}

UNIT(the_first_and_the_last_of_each_block_are_private)
{
	static const char *const addresses[] = {
		"0.0.0.0",
		"0.255.255.255",
		"10.0.0.0",
		"10.255.255.255",
		"100.64.0.0",
		"100.127.255.255",
		"127.0.0.1",
		"127.255.255.255",
		"168.63.129.16",
		"169.254.0.0",
		"169.254.169.254",
		"169.254.255.255",
		"172.16.0.0",
		"172.31.255.255",
		"192.0.0.1",
		"192.0.2.255",
		"192.88.99.1",
		"192.168.0.0",
		"192.168.255.255",
		"198.18.0.0",
		"198.19.255.255",
		"198.51.100.1",
		"203.0.113.1",
		"224.0.0.1",
		"239.255.255.255",
		"240.0.0.0",
		"255.255.255.255",
		"::",
		"::1",
		"::ffff:127.0.0.1",
		"::ffff:10.1.2.3",
		"::ffff:169.254.169.254",
		"::127.0.0.1",
		"64:ff9b::7f00:1",
		"64:ff9b::a00:1",
		"64:ff9b:1::808:808",
		"100::1",
		"2001::1",
		"2001:1ff:ffff::",
		"2001:db8::1",
		"2001:db8:ffff::",
		"2002:7f00:1::",
		"2002:c0a8:1::1",
		"2002:a9fe:a9fe::",
		"3fff::1",
		"3fff:fff:ffff::",
		"fc00::1",
		"fdff:ffff::1",
		"fd00:ec2::254",
		"fe80::1",
		"febf:ffff::",
		"fec0::1",
		"feff::1",
		"ff02::1",
	};

	for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
		if (!ask(addresses[i]))
			fail_msg("%s was let through", addresses[i]);
	}
}

UNIT(those_beside_them_are_public)
{
	static const char *const addresses[] = {
		"1.0.0.0",	    "9.255.255.255",
		"11.0.0.0",	    "100.63.255.255",
		"100.128.0.0",	    "126.255.255.255",
		"128.0.0.0",	    "168.63.129.15",
		"168.63.129.17",    "169.253.255.255",
		"169.255.0.0",	    "172.15.255.255",
		"172.32.0.0",	    "192.0.1.0",
		"192.0.3.0",	    "192.167.255.255",
		"192.169.0.0",	    "198.17.255.255",
		"198.20.0.0",	    "223.255.255.255",
		"8.8.8.8",	    "::ffff:8.8.8.8",
		"64:ff9b::808:808", "2002:808:808::1",
		"2001:200::1",	    "2001:4860:4860::8888",
		"2001:db9::1",	    "2600::1",
		"2a00:1450::1",	    "3ffe::1",
		"fbff::1",
	};

	for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
		if (ask(addresses[i]))
			fail_msg("%s was refused as %s", addresses[i],
				 ask(addresses[i]));
	}
}

UNIT(what_it_is_is_said)
{
	assert_string_equal(ask("127.0.0.1"), "a loopback address");
	assert_string_equal(ask("::ffff:127.0.0.1"), "a loopback address");
	assert_string_equal(ask("169.254.169.254"), "a link-local address");
	assert_string_equal(ask("168.63.129.16"), "a metadata address");
	assert_string_equal(ask("192.168.1.1"), "a private address");
}

UNIT(what_is_no_ip_address_is_private)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/x"};
	struct sockaddr_in v4 = {.sin_family = AF_INET};

	assert_non_null(
		http_address_private((struct sockaddr *)&un, sizeof(un)));
	inet_pton(AF_INET, "8.8.8.8", &v4.sin_addr);
	assert_null(http_address_private((struct sockaddr *)&v4, sizeof(v4)));
	assert_non_null(http_address_private((struct sockaddr *)&v4, 4));
	assert_non_null(http_address_text(""));
	assert_non_null(http_address_text("localhost"));
	assert_non_null(http_address_text("2600::1%eth0"));
	assert_non_null(http_address_text("0x7f.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_first_and_the_last_of_each_block_are_private),
		cmocka_unit_test(those_beside_them_are_public),
		cmocka_unit_test(what_it_is_is_said),
		cmocka_unit_test(what_is_no_ip_address_is_private),
	};

	return cmocka_run_group_tests_name("http_address", tests, NULL, NULL);
}
