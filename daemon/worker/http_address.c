#include "daemon/worker/http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

struct block {
	uint8_t bytes[16];
	unsigned bits;
	const char *what;
};

/* IANA's special purpose addresses, and where clouds tell machines of
 * themselves. */
static const struct block blocks4[] = {
	{{0}, 8, "an address of this host"},
	{{10}, 8, "a private address"},
	{{100, 64}, 10, "a private address"},
	{{127}, 8, "a loopback address"},
	{{168, 63, 129, 16}, 32, "a metadata address"},
	{{169, 254}, 16, "a link-local address"},
	{{172, 16}, 12, "a private address"},
	{{192, 0, 0}, 24, "a reserved address"},
	{{192, 0, 2}, 24, "a reserved address"},
	{{192, 88, 99}, 24, "a reserved address"},
	{{192, 168}, 16, "a private address"},
	{{198, 18}, 15, "a private address"},
	{{198, 51, 100}, 24, "a reserved address"},
	{{203, 0, 113}, 24, "a reserved address"},
	{{224}, 4, "a multicast address"},
	{{240}, 4, "a reserved address"},
};

static const struct block blocks6[] = {
	{{0}, 128, "an address of this host"},
	{{[15] = 1}, 128, "a loopback address"},
	{{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48, "a private address"},
	{{0x01}, 64, "a reserved address"},
	{{0x20, 0x01, 0x0d, 0xb8}, 32, "a reserved address"},
	{{0x20, 0x01}, 23, "a reserved address"},
	{{0x3f, 0xff}, 20, "a reserved address"},
	{{0xfc}, 7, "a private address"},
	{{0xfe, 0x80}, 10, "a link-local address"},
	{{0xfe, 0xc0}, 10, "a private address"},
	{{0xff}, 8, "a multicast address"},
};

/* Where the IPv4 address lies in one that has this front. */
static const struct {
	struct block front;
	size_t at;
} inner[] = {
	{{{[10] = 0xff, [11] = 0xff}, 96, NULL}, 12},
	{{{0x00, 0x64, 0xff, 0x9b}, 96, NULL}, 12},
	{{{0}, 96, NULL}, 12},
	{{{0x20, 0x02}, 16, NULL}, 2},
};

static bool is_in(const uint8_t *address, const struct block *block)
{
	unsigned whole = block->bits / 8, rest = block->bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	return memcmp(address, block->bytes, whole) == 0 &&
	       (!rest ||
		(address[whole] & mask) == (block->bytes[whole] & mask));
}

static const char *find(const uint8_t *address, const struct block *blocks,
			size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (is_in(address, &blocks[i]))
			return blocks[i].what;
	}
	return NULL;
}

static const char *find4(const uint8_t *address)
{
	return find(address, blocks4, ARRAY_COUNT(blocks4));
}

static const char *find6(const uint8_t *address)
{
	const char *what = find(address, blocks6, ARRAY_COUNT(blocks6));

	for (size_t i = 0; !what && i < ARRAY_COUNT(inner); i++) {
		if (is_in(address, &inner[i].front))
			return find4(address + inner[i].at);
	}
	return what;
}

const char *http_address_private(const struct sockaddr *address,
				 socklen_t bytes)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET && bytes >= sizeof(v4)) {
		memcpy(&v4, address, sizeof(v4));
		return find4((const uint8_t *)&v4.sin_addr);
	}
	if (address->sa_family == AF_INET6 && bytes >= sizeof(v6)) {
		memcpy(&v6, address, sizeof(v6));
		return find6((const uint8_t *)&v6.sin6_addr);
	}
	return "no address of the internet";
}

const char *http_address_text(const char *text)
{
	uint8_t address[16];

	if (inet_pton(AF_INET, text, address) == 1)
		return find4(address);
	/* With a scope it is one of a link. */
	if (inet_pton(AF_INET6, text, address) == 1)
		return find6(address);
	return "no address of the internet";
}
