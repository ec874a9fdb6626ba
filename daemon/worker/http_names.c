#include "daemon/worker/http_names.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

/* Behind the scheme: "user:word@HOST:port/path". */
struct slice http_names_of(const char *url)
{
	const char *at = strstr(url, "://");
	size_t n;

	if (!at)
		return (struct slice){url, 0};
	at += 3;
	n = strcspn(at, "/?#");
	for (size_t i = n; i > 0; i--) {
		if (at[i - 1] != '@')
			continue;
		at += i;
		n -= i;
		break;
	}
	if (n && *at == '[')
		return (struct slice){at + 1, strcspn(at + 1, "]/?#")};
	return (struct slice){at, strcspn(at, ":/?#")};
}

static bool is_address(struct slice host)
{
	char text[64];
	struct in_addr address;

	/* One of IPv6 has them. */
	if (!host.n || memchr(host.p, ':', host.n))
		return true;
	if (host.n >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)host.n, host.p);
	return inet_aton(text, &address) || strcasecmp(text, "localhost") == 0;
}

/* FNV-1a. Two of one number only cost a thread more. */
uint64_t http_names_host(const char *url)
{
	struct slice host = http_names_of(url);
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	if (is_address(host))
		return 0;
	for (size_t i = 0; i < host.n; i++) {
		unsigned char c = (unsigned char)host.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c - 'A' + 'a');
		hash = (hash ^ c) * UINT64_C(0x100000001b3);
	}
	return hash ? hash : 1;
}

bool http_names_may(const struct http_names *names, uint64_t host, int threads,
		    int64_t now_ns)
{
	size_t at = host % HTTP_NAMES_KNOWN;

	if (!host || (names->known[at].host == host &&
		      now_ns < names->known[at].until_ns))
		return true;
	return names->looking < HTTP_NAMES_LOOKING &&
	       threads < HTTP_NAMES_LOOKING;
}

void http_names_look(struct http_names *names)
{
	names->looking++;
}

void http_names_give_up(struct http_names *names)
{
	require(names->looking > 0);
	names->looking--;
}

void http_names_found(struct http_names *names, uint64_t host, int64_t now_ns)
{
	size_t at = host % HTTP_NAMES_KNOWN;

	http_names_give_up(names);
	names->known[at].host = host;
	names->known[at].until_ns = now_ns + HTTP_NAMES_KNOWN_NS;
}
