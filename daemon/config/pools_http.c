#include "daemon/config/pools_http.h"

#include "daemon/config/layers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SECRET_NAME_BYTES 64
#define WORDS 4
#define HOST_BYTES                                                             \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

static const struct named_entry *said(const struct settings *settings,
				      const struct pool_config *pool,
				      enum named_key key)
{
	return named_get(&settings->named, key, pool->name);
}

static void wrong(struct settings *settings, const struct pool_config *pool,
		  const struct named_entry *entry, const char *what)
{
	char text[400];

	snprintf(text, sizeof(text), "pool '%s': %s", pool->name, what);
	layers_problem_at(settings, entry, text);
}

/* As it is written, or the default; both can be read. */
static const char *text_of(const struct settings *settings,
			   const struct pool_config *pool, enum named_key key)
{
	const struct named_entry *entry = said(settings, pool, key);

	return entry ? entry->items[0] : named_rows[key].fallback;
}

static int64_t number_of(const struct settings *settings,
			 const struct pool_config *pool, enum named_key key)
{
	char fault[NAMED_FAULT_BYTES];
	struct named_value value;

	require(named_read(&named_rows[key], text_of(settings, pool, key),
			   &value, fault));
	return value.min;
}

/* "NAME=/path". Whether it can be read the requests will see: its owner may
 * not have written it yet. */
static void check_secret(struct settings *settings,
			 const struct pool_config *pool,
			 const struct named_entry *entry, const char *item)
{
	size_t n = strspn(item, HOST_BYTES);
	char text[300];

	if (n && n <= SECRET_NAME_BYTES && item[n] == '=' && item[n + 1] == '/')
		return;
	snprintf(text, sizeof(text),
		 "secrets: '%.100s' is no NAME=/FILE: the name is of letters, "
		 "digits, '-', '_' and '.', the path is absolute",
		 item);
	wrong(settings, pool, entry, text);
}

/* "http://HOST:PORT" and nothing behind it. libcurl would take 1080 for a port
 * that is not said, and its words would be in every list of processes. */
static bool is_proxy(const char *text)
{
	static const char *const schemes[] = {"http://", "https://",
					      "socks5h://"};
	const char *host = NULL, *port;
	size_t n;

	for (size_t i = 0; !host && i < ARRAY_COUNT(schemes); i++) {
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
			host = text + strlen(schemes[i]);
	}
	if (!host)
		return false;
	n = *host == '[' ? 2 + strspn(host + 1, "0123456789abcdefABCDEF:.")
			 : strspn(host, HOST_BYTES);
	if (!n || (*host == '[' && host[n - 1] != ']') || host[n] != ':')
		return false;
	port = host + n + 1;
	n = strspn(port, "0123456789");
	return n && n <= 5 && !port[n] && atoi(port) >= 1 &&
	       atoi(port) <= 65535;
}

static void check_proxy(struct settings *settings,
			const struct pool_config *pool,
			const struct named_entry *proxy)
{
	char text[300];

	if (proxy->items[0] && proxy->items[1]) {
		wrong(settings, pool, proxy, "proxy: give one proxy");
		return;
	}
	if (strcmp(text_of(settings, pool, NAMED_POOL_ALLOW_PRIVATE), "no") ==
	    0)
		wrong(settings, pool, proxy,
		      "proxy: allow_private 'no' cannot hold, whatever a name "
		      "leads to there: leave out the one or the other");
	if (!proxy->items[0] || is_proxy(proxy->items[0]))
		return;
	snprintf(text, sizeof(text),
		 "proxy: '%.100s' is no http://HOST:PORT, and none with https "
		 "or socks5h; user and password are in the file of proxy_login",
		 proxy->items[0]);
	wrong(settings, pool, proxy, text);
}

static void check_beside(struct settings *settings,
			 const struct pool_config *pool, bool proxied)
{
	const struct named_entry *login = said(settings, pool,
					       NAMED_POOL_PROXY_LOGIN);
	const struct named_entry *none = said(settings, pool,
					      NAMED_POOL_NO_PROXY);

	if (login && login->items[0] && !proxied)
		wrong(settings, pool, login, "proxy_login: there is no proxy");
	else if (login && login->items[0] &&
		 (login->items[0][0] != '/' || login->items[1]))
		wrong(settings, pool, login,
		      "proxy_login: give the absolute path of one file");
	if (none && none->items[0] && !proxied)
		wrong(settings, pool, none, "no_proxy: there is no proxy");
	for (char **item = none ? none->items : NULL; item && *item; item++) {
		char text[300];

		if (**item && !(*item)[strspn(*item, HOST_BYTES ":")])
			continue;
		snprintf(text, sizeof(text),
			 "no_proxy: '%.100s' is no host, like localhost, "
			 "10.0.0.1, or .intern for all below it",
			 *item);
		wrong(settings, pool, none, text);
	}
}

static void check(struct settings *settings, const struct pool_config *pool)
{
	const struct named_entry *run = said(settings, pool, NAMED_POOL_RUN);
	const struct named_entry *preload = said(settings, pool,
						 NAMED_POOL_PRELOAD);
	const struct named_entry *secrets = said(settings, pool,
						 NAMED_POOL_SECRETS);
	const struct named_entry *proxy = said(settings, pool,
					       NAMED_POOL_PROXY);

	if (proxy && proxy->items[0])
		check_proxy(settings, pool, proxy);
	check_beside(settings, pool, proxy && proxy->items[0]);
	if (run)
		wrong(settings, pool, run,
		      "run: kind http runs nothing but what reeved has in it");
	if (preload)
		wrong(settings, pool, preload,
		      "preload: kind http loads nothing, leave it out");
	for (char **item = secrets ? secrets->items : NULL; item && *item;
	     item++)
		check_secret(settings, pool, secrets, *item);
#ifndef REEVE_HTTP
	for (size_t i = 0; i < settings->named.count; i++) {
		const struct named_entry *entry = &settings->named.list[i];

		if (!named_of(entry->key, "pools.") ||
		    strcmp(entry->name, pool->name) != 0)
			continue;
		wrong(settings, pool, entry,
		      "kind http is not in this reeved: it was built without "
		      "libcurl");
		break;
	}
#endif
}

static bool add(char **words, size_t *count, const char *format, ...)
	printf_like(3, 4);

static bool add(char **words, size_t *count, const char *format, ...)
{
	va_list list;
	int n;

	va_start(list, format);
	n = vasprintf(&words[*count], format, list);
	va_end(list);
	if (n < 0)
		words[*count] = NULL;
	else
		++*count;
	return n >= 0;
}

/* A word for each item; they are as they came. */
static const struct {
	enum named_key key;
	const char *front;
} lists[] = {
	{NAMED_POOL_SECRETS, "secret:"},
	{NAMED_POOL_PROXY, "proxy="},
	{NAMED_POOL_PROXY_LOGIN, "proxy_login="},
	{NAMED_POOL_NO_PROXY, "no_proxy="},
};

static char **items_of(const struct settings *settings,
		       const struct pool_config *pool, size_t list)
{
	static char *nothing[] = {NULL};
	const struct named_entry *entry = said(settings, pool, lists[list].key);

	return entry ? entry->items : nothing;
}

int pools_http_read(struct settings *settings, struct pool_config *pool)
{
	size_t n = 0, count = 0;

	check(settings, pool);
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
		for (char **at = items_of(settings, pool, i); *at; at++)
			n++;
	}
	pool->run = calloc(WORDS + n + 1, sizeof(*pool->run));
	if (!pool->run ||
	    !add(pool->run, &count, "concurrency=%" PRId64,
		 number_of(settings, pool, NAMED_POOL_CONCURRENCY)) ||
	    !add(pool->run, &count, "allow_private=%s",
		 text_of(settings, pool, NAMED_POOL_ALLOW_PRIVATE)) ||
	    !add(pool->run, &count, "max_answer=%" PRId64,
		 number_of(settings, pool, NAMED_POOL_MAX_ANSWER)) ||
	    !add(pool->run, &count, "insecure_callbacks=%s",
		 text_of(settings, pool, NAMED_POOL_INSECURE_CALLBACKS)))
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++) {
		for (char **at = items_of(settings, pool, i); *at; at++) {
			if (!add(pool->run, &count, "%s%s", lists[i].front,
				 *at))
				return -ENOMEM;
		}
	}
	return 0;
}

void pools_http_none(struct settings *settings, const struct pool_config *pool)
{
	for (enum named_key key = NAMED_POOL_CONCURRENCY; key < NAMED_KEYS;
	     key++) {
		const struct named_entry *entry = said(settings, pool, key);
		char text[100];

		if (!entry)
			continue;
		snprintf(text, sizeof(text), "%s: only kind http has it",
			 strrchr(named_rows[key].key, '.') + 1);
		wrong(settings, pool, entry, text);
	}
}
