/* What a job of the handler http may ask for, and what it may not hide. */
#include "proto/http_args.h"
#include "proto/json_in.h"
#include "tests/helper/t.h"

#include <stdio.h>

#define U "\"url\":\"http://h/\""

static struct arena arena;
static struct http_args args;
static char fault[HTTP_ARGS_FAULT_BYTES];

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static int try(const char *json)
{
	struct json_fault where;

	if (json_check(slice_of(json), &where))
		fail_msg("%s: no JSON", json);
	return http_args_read(&arena, slice_of(json), &args, fault);
}

static void take(const char *json)
{
	if (try(json))
		fail_msg("%s: %s", json, fault);
}

static void refuse(const char *json, const char *says)
{
	if (try(json) != HTTP_ARGS_E_BAD)
		fail_msg("%s was taken", json);
	if (!strstr(fault, says))
		fail_msg("%s: '%s', and not '%s'", json, fault, says);
}

UNIT(a_url_is_enough)
{
	take("{" U "}");
	assert_string_equal(args.url, "http://h/");
	assert_string_equal(args.method, "GET");
	assert_null(args.body.p);
	assert_null(args.type);
	assert_int_equal(args.timeout_ms, 30000);
	assert_int_equal(args.follow, 0);
	assert_false(args.insecure || args.truncate || args.callback);
	assert_null(args.secret);
	assert_true(http_args_ok(&args, 200) && http_args_ok(&args, 299));
	assert_false(http_args_ok(&args, 199) || http_args_ok(&args, 300));
}

UNIT(all_of_it_is_taken)
{
	take(" {\"method\":\"put\"," U ",\"headers\":{\"A\":\"b c\",\"X-y\":"
	     "[\"1\",\"\"]},\"body\":\"a\\u0000b\",\"timeout_ms\":5,"
	     "\"secret\":\"hooks\",\"follow\":5,\"insecure\":true,"
	     "\"truncate\":true,\"ok\":[200,404]} ");
	assert_string_equal(args.method, "PUT");
	assert_int_equal(args.header_count, 3);
	assert_string_equal(args.headers[0].value, "b c");
	assert_string_equal(args.headers[2].name, "X-y");
	assert_string_equal(args.headers[2].value, "");
	assert_true(slice_equal(args.body, SLICE("a\0b")));
	assert_int_equal(args.timeout_ms, 5);
	assert_string_equal(args.secret, "hooks");
	assert_int_equal(args.follow, 5);
	assert_true(args.insecure && args.truncate);
	assert_true(http_args_ok(&args, 404));
	assert_false(http_args_ok(&args, 201));
	assert_true(http_args_header(&args, "x-Y"));
	assert_false(http_args_header(&args, "b"));
}

UNIT(bodies_have_their_types_and_make_it_a_post)
{
	take("{" U ",\"body\":\"\"}");
	assert_string_equal(args.method, "POST");
	assert_non_null(args.body.p);
	assert_int_equal(args.body.n, 0);
	assert_string_equal(args.type, "text/plain; charset=utf-8");
	take("{" U ",\"json\": {\"a\": [1]} }");
	assert_true(slice_is(args.body, "{\"a\": [1]}"));
	assert_string_equal(args.type, "application/json");
	take("{" U ",\"json\":null}");
	assert_true(slice_is(args.body, "null"));
	take("{" U ",\"body64\":\"AP8=\"}");
	assert_true(slice_equal(args.body, SLICE("\0\xff")));
	refuse("{" U ",\"body\":\"\",\"json\":1}", "give one of body");
	refuse("{" U ",\"body\":1}", "give a text");
	refuse("{" U ",\"body64\":\"?\"}", "no base64");
	refuse("{" U ",\"method\":\"HEAD\",\"body\":\"\"}", "takes no body");
}

UNIT(a_callback_sends_its_record_unless_it_says_a_body)
{
	take("{" U ",\"job\":{\"id\":7,\"state\":\"failed\"}}");
	assert_true(args.callback && args.truncate);
	assert_string_equal(args.method, "POST");
	assert_true(slice_is(args.body, "{\"id\":7,\"state\":\"failed\"}"));
	assert_string_equal(args.type, "application/json");
	take("{" U ",\"group\":{\"id\":8},\"body\":\"x\",\"truncate\":false}");
	assert_true(args.callback);
	assert_false(args.truncate);
	assert_true(slice_is(args.body, "x"));
}

UNIT(no_header_hides_in_another_one)
{
	refuse("{" U ",\"headers\":{\"A\":\"b\\r\\nX: y\"}}", "newline");
	refuse("{" U ",\"headers\":{\"A\":\"b\\nX: y\"}}", "newline");
	refuse("{" U ",\"headers\":{\"A\":\"b\\rX: y\"}}", "newline");
	refuse("{" U ",\"headers\":{\"A\":[\"ok\",\"b\\n\"]}}", "newline");
	refuse("{" U ",\"headers\":{\"A\":\"b\\u0000\"}}", "NUL");
	refuse("{" U ",\"headers\":{\"A\":\"b\\u007f\"}}", "control");
	refuse("{" U ",\"headers\":{\"A\\r\\nB\":\"c\"}}", "no name");
	refuse("{" U ",\"headers\":{\"A:\":\"c\"}}", "no name");
	refuse("{" U ",\"headers\":{\"\":\"c\"}}", "no name");
	refuse("{" U ",\"headers\":{\"a b\":\"c\"}}", "no name");
	refuse("{" U ",\"headers\":{\"\\u00e4\":\"c\"}}", "no name");
	refuse("{" U ",\"headers\":{\"a\\u0000b\":\"c\"}}", "NUL");
	refuse("{" U ",\"headers\":{\"A\":1}}", "give a text");
	refuse("{" U ",\"headers\":[]}", "give an object");
	take("{" U ",\"headers\":{\"A\":\"b\\tc \\u00e4\"}}");
}

UNIT(what_frames_a_request_is_not_for_a_job)
{
	static const char *const names[] = {
		"Content-Length",
		"transfer-encoding",
		"Connection",
		"Upgrade",
		"TE",
		"Trailer",
		"Expect",
		"X-Reeve-Job",
		"x-reeve-signature",
	};
	char text[128];

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		snprintf(text, sizeof(text),
			 "{" U ",\"headers\":{\"%s\":\"1\"}}", names[i]);
		refuse(text, "is not for a job to say");
	}
}

UNIT(a_url_leads_to_http_and_nothing_else)
{
	refuse("{}", "url: give one");
	refuse("{\"url\":null}", "url: give one");
	refuse("{\"url\":1}", "give a text");
	refuse("{\"url\":\"file:///etc/passwd\"}", "begins with http");
	refuse("{\"url\":\"ftp://h/\"}", "begins with http");
	refuse("{\"url\":\"h/\"}", "begins with http");
	refuse("{\"url\":\"http:/h\"}", "begins with http");
	refuse("{\"url\":\"http://\"}", "no host");
	refuse("{\"url\":\"http:///x\"}", "no host");
	refuse("{\"url\":\"https://?x\"}", "no host");
	refuse("{\"url\":\"http://h/a b\"}", "blank");
	refuse("{\"url\":\"http://h/\\r\\nHost: x\"}", "control");
	refuse("{\"url\":\"http://h/\\u0000\"}", "NUL");
	take("{\"url\":\"HTTPS://h\"}");
	assert_string_equal(args.shown, "HTTPS://h");
}

UNIT(what_is_shown_of_it_gives_nothing_away)
{
	take("{\"url\":\"https://me:pass@h:8/p/q?token=1#f\"}");
	assert_string_equal(args.shown, "https://h:8/p/q?...");
	take("{\"url\":\"http://a@b@h/x@y\"}");
	assert_string_equal(args.shown, "http://h/x@y");
	take("{\"url\":\"http://a@h\"}");
	assert_string_equal(args.shown, "http://h");
}

UNIT(the_rest_is_refused_by_name)
{
	refuse("[]", "give an object");
	refuse("{" U ",\"methode\":\"GET\"}", "there is no 'methode'");
	refuse("{" U ",\"method\":\"GET /\"}", "give a word");
	refuse("{" U ",\"method\":\"\"}", "give a word");
	refuse("{" U ",\"method\":\"connect\"}", "no CONNECT");
	refuse("{" U ",\"timeout_ms\":0}", "from 1 to");
	refuse("{" U ",\"timeout_ms\":1.5}", "from 1 to");
	refuse("{" U ",\"follow\":6}", "from 0 to 5");
	refuse("{" U ",\"insecure\":1}", "true or false");
	refuse("{" U ",\"truncate\":1}", "true or false");
	refuse("{" U ",\"ok\":[]}", "a list of statuses");
	refuse("{" U ",\"ok\":[99]}", "from 100 to 599");
	refuse("{" U ",\"secret\":true}", "give a text");
	take("{" U ",\"method\":null,\"follow\":null,\"headers\":null}");
}

UNIT(no_more_than_there_is_room_for)
{
	static char text[20000];
	size_t n = (size_t)snprintf(text, sizeof(text), "{" U ",\"headers\":{");

	for (int i = 0; i < 65; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%s\"h%d\":\"\"", i ? "," : "", i);
	snprintf(text + n, sizeof(text) - n, "}}");
	refuse(text, "more than 64");
	n = (size_t)snprintf(text, sizeof(text), "{\"url\":\"http://h/");
	memset(text + n, 'x', HTTP_ARGS_URL_BYTES);
	snprintf(text + n + HTTP_ARGS_URL_BYTES, 16, "\"}");
	refuse(text, "more than 8192");
	n = (size_t)snprintf(text, sizeof(text),
			     "{" U ",\"headers\":{\"a\":\"");
	memset(text + n, 'x', HTTP_ARGS_HEADER_BYTES + 1);
	snprintf(text + n + HTTP_ARGS_HEADER_BYTES + 1, 16, "\"}}");
	refuse(text, "more than 8192");
	n = (size_t)snprintf(text, sizeof(text), "{" U ",\"ok\":[200");
	for (int i = 0; i < 32; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",200");
	snprintf(text + n, sizeof(text) - n, "]}");
	refuse(text, "more than 32");
}

UNIT(a_check_names_the_field_and_knows_what_a_callback_will_send)
{
	const char *field;

#define CHECK(json, callback)                                                  \
	http_args_check(SLICE(json), (callback), &field, fault)
	assert_int_equal(CHECK("{" U "}", false), 0);
	assert_int_equal(CHECK("{" U ",\"method\":\"HEAD\"}", false), 0);
	assert_int_equal(CHECK("{" U ",\"method\":\"HEAD\"}", true),
			 HTTP_ARGS_E_BAD);
	assert_string_equal(field, "method");
	assert_string_equal(fault, "HEAD takes no body");
	assert_int_equal(CHECK("{}", false), HTTP_ARGS_E_BAD);
	assert_string_equal(field, "url");
	assert_string_equal(fault, "give one");
	assert_int_equal(CHECK("{" U ",\"body\":\"a\",\"body64\":\"\"}", false),
			 HTTP_ARGS_E_BAD);
	assert_string_equal(field, "");
	assert_int_equal(CHECK("{" U ",\"url:\":1}", false), HTTP_ARGS_E_BAD);
	assert_string_equal(field, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_is_enough),
		cmocka_unit_test(all_of_it_is_taken),
		cmocka_unit_test(bodies_have_their_types_and_make_it_a_post),
		cmocka_unit_test(
			a_callback_sends_its_record_unless_it_says_a_body),
		cmocka_unit_test(no_header_hides_in_another_one),
		cmocka_unit_test(what_frames_a_request_is_not_for_a_job),
		cmocka_unit_test(a_url_leads_to_http_and_nothing_else),
		cmocka_unit_test(what_is_shown_of_it_gives_nothing_away),
		cmocka_unit_test(the_rest_is_refused_by_name),
		cmocka_unit_test(no_more_than_there_is_room_for),
		cmocka_unit_test(
			a_check_names_the_field_and_knows_what_a_callback_will_send),
	};

	return cmocka_run_group_tests_name("http_args", tests, NULL, tear_down);
}
