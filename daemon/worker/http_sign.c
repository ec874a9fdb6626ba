#include "daemon/worker/http_sign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sha256.h>
#include <stdio.h>
#include <unistd.h>

#define BLOCK_BYTES 64
#define HASH_BYTES 32

static void pad(const uint8_t key[BLOCK_BYTES], uint8_t with, SHA2_CTX *hash)
{
	uint8_t padded[BLOCK_BYTES];

	for (size_t i = 0; i < BLOCK_BYTES; i++)
		padded[i] = key[i] ^ with;
	SHA256Init(hash);
	SHA256Update(hash, padded, BLOCK_BYTES);
	explicit_bzero(padded, sizeof(padded));
}

void http_sign_hmac(struct slice secret, const struct slice *parts,
		    size_t count, uint8_t ret[HASH_BYTES])
{
	uint8_t key[BLOCK_BYTES] = {0};
	SHA2_CTX hash;

	if (secret.n > BLOCK_BYTES) {
		SHA256Init(&hash);
		SHA256Update(&hash, (const uint8_t *)secret.p, secret.n);
		SHA256Final(key, &hash);
	} else if (secret.n) {
		memcpy(key, secret.p, secret.n);
	}
	pad(key, 0x36, &hash);
	for (size_t i = 0; i < count; i++)
		SHA256Update(&hash, (const uint8_t *)parts[i].p, parts[i].n);
	SHA256Final(ret, &hash);
	pad(key, 0x5c, &hash);
	SHA256Update(&hash, ret, HASH_BYTES);
	SHA256Final(ret, &hash);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(&hash, sizeof(hash));
}

void http_sign(struct slice secret, int64_t now_s, struct slice body,
	       char ret[HTTP_SIGN_BYTES])
{
	char time[24];
	uint8_t hash[HASH_BYTES];
	struct slice parts[2] = {{time, 0}, body};
	int n;

	parts[0].n = (size_t)snprintf(time, sizeof(time), "%" PRId64 ".",
				      now_s);
	if (!body.p)
		parts[1] = SLICE("");
	http_sign_hmac(secret, parts, ARRAY_COUNT(parts), hash);
	n = snprintf(ret, HTTP_SIGN_BYTES, "t=%" PRId64 ",v1=", now_s);
	for (size_t i = 0; i < sizeof(hash); i++)
		n += snprintf(ret + n, HTTP_SIGN_BYTES - (size_t)n, "%02x",
			      hash[i]);
}

int http_sign_secret(const char *path, char room[HTTP_SIGN_SECRET_BYTES + 2],
		     struct slice *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t bytes = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	while (bytes < HTTP_SIGN_SECRET_BYTES + 2) {
		n = read(fd, room + bytes, HTTP_SIGN_SECRET_BYTES + 2 - bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		bytes += (size_t)n;
	}
	if (n < 0) {
		n = -errno;
		close(fd);
		return (int)n;
	}
	close(fd);
	while (bytes && (room[bytes - 1] == '\n' || room[bytes - 1] == '\r'))
		bytes--;
	if (!bytes || bytes > HTTP_SIGN_SECRET_BYTES)
		return HTTP_SIGN_E_FORM;
	*ret = (struct slice){room, bytes};
	return 0;
}
