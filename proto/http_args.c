#include "proto/http_args.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "proto/json_in.h"

#define METHOD_BYTES 32
#define TIMEOUT_MAX_MS INT64_C(86400000)
#define FOLLOW_MAX 5

struct reading {
	struct arena *arena;
	struct http_args *args;
	char *fault;
	struct slice record; /* of a callback: the job or group it follows */
	int bodies;
};

static int bad(struct reading *reading, const char *format, ...)
	printf_like(2, 3);

static int bad(struct reading *reading, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(reading->fault, HTTP_ARGS_FAULT_BYTES, format, list);
	va_end(list);
	return HTTP_ARGS_E_BAD;
}

/* A string without NUL. Of another kind: refused. */
static int text_of(struct reading *reading, struct slice value,
		   const char *member, struct slice *ret)
{
	struct slice text;
	int r = json_string(reading->arena, value, &text);

	if (r == JSON_E_KIND)
		return bad(reading, "%s: give a text", member);
	if (r)
		return r;
	if (text.n && memchr(text.p, 0, text.n))
		return bad(reading, "%s: there is a NUL character in it",
			   member);
	return arena_copy(reading->arena, text, ret);
}

static int int_of(struct reading *reading, struct slice value,
		  const char *member, int64_t min, int64_t max, int64_t *ret)
{
	if (json_int(value, ret) || *ret < min || *ret > max)
		return bad(reading, "%s: give a number from %lld to %lld",
			   member, (long long)min, (long long)max);
	return 0;
}

static int bool_of(struct reading *reading, struct slice value,
		   const char *member, bool *ret)
{
	return json_bool(value, ret)
		       ? bad(reading, "%s: give true or false", member)
		       : 0;
}

/* A token of RFC 9110: what a method and a header's name are of. */
static bool is_token(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') &&
		    (!c || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return text.n > 0;
}

/* ---- URL ---- */

static bool is_scheme(const char *url, const char *scheme)
{
	return strncasecmp(url, scheme, strlen(scheme)) == 0;
}

/* "https://host/path?...": who may read what failed need not know how one logs
 * in there. */
static const char *show(struct reading *reading, const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t authority = strcspn(host, "/?#");
	size_t path;

	for (size_t i = 0; i < authority; i++) {
		if (host[i] == '@') {
			host += i + 1;
			authority -= i + 1;
			i = (size_t)-1;
		}
	}
	path = strcspn(host, "?#");
	return arena_print(reading->arena, "%.*s%.*s%s",
			   (int)(strstr(url, "://") + 3 - url), url, (int)path,
			   host, host[path] ? "?..." : "");
}

static int read_url(struct reading *reading, struct slice value)
{
	struct http_args *args = reading->args;
	struct slice text;
	int r = text_of(reading, value, "url", &text);

	if (r)
		return r;
	if (text.n > HTTP_ARGS_URL_BYTES)
		return bad(reading, "url: it has more than %d bytes",
			   HTTP_ARGS_URL_BYTES);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c <= ' ' || c == 0x7f)
			return bad(reading,
				   "url: there is a blank or a control "
				   "character in it: write it as "
				   "%%20");
	}
	if (!is_scheme(text.p, "http://") && !is_scheme(text.p, "https://"))
		return bad(reading, "url: it begins with http:// or https://");
	if (!strcspn(strstr(text.p, "://") + 3, "/?#"))
		return bad(reading, "url: it names no host");
	args->url = text.p;
	args->shown = show(reading, text.p);
	return args->shown ? 0 : -ENOMEM;
}

/* ---- Method and headers ---- */

static int read_method(struct reading *reading, struct slice value)
{
	struct slice text;
	char *at;
	int r = text_of(reading, value, "method", &text);

	if (r)
		return r;
	if (!is_token(text) || text.n > METHOD_BYTES)
		return bad(reading, "method: give a word, like POST");
	/* Ours: a copy. */
	for (at = (char *)(uintptr_t)text.p; *at; at++) {
		if (*at >= 'a' && *at <= 'z')
			*at = (char)(*at - 'a' + 'A');
	}
	if (slice_is(text, "CONNECT"))
		return bad(reading, "method: there is no CONNECT here");
	reading->args->method = text.p;
	return 0;
}

/* What frames a request, and what we say of ourselves, is not for a job. */
static bool is_ours(const char *name)
{
	static const char *const names[] = {
		"Connection",
		"Content-Length",
		"Expect",
		"Proxy-Connection",
		"TE",
		"Trailer",
		"Transfer-Encoding",
		"Upgrade",
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return strncasecmp(name, "X-Reeve-", 8) == 0;
}

static int add_header(struct reading *reading, const char *name,
		      struct slice value)
{
	struct http_args *args = reading->args;
	struct slice text;
	int r = text_of(reading, value, "headers", &text);

	if (r)
		return r;
	if (text.n > HTTP_ARGS_HEADER_BYTES)
		return bad(reading, "headers: %.60s has more than %d bytes",
			   name, HTTP_ARGS_HEADER_BYTES);
	/* One that ends a line would begin another header, or a body. */
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return bad(reading,
				   "headers: there is a newline or a control "
				   "character in the value of %.60s",
				   name);
	}
	if (args->header_count == HTTP_ARGS_HEADERS)
		return bad(reading, "headers: there are more than %d",
			   HTTP_ARGS_HEADERS);
	args->headers[args->header_count++] = (struct http_header){name,
								   text.p};
	return 0;
}

static int read_header(struct reading *reading, struct slice raw_name,
		       struct slice value)
{
	struct slice quoted = {raw_name.p - 1, raw_name.n + 2}, name, item;
	struct json_iter iter = json_enter(value);
	int r = text_of(reading, quoted, "headers", &name);

	if (r)
		return r;
	if (!is_token(name) || name.n > 256)
		return bad(reading, "headers: '%.60s' is no name of one",
			   name.p);
	if (is_ours(name.p))
		return bad(reading, "headers: %.60s is not for a job to say",
			   name.p);
	if (json_kind(value) != JSON_ARRAY)
		return add_header(reading, name.p, value);
	while (r == 0 && json_item(&iter, &item))
		r = add_header(reading, name.p, item);
	return r;
}

static int read_headers(struct reading *reading, struct slice value)
{
	struct json_iter iter = json_enter(value);
	struct slice key, member;
	int r = 0;

	if (json_kind(value) != JSON_OBJECT)
		return bad(reading, "headers: give an object, like "
				    "{\"Accept\": \"text/plain\"}");
	while (r == 0 && json_member(&iter, &key, &member))
		r = read_header(reading, key, member);
	return r;
}

/* ---- Body ---- */

static int set_body(struct reading *reading, struct slice body,
		    const char *type)
{
	if (reading->bodies++)
		return bad(reading, "give one of body, json and body64");
	reading->args->body = body;
	if (!body.n)
		reading->args->body = SLICE("");
	reading->args->type = type;
	return 0;
}

/* A body may hold NUL. */
static int read_body(struct reading *reading, struct slice value, bool base64)
{
	struct slice text, bytes;
	int r = json_string(reading->arena, value, &text);

	if (r == JSON_E_KIND)
		return bad(reading, "%s: give a text, or anything as json",
			   base64 ? "body64" : "body");
	if (r || !base64)
		return r ? r
			 : set_body(reading, text, "text/plain; charset=utf-8");
	r = json_base64(reading->arena, text, &bytes);
	if (r > 0)
		return bad(reading, "body64: it is no base64");
	return r ? r : set_body(reading, bytes, "application/octet-stream");
}

/* ---- The rest ---- */

static int read_ok(struct reading *reading, struct slice value)
{
	struct http_args *args = reading->args;
	struct json_iter iter = json_enter(value);
	struct slice item;
	int64_t status;
	int r = 0;

	if (json_kind(value) != JSON_ARRAY || !json_count(value))
		return bad(reading, "ok: give a list of statuses, like [200]");
	while (r == 0 && json_item(&iter, &item)) {
		r = int_of(reading, item, "ok", 100, 599, &status);
		if (r == 0 && args->ok_count == HTTP_ARGS_OK)
			r = bad(reading, "ok: there are more than %d",
				HTTP_ARGS_OK);
		if (r == 0)
			args->ok[args->ok_count++] = (int)status;
	}
	return r;
}

static int read_secret(struct reading *reading, struct slice value)
{
	struct slice text = {0};
	int r = text_of(reading, value, "secret", &text);

	reading->args->secret = r ? NULL : text.p;
	return r;
}

static int read_follow(struct reading *reading, struct slice value)
{
	int64_t n = 0;
	int r = int_of(reading, value, "follow", 0, FOLLOW_MAX, &n);

	reading->args->follow = (int)n;
	return r;
}

static int read_member(struct reading *reading, struct slice key,
		       struct slice value)
{
	struct http_args *args = reading->args;

	if (json_key_is(key, "url"))
		return read_url(reading, value);
	if (json_key_is(key, "method"))
		return read_method(reading, value);
	if (json_key_is(key, "headers"))
		return read_headers(reading, value);
	if (json_key_is(key, "body"))
		return read_body(reading, value, false);
	if (json_key_is(key, "body64"))
		return read_body(reading, value, true);
	if (json_key_is(key, "json"))
		return set_body(reading, value, "application/json");
	if (json_key_is(key, "timeout_ms"))
		return int_of(reading, value, "timeout_ms", 1, TIMEOUT_MAX_MS,
			      &args->timeout_ms);
	if (json_key_is(key, "secret"))
		return read_secret(reading, value);
	if (json_key_is(key, "follow"))
		return read_follow(reading, value);
	if (json_key_is(key, "insecure"))
		return bool_of(reading, value, "insecure", &args->insecure);
	if (json_key_is(key, "ok"))
		return read_ok(reading, value);
	if (json_key_is(key, "job") || json_key_is(key, "group")) {
		reading->record = value;
		return 0;
	}
	if (json_key_is(key, "truncate"))
		return 0;
	return bad(reading,
		   "there is no '%.*s': give url, method, headers, "
		   "body, json, body64, timeout_ms, secret, follow, "
		   "insecure, truncate, ok",
		   key.n < 60 ? (int)key.n : 60, key.p);
}

/* What depends on more than one member. */
static int complete(struct reading *reading, struct slice json)
{
	struct http_args *args = reading->args;
	struct slice value;
	int r = 0;

	if (!args->url)
		return bad(reading, "url: give one");
	args->callback = reading->record.n > 0;
	args->truncate = args->callback;
	if (json_find(json, "truncate", &value))
		r = bool_of(reading, value, "truncate", &args->truncate);
	if (r == 0 && args->callback && !reading->bodies)
		r = set_body(reading, reading->record, "application/json");
	if (r)
		return r;
	if (!args->method)
		args->method = args->body.p ? "POST" : "GET";
	if (args->body.p && strcmp(args->method, "HEAD") == 0)
		return bad(reading, "method: HEAD takes no body");
	return 0;
}

static int read_args(struct reading *reading, struct slice json)
{
	struct slice value = json_trim(json), key, member;
	struct json_iter iter = json_enter(value);
	int r = 0;

	*reading->args = (struct http_args){.timeout_ms = HTTP_ARGS_TIMEOUT_MS};
	if (json_kind(value) != JSON_OBJECT)
		return bad(reading, "give an object, like {\"url\": "
				    "\"https://example.org/\"}");
	while (r == 0 && json_member(&iter, &key, &member)) {
		/* As if it were not there. */
		if (json_kind(member) != JSON_NULL || json_key_is(key, "json"))
			r = read_member(reading, key, member);
	}
	return r ? r : complete(reading, value);
}

int http_args_read(struct arena *arena, struct slice json,
		   struct http_args *ret, char ret_fault[HTTP_ARGS_FAULT_BYTES])
{
	struct reading reading = {
		.arena = arena, .args = ret, .fault = ret_fault};

	return read_args(&reading, json);
}

/* What a fault begins with is taken off it. */
static const char *field_of(char fault[HTTP_ARGS_FAULT_BYTES])
{
	static const char *const fields[] = {
		"url",	  "method",   "headers",    "body",
		"body64", "json",     "timeout_ms", "secret",
		"follow", "insecure", "truncate",   "ok",
	};

	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		size_t n = strlen(fields[i]);

		if (strncmp(fault, fields[i], n) != 0 || fault[n] != ':')
			continue;
		memmove(fault, fault + n + 2, strlen(fault + n + 2) + 1);
		return fields[i];
	}
	return "";
}

int http_args_check(struct slice json, bool callback, const char **ret_field,
		    char ret_fault[HTTP_ARGS_FAULT_BYTES])
{
	struct arena arena = {0};
	struct http_args args;
	struct reading reading = {
		.arena = &arena,
		.args = &args,
		.fault = ret_fault,
		.record = callback ? SLICE("{}") : (struct slice){NULL, 0},
	};
	int r = read_args(&reading, json);

	arena_fini(&arena);
	if (r == HTTP_ARGS_E_BAD)
		*ret_field = field_of(ret_fault);
	return r;
}

bool http_args_header(const struct http_args *args, const char *name)
{
	for (size_t i = 0; i < args->header_count; i++) {
		if (strcasecmp(args->headers[i].name, name) == 0)
			return true;
	}
	return false;
}

bool http_args_ok(const struct http_args *args, long status)
{
	for (size_t i = 0; i < args->ok_count; i++) {
		if (args->ok[i] == status)
			return true;
	}
	return !args->ok_count && status >= 200 && status < 300;
}
