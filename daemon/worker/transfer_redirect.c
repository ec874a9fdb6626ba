#include "daemon/worker/transfer_redirect.h"

#include <stdio.h>
#include <strings.h>

/* Return: 0 if there is no answer yet. */
static long status_of(const struct transfer *transfer)
{
	long status = 0;

	(void)transfer->curl->easy_getinfo(transfer->easy,
					   CURLINFO_RESPONSE_CODE, &status);
	return status;
}

bool transfer_redirects(const struct transfer *transfer)
{
	long status = transfer->args.follow ? status_of(transfer) : 0;
	struct curl_header *header;

	return status >= 300 && status < 400 &&
	       transfer->curl->easy_header(transfer->easy, "Location", 0,
					   CURLH_HEADER, -1,
					   &header) == CURLHE_OK;
}

/* ---- Where to ---- */

static bool is_same(const struct curl *curl, const CURLU *one,
		    const CURLU *other, CURLUPart part)
{
	char *a = NULL, *b = NULL;
	bool same = curl->url_get(one, part, &a, CURLU_DEFAULT_PORT) == 0 &&
		    curl->url_get(other, part, &b, CURLU_DEFAULT_PORT) == 0 &&
		    strcasecmp(a, b) == 0;

	curl->free(a);
	curl->free(b);
	return same;
}

/* Of user and password of a URL: what only the first host is to know. */
static void carry(const struct curl *curl, const CURLU *from, CURLU *to,
		  CURLUPart part)
{
	char *text = NULL;

	if (curl->url_get(to, part, &text, 0) != 0 &&
	    curl->url_get(from, part, &text, 0) == 0)
		(void)curl->url_set(to, part, text, 0);
	curl->free(text);
}

/* Return: false if that is nowhere for us; @ret_home: the same server. */
static bool aim(struct transfer *transfer, CURLU *from, CURLU *to,
		bool *ret_home)
{
	const struct curl *curl = transfer->curl;
	const char *where = NULL;
	char *text = NULL;
	bool fine;

	if (curl->easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &where) ||
	    !where || curl->url_set(from, CURLUPART_URL, transfer->args.url, 0))
		return false;
	/* A host may not be guessed from what has no scheme. */
	if (curl->url_set(to, CURLUPART_URL, where,
			  CURLU_URLENCODE | CURLU_ALLOW_SPACE) ||
	    curl->url_get(to, CURLUPART_SCHEME, &text, 0))
		return false;
	fine = strcmp(text, "http") == 0 || strcmp(text, "https") == 0;
	curl->free(text);
	if (!fine)
		return false;
	*ret_home = is_same(curl, from, to, CURLUPART_SCHEME) &&
		    is_same(curl, from, to, CURLUPART_HOST) &&
		    is_same(curl, from, to, CURLUPART_PORT);
	if (*ret_home) {
		carry(curl, from, to, CURLUPART_USER);
		carry(curl, from, to, CURLUPART_PASSWORD);
	}
	if (curl->url_get(to, CURLUPART_URL, &text, 0))
		return false;
	transfer->args.url = arena_print(&transfer->arena, "%s", text);
	curl->free(text);
	return transfer->args.url;
}

/* ---- With what ---- */

static bool is_named(const char *line, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strncasecmp(line, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

/* As the names of headers begin. */
static bool is_for_one_server(const char *line)
{
	static const char *const names[] = {
		"Authorization:",
		"Cookie:",
		"Host:",
	};

	return is_named(line, names, ARRAY_COUNT(names));
}

static bool is_of_body(const char *line)
{
	static const char *const names[] = {
		"Content-",
		"X-Reeve-Signature:",
	};

	return is_named(line, names, ARRAY_COUNT(names));
}

static bool keep_headers(struct transfer *transfer, bool home, bool body)
{
	const struct curl *curl = transfer->curl;
	struct curl_slist *kept = NULL, *more;

	for (struct curl_slist *at = transfer->headers; at; at = at->next) {
		if ((!home && is_for_one_server(at->data)) ||
		    (!body && is_of_body(at->data)))
			continue;
		more = curl->slist_append(kept, at->data);
		if (!more) {
			curl->slist_free_all(kept);
			return false;
		}
		kept = more;
	}
	curl->slist_free_all(transfer->headers);
	transfer->headers = kept;
	return true;
}

/* As the fetch standard has it. */
static bool becomes_get(long status, const char *method)
{
	if (status == 303)
		return strcmp(method, "HEAD") != 0;
	return (status == 301 || status == 302) && strcmp(method, "POST") == 0;
}

static bool set_up(struct transfer *transfer, bool home, int64_t now_ns)
{
	int64_t left_ms = (transfer->until_ns - now_ns) / 1000000;
	struct http_args *args = &transfer->args;
	bool get = becomes_get(status_of(transfer), args->method);

	if (get) {
		args->method = "GET";
		args->body = (struct slice){0};
	}
	if (!keep_headers(transfer, home, !get) ||
	    !transfer_aim(transfer, left_ms > 0 ? left_ms : 1))
		return false;
	transfer->bytes = 0;
	transfer->header_bytes = 0;
	transfer->hops++;
	return true;
}

static void fail(struct transfer *transfer)
{
	char message[512];

	snprintf(message, sizeof(message),
		 "a redirect from %.400s leads to no http or https URL",
		 transfer->args.shown);
	transfer_fail(transfer, "BadRequest", false, message);
}

bool transfer_redirect(struct transfer *transfer, int64_t now_ns)
{
	const struct curl *curl = transfer->curl;
	CURLU *from, *to;
	bool home = false;
	bool aimed;

	if (transfer->type || transfer->code != CURLE_OK ||
	    !transfer_redirects(transfer))
		return false;
	if (transfer->hops == transfer->args.follow) {
		transfer->code = CURLE_TOO_MANY_REDIRECTS;
		return false;
	}
	from = curl->url();
	to = curl->url();
	aimed = from && to && aim(transfer, from, to, &home);
	curl->url_cleanup(from);
	curl->url_cleanup(to);
	if (!aimed)
		fail(transfer);
	else if (!set_up(transfer, home, now_ns))
		transfer_fail(transfer, "ConnectionFailed", true,
			      "libcurl takes no transfer");
	return !transfer->type;
}
