#include "daemon/worker/http_settings.h"

#include <strings.h>

#include "daemon/worker/http_names.h"

#define SECRET "secret:"
#define CONCURRENCY_MAX 4096
#define ANSWER_MAX (INT64_C(8) << 20)

static bool read_number(const char *text, int64_t min, int64_t max,
			int64_t *ret)
{
	char *end;

	*ret = strtoll(text, &end, 10);
	return end != text && !*end && *ret >= min && *ret <= max;
}

static bool read_private(const char *text, enum http_private *ret)
{
	static const char *const words[] = {"auto", "yes", "no"};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		if (strcmp(text, words[i]) != 0)
			continue;
		*ret = (enum http_private)i;
		return true;
	}
	return false;
}

static bool is(const char *word, const char *name, const char **ret_value)
{
	size_t n = strlen(name);

	if (strncmp(word, name, n) != 0 || word[n] != '=')
		return false;
	*ret_value = word + n + 1;
	return true;
}

static bool read_word(const char *word, struct http_settings *settings)
{
	const char *value;
	int64_t number;

	if (is(word, "allow_private", &value))
		return read_private(value, &settings->allow_private);
	if (is(word, "insecure_callbacks", &value)) {
		settings->insecure_callbacks = strcmp(value, "yes") == 0;
		return true;
	}
	if (is(word, "concurrency", &value) &&
	    read_number(value, 1, CONCURRENCY_MAX, &number)) {
		settings->concurrency = (int)number;
		return true;
	}
	if (is(word, "max_answer", &value) &&
	    read_number(value, 0, ANSWER_MAX, &number)) {
		settings->max_answer = (size_t)number;
		return true;
	}
	if (is(word, "proxy_login", &settings->proxy_login))
		return true;
	return is(word, "proxy", &value) || is(word, "no_proxy", &value) ||
	       strncmp(word, SECRET, strlen(SECRET)) == 0;
}

int http_settings_read(char **words, struct http_settings *ret)
{
	*ret = (struct http_settings){
		.concurrency = 1024,
		.max_answer = 1 << 20,
		.words = words,
	};
	for (char **word = words; *word; word++) {
		if (!read_word(*word, ret))
			return HTTP_SETTINGS_E_WORD;
	}
	return 0;
}

const char *http_settings_secret(const struct http_settings *settings,
				 const char *name)
{
	for (char **word = settings->words; *word; word++) {
		const char *value;

		if (strncmp(*word, SECRET, strlen(SECRET)) == 0 &&
		    is(*word + strlen(SECRET), name, &value))
			return value;
	}
	return NULL;
}

/* "example.org" and ".example.org": itself, and all below it. */
static bool is_below(struct slice host, const char *domain)
{
	size_t n;

	domain += *domain == '.';
	n = strlen(domain);
	return n && host.n >= n &&
	       strncasecmp(host.p + host.n - n, domain, n) == 0 &&
	       (host.n == n || host.p[host.n - n - 1] == '.');
}

const char *http_settings_proxy(const struct http_settings *settings,
				const char *url)
{
	struct slice host = http_names_of(url);
	const char *proxy = NULL, *value;

	for (char **word = settings->words; *word; word++) {
		if (is(*word, "proxy", &value))
			proxy = value;
		else if (is(*word, "no_proxy", &value) && is_below(host, value))
			return NULL;
	}
	return proxy;
}
