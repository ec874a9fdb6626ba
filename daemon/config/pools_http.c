#include "daemon/config/pools_http.h"

#include "daemon/config/layers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define SECRET_NAME_BYTES 64
#define WORDS 4

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
	size_t n = strspn(item, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
	char text[300];

	if (n && n <= SECRET_NAME_BYTES && item[n] == '=' && item[n + 1] == '/')
		return;
	snprintf(text, sizeof(text),
		 "secrets: '%.100s' is no NAME=/FILE: the name is of letters, "
		 "digits, '-', '_' and '.', the path is absolute",
		 item);
	wrong(settings, pool, entry, text);
}

static void check(struct settings *settings, const struct pool_config *pool)
{
	const struct named_entry *run = said(settings, pool, NAMED_POOL_RUN);
	const struct named_entry *preload = said(settings, pool,
						 NAMED_POOL_PRELOAD);
	const struct named_entry *secrets = said(settings, pool,
						 NAMED_POOL_SECRETS);

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

int pools_http_read(struct settings *settings, struct pool_config *pool)
{
	const struct named_entry *secrets = said(settings, pool,
						 NAMED_POOL_SECRETS);
	size_t n = 0, count = 0;

	check(settings, pool);
	while (secrets && secrets->items[n])
		n++;
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
	for (size_t i = 0; i < n; i++) {
		if (!add(pool->run, &count, "secret:%s", secrets->items[i]))
			return -ENOMEM;
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
