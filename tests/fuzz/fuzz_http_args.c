/*
 * What a job asks of the handler `http`. Whatever the JSON is: what is taken
 * keeps its promises, and what is refused says why.
 */

#include "proto/http_args.h"
#include "proto/json_in.h"
#include "tests/fuzz/fuzz.h"

#include <strings.h>

/* One line, and no more than it says. */
static void check_line(const char *text)
{
	for (; *text; text++)
		require((unsigned char)*text >= ' ' ? *text != 0x7f
						    : *text == '\t');
}

static void check(const struct http_args *args)
{
	require(strncasecmp(args->url, "http://", 7) == 0 ||
		strncasecmp(args->url, "https://", 8) == 0);
	require(strlen(args->url) <= HTTP_ARGS_URL_BYTES);
	check_line(args->url);
	require(!strchr(args->url, ' '));
	require(!strchr(args->shown, '#'));
	check_line(args->method);
	require(args->method[0] && strcmp(args->method, "CONNECT") != 0);
	require(args->header_count <= HTTP_ARGS_HEADERS);
	for (size_t i = 0; i < args->header_count; i++) {
		check_line(args->headers[i].name);
		check_line(args->headers[i].value);
		require(!strpbrk(args->headers[i].name, ": \t"));
		require(strncasecmp(args->headers[i].name, "X-Reeve-", 8) != 0);
	}
	require(args->timeout_ms > 0 && args->follow >= 0 && args->follow <= 5);
	require(args->ok_count <= HTTP_ARGS_OK);
	require(!args->callback || args->body.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = {(const char *)data, size};
	static struct http_args args;
	char fault[HTTP_ARGS_FAULT_BYTES] = "";
	struct arena arena = {0};
	struct json_fault where;
	int r;

	if (size > FUZZ_BYTES_MAX || json_check(text, &where))
		return 0;
	r = http_args_read(&arena, text, &args, fault);
	require(r >= 0);
	if (r)
		require(fault[0] && strlen(fault) < sizeof(fault));
	else
		check(&args);
	arena_fini(&arena);
	return 0;
}
