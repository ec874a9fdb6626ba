#include "client/form.h"
#include "proto/json_in.h"
#include "proto/spec.h"
#include "tests/helper/t.h"
#include "tests/unit/client/quiet.h"

#include <stdio.h>

#define NOW INT64_C(1760000000000)

static struct tool tool = {.quiet = true};

/* What GetSpec may give. */
static const char *const specs[] = {
	"{\"argv\":[\"true\"]}",
	"{\"argv\":[\"a b\",\"\",\"it's\",\"\\\"q\\\"\",\"$x\",\"\\\\\"]}",
	"{\"argv\":[\"a\\nb\",\"\\u0001\",\"[x]\"],\"name\":\"|\"}",
	"{\"argv\":[\"[\",\"-f\",\"]\"],\"name\":\" x \"}",
	"{\"shell\":\"a | b >c # d\"}",
	"{\"shell\":\"set -e\\n\\n  if x\\n\\ty\\nfi\"}",
	"{\"shell\":\"one\\n\",\"stdin\":\"kept\"}",
	"{\"shell\":\"\\none\",\"stdin64\":\"AA==\"}",
	"{\"shell\":\"\\tone\\ntwo\"}",
	"{\"shell\":\"x\\u0007y\\nz\"}",
	"{\"argv\":[\"x\"],\"queue\":\"q: #\",\"name\":\"\\\"n\\\"\"}",
	"{\"argv\":[\"x\"],\"run_at_ms\":1,\"priority\":-9}",
	"{\"argv\":[\"x\"],\"run_at_ms\":4000000000123}",
	"{\"argv\":[\"x\"],\"timeout_ms\":90061001,\"grace_ms\":1,"
	"\"expire_ms\":86400000,\"keep_ms\":0,\"crash_limit\":9}",
	"{\"argv\":[\"x\"],\"timeout_ms\":0,\"grace_ms\":0,"
	"\"expire_ms\":0,\"crash_limit\":3}",
	"{\"argv\":[\"x\"],\"once\":true,\"orphans\":\"keep\",\"unique\":"
	"\"w\"}",
	"{\"argv\":[\"x\"],\"tags\":{\"a\":\"b=c\",\"d "
	"e\":\"\",\"q\\\"\":\"x\"}}",
	"{\"argv\":[\"x\"],\"retry\":{\"max_attempts\":4,\"backoff_ms\":1500,"
	"\"backoff_max_ms\":3600000,\"jitter\":0.5,\"causes\":[\"exit\"],"
	"\"exit_codes\":[75,111]}}",
	"{\"argv\":[\"x\"],\"retry\":{\"max_attempts\":1,\"jitter\":0.5}}",
	"{\"argv\":[\"x\"],\"context\":{\"cwd\":\"/a "
	"b\",\"env\":{\"A\":\"1\\n2\","
	"\"B\":\"\",\"C\\\"\":\"\\\"\"},\"env_mode\":\"captured\",\"umask\":63,"
	"\"nice\":-5,\"limits\":{\"nofile\":64,\"core\":-1,\"as\":1073741824}}"
	"}",
	"{\"argv\":[\"x\"],\"context\":{\"env_mode\":\"clean\"}}",
};

static void form_of(struct slice spec, struct json_out *text)
{
	json_out_reset(text);
	assert_int_equal(form_write(text, 7, spec, NOW), 0);
}

static int say_of(struct slice text, struct json_out *spec)
{
	json_out_reset(spec);
	return form_spec(&tool, text, 0, spec);
}

static void merged(const char *base, const char *before, const char *after,
		   const char *expected)
{
	struct json_out out = {0};

	form_merge(&out, slice_of(base), slice_of(before), slice_of(after));
	json_out_byte(&out, 0);
	assert_string_equal(out.p, expected);
	json_out_fini(&out);
}

UNIT(an_untouched_form_changes_nothing)
{
	struct json_out text = {0}, said = {0}, again = {0}, merge = {0};

	for (size_t i = 0; i < ARRAY_COUNT(specs); i++) {
		struct slice spec = slice_of(specs[i]);

		form_of(spec, &text);
		if (say_of(json_out_slice(&text), &said) != 0)
			fail_msg("%s\n%.*s", specs[i], (int)text.n, text.p);
		json_out_reset(&merge);
		form_merge(&merge, spec, json_out_slice(&said),
			   json_out_slice(&said));
		assert_true(slice_is(json_out_slice(&merge), specs[i]));
		/* And what the form says is what the job is: a form of it is
		 * the same text. */
		form_of(json_out_slice(&said), &merge);
		assert_int_equal(say_of(json_out_slice(&merge), &again), 0);
		assert_true(slice_equal(json_out_slice(&said),
					json_out_slice(&again)));
	}
	json_out_fini(&text);
	json_out_fini(&said);
	json_out_fini(&again);
	json_out_fini(&merge);
}

UNIT(a_form_says_what_may_differ_from_the_defaults_of_the_daemon)
{
	static const char spec[] =
		"{\"argv\":[\"x\"],\"priority\":0,\"timeout_ms\":0,"
		"\"grace_ms\":10000,\"expire_ms\":0,\"crash_limit\":3,"
		"\"retry\":{\"max_attempts\":1}}";
	struct json_out text = {0}, said = {0};

	form_of(SLICE(spec), &text);
	json_out_byte(&text, 0);
	assert_non_null(strstr(text.p, "\ntimeout: 0s\n"));
	assert_non_null(strstr(text.p, "\ngrace: 10s\n"));
	assert_non_null(strstr(text.p, "\nexpire: 0s\n"));
	assert_non_null(strstr(text.p, "\nretry: 0\n"));
	assert_non_null(strstr(text.p, "\ncrash-limit: 3\n"));
	text.n--;
	assert_int_equal(say_of(json_out_slice(&text), &said), 0);
	json_out_byte(&said, 0);
	assert_non_null(strstr(said.p, "\"priority\":0"));
	assert_non_null(strstr(said.p, "\"timeout_ms\":0"));
	assert_non_null(strstr(said.p, "\"expire_ms\":0"));
	assert_non_null(strstr(said.p, "\"retry\":{\"max_attempts\":1}"));
	json_out_fini(&text);
	json_out_fini(&said);
}

UNIT(what_a_form_says_is_what_the_daemon_takes)
{
	struct json_out text = {0}, said = {0};
	struct schema_fault fault;
	struct arena arena = {0};
	struct spec spec;

	for (size_t i = 0; i < ARRAY_COUNT(specs); i++) {
		form_of(slice_of(specs[i]), &text);
		assert_int_equal(say_of(json_out_slice(&text), &said), 0);
		if (spec_decode(&arena, json_out_slice(&said), NULL, "job",
				&spec, &fault) != 0 &&
		    !strstr(fault.path, "tags"))
			fail_msg("%s: %s %s", specs[i], fault.path,
				 fault.message);
	}
	arena_fini(&arena);
	json_out_fini(&text);
	json_out_fini(&said);
}

UNIT(words_are_taken_apart_as_a_shell_does)
{
	static const struct {
		const char *text, *argv;
	} cases[] = {
		{"command: a b\tc", "[\"a\",\"b\",\"c\"]"},
		{"command: 'a b' \"c d\"e ''", "[\"a b\",\"c de\",\"\"]"},
		{"command: a\\ b \"\\\"\\x\" '\\'",
		 "[\"a b\",\"\\\"\\\\x\",\"\\\\\"]"},
		{"command: $x *.c \\", "[\"$x\",\"*.c\",\"\\\\\"]"},
		{"command: \"a\" b", "[\"a\",\"b\"]"},
		{"command: [ -f x ]", "[\"[\",\"-f\",\"x\",\"]\"]"},
		{"command: [1]", "[\"[1]\"]"},
		{"command: [\"a b\", \"\"]", "[\"a b\",\"\"]"},
	};
	struct json_out said = {0};
	struct slice argv;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(say_of(slice_of(cases[i].text), &said), 0);
		assert_true(json_find(json_out_slice(&said), "argv", &argv));
		if (!slice_is(argv, cases[i].argv))
			fail_msg("%s: %.*s", cases[i].text, (int)argv.n,
				 argv.p);
	}
	json_out_fini(&said);
}

UNIT(nonsense_is_refused)
{
	static const char *const texts[] = {
		"",
		"x",
		":",
		": x",
		"command:",
		"sh: |",
		"command: 'a",
		"sh: \"x",
		"sh: |\n",
		"sh: |\nx",
		"sh: a\nsh-: b",
		"sh: \xff",
		"once: yes",
		"sh: a\nonce: on",
		"sh: a\nstdin: yes",
		"sh: a\ncommand: b",
		"sh: a\nretry: -1",
		"sh: \"a\\u0000\"",
	};
	struct json_out said = {0};
	struct quiet quiet;
	size_t wrong = 0;

	quiet_begin(&quiet);
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		if (say_of(slice_of(texts[i]), &said) == 0) {
			wrong++;
			fprintf(stderr, "taken: %s\n", texts[i]);
		}
	}
	wrong += say_of(SLICE("sh: a\0b"), &said) == 0;
	quiet_end(&quiet);
	if (wrong)
		fail_msg("%s", quiet.text);
	json_out_fini(&said);
}

UNIT(only_what_differs_is_replaced)
{
	merged("{\"a\":1,\"b\":2}", "{\"a\":9}", "{\"a\":9}",
	       "{\"a\":1,\"b\":2}");
	merged("{\"a\":1,\"b\":2}", "{\"a\":9}", "{\"a\":8}",
	       "{\"a\":8,\"b\":2}");
	merged("{\"a\":1,\"b\":2}", "{\"a\":9}", "{}", "{\"b\":2}");
	merged("{\"b\":2}", "{\"c\":3}", "{\"c\":3}", "{\"b\":2}");
	merged("{\"b\":2}", "{}", "{\"c\":3}", "{\"b\":2,\"c\":3}");
	merged("{\"retry\":{\"max\":4,\"jitter\":0.5}}",
	       "{\"retry\":{\"max\":4}}", "{\"retry\":{\"max\":5}}",
	       "{\"retry\":{\"max\":5,\"jitter\":0.5}}");
	merged("{\"retry\":{\"max\":4,\"jitter\":0.5}}",
	       "{\"retry\":{\"max\":4}}", "{}", "{}");
	merged("{}", "{\"context\":{\"cwd\":\"/\"}}",
	       "{\"context\":{\"cwd\":\"/\",\"nice\":5}}",
	       "{\"context\":{\"nice\":5}}");
	merged("{}", "{}", "{\"retry\":{\"max\":5}}",
	       "{\"retry\":{\"max\":5}}");
}

UNIT(a_text_of_comments_is_empty)
{
	assert_true(form_is_empty(SLICE("")));
	assert_true(form_is_empty(SLICE("\n# a\n\t\n \r\n  # b")));
	assert_false(form_is_empty(SLICE("\nsh: a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_untouched_form_changes_nothing),
		cmocka_unit_test(
			a_form_says_what_may_differ_from_the_defaults_of_the_daemon),
		cmocka_unit_test(what_a_form_says_is_what_the_daemon_takes),
		cmocka_unit_test(words_are_taken_apart_as_a_shell_does),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(only_what_differs_is_replaced),
		cmocka_unit_test(a_text_of_comments_is_empty),
	};

	return cmocka_run_group_tests_name("client form", tests, NULL, NULL);
}
