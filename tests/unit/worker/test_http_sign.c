/* Signatures, by the vectors of RFC 4231, and secrets as files have them. */
#include "daemon/worker/http_sign.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void expect(struct slice secret, struct slice data, const char *hex)
{
	/* In two parts: it is one text all the same. */
	const struct slice parts[] = {
		{data.p, data.n / 2},
		{data.p + data.n / 2, data.n - data.n / 2}};
	uint8_t hash[32];
	char got[65];

	http_sign_hmac(secret, parts, 2, hash);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(got + 2 * i, 3, "%02x", hash[i]);
	assert_string_equal(got, hex);
}

UNIT(it_is_the_hmac_of_the_rfc)
{
	char key[131], data[50];

	memset(key, 0x0b, 20);
	expect((struct slice){key, 20}, SLICE("Hi There"),
	       "b0344c61d8db38535ca8afceaf0bf12b"
	       "881dc200c9833da726e9376c2e32cff7");
	expect(SLICE("Jefe"), SLICE("what do ya want for nothing?"),
	       "5bdcc146bf60754e6a042426089575c7"
	       "5a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	expect((struct slice){key, 20}, (struct slice){data, 50},
	       "773ea91e36800e46854db8ebd09181a7"
	       "2959098b3ef8c122d9635514ced565fe");
	/* Longer than a block: its hash is the key. */
	expect((struct slice){key, 131},
	       SLICE("Test Using Larger Than Block-Size Key - Hash Key First"),
	       "60e431591ee0b67f0d8a26aacbf5b77f"
	       "8e0bc6213728c5140546040f0ee37f54");
}

UNIT(the_header_says_when_and_what)
{
	char value[HTTP_SIGN_BYTES];

	/* printf '1760000000.{"a":1}' | openssl dgst -sha256 -hmac secret */
	http_sign(SLICE("secret"), 1760000000, SLICE("{\"a\":1}"), value);
	assert_string_equal(value, "t=1760000000,v1="
				   "b6c2583f8204bec09d6388c3b4ef4be1"
				   "21e880606c4f1b491d6f295dc76b09c9");
	http_sign(SLICE("secret"), 1760000000, (struct slice){0}, value);
	assert_string_equal(value, "t=1760000000,v1="
				   "76cd6dec60a3bf595293228567ee2dd1"
				   "0dd173d08b3f95303d939d3bd6cb8e7e");
}

static int read_secret(struct slice text, struct slice *ret,
		       char room[HTTP_SIGN_SECRET_BYTES + 2])
{
	char path[] = "/tmp/test_http_sign_XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	close(fd);
	r = http_sign_secret(path, room, ret);
	unlink(path);
	return r;
}

UNIT(a_secret_is_its_file_without_the_newline)
{
	char room[HTTP_SIGN_SECRET_BYTES + 2], long_one[4098];
	struct slice secret;

	assert_int_equal(read_secret(SLICE(" a\0b \r\n\n"), &secret, room), 0);
	assert_true(slice_equal(secret, SLICE(" a\0b ")));
	assert_int_equal(read_secret(SLICE("\n"), &secret, room),
			 HTTP_SIGN_E_FORM);
	assert_int_equal(read_secret(SLICE(""), &secret, room),
			 HTTP_SIGN_E_FORM);
	memset(long_one, 'x', sizeof(long_one));
	assert_int_equal(
		read_secret((struct slice){long_one, 4096}, &secret, room), 0);
	assert_int_equal(secret.n, 4096);
	assert_int_equal(
		read_secret((struct slice){long_one, 4097}, &secret, room),
		HTTP_SIGN_E_FORM);
	assert_int_equal(http_sign_secret("/nowhere/x", room, &secret),
			 -ENOENT);
	assert_int_equal(http_sign_secret("/", room, &secret), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_hmac_of_the_rfc),
		cmocka_unit_test(the_header_says_when_and_what),
		cmocka_unit_test(a_secret_is_its_file_without_the_newline),
	};

	return cmocka_run_group_tests_name("http_sign", tests, NULL, NULL);
}
