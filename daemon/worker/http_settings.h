#pragma once

/*
 * HTTP settings: what the configuration says of a pool of kind http, as the
 * supervisor hands it on: a word each behind `--` (daemon/config/pools_read).
 */

#include "proto/base.h"

enum http_private { HTTP_PRIVATE_AUTO, HTTP_PRIVATE_YES, HTTP_PRIVATE_NO };

struct http_settings {
	int concurrency; /* transfers at once, 1 .. 4096 */
	enum http_private allow_private;
	size_t max_answer;	 /* bytes of a body */
	bool insecure_callbacks; /* they may go without verification, too */
	const char *proxy_login; /* a file; NULL: none */
	/* The caller's: secrets, the proxy and who is asked without it. */
	char **words;
};

enum {
	HTTP_SETTINGS_E_WORD = 1, /* one that no supervisor of ours writes */
};

/** http_settings_read() - 0 or HTTP_SETTINGS_E_WORD; @words: NULL behind */
must_check int http_settings_read(char **words, struct http_settings *ret);

/** http_settings_proxy() - through which a URL is asked; NULL: straight */
const char *http_settings_proxy(const struct http_settings *settings,
				const char *url);

/** http_settings_secret() - the file of a secret; NULL: there is none */
const char *http_settings_secret(const struct http_settings *settings,
				 const char *name);
