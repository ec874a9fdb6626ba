#include "daemon/worker/transfer_proxy.h"

#include <stdio.h>

#include "daemon/worker/http_sign.h"

static void refuse(struct transfer *transfer)
{
	char message[512];

	snprintf(message, sizeof(message),
		 "%.280s is asked through the proxy of the pool: nobody here "
		 "can tell to which address that leads, and allow_private of "
		 "the pool does not let this job go everywhere",
		 transfer->args.shown);
	transfer_fail(transfer, "AddressRefused", false, message);
}

/* Somebody may mend it. */
static void fail(struct transfer *transfer, const char *why)
{
	char message[160];

	snprintf(message, sizeof(message),
		 "proxy_login: the file cannot be used: %s", why);
	transfer_fail(transfer, "BadRequest", true, message);
}

/* Libcurl takes it as a part of a URL: what it would decode is encoded. */
static void encode(struct slice login, char ret[3 * HTTP_SIGN_SECRET_BYTES + 1])
{
	const char *colon = memchr(login.p, ':', login.n);
	size_t at = 0;

	for (size_t i = 0; i < login.n; i++) {
		if (login.p + i == colon)
			ret[at++] = ':';
		else
			at += (size_t)snprintf(ret + at, 4, "%%%02X",
					       (unsigned char)login.p[i]);
	}
	ret[at] = '\0';
}

static bool set_login(struct transfer *transfer, struct slice login)
{
	char text[3 * HTTP_SIGN_SECRET_BYTES + 1];
	bool fine;

	if (!memchr(login.p, ':', login.n) || memchr(login.p, 0, login.n)) {
		fail(transfer, "give it USER:PASSWORD");
		return true;
	}
	encode(login, text);
	fine = transfer->curl->easy_setopt(transfer->easy, CURLOPT_PROXYUSERPWD,
					   text) == CURLE_OK;
	explicit_bzero(text, sizeof(text));
	return fine;
}

/* Read for each request: a new one holds at once. */
static bool log_in(struct transfer *transfer, const char *path)
{
	char room[HTTP_SIGN_SECRET_BYTES + 2];
	struct slice login;
	int r = http_sign_secret(path, room, &login);
	bool fine = true;

	if (r < 0)
		fail(transfer, strerror(-r));
	else if (r)
		fail(transfer, "give it 1 to 4096 bytes");
	else
		fine = set_login(transfer, login);
	explicit_bzero(room, sizeof(room));
	return fine;
}

bool transfer_proxy(struct transfer *transfer)
{
	const struct http_settings *settings = transfer->settings;
	const struct curl *curl = transfer->curl;
	const char *proxy = http_settings_proxy(settings, transfer->args.url);
	CURL *easy = transfer->easy;

	transfer->proxied = proxy;
	transfer->host = http_names_host(proxy ? proxy : transfer->args.url);
	if (curl->easy_setopt(easy, CURLOPT_PROXY, proxy ? proxy : "") ||
	    curl->easy_setopt(easy, CURLOPT_NOPROXY, ""))
		return false;
	if (proxy && !transfer->allow_private) {
		refuse(transfer);
		return true;
	}
	return !proxy || !settings->proxy_login ||
	       log_in(transfer, settings->proxy_login);
}
