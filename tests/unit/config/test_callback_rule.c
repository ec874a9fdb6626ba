/* An item of `callbacks` as a Spec, and what is wrong with one. */
#include "daemon/config/callback_rule.h"
#include "proto/json_in.h"
#include "tests/helper/t.h"

#include <stdio.h>
#include <stdlib.h>

static struct callback_rule_fault fault;
static char spec[512];
static unsigned whens;

static int read_item(const char *item, bool has_on)
{
	struct json_out out = {0};
	struct json_fault where;
	int r;

	assert_int_equal(json_check(slice_of(item), &where), 0);
	fault = (struct callback_rule_fault){.path = ""};
	r = callback_rule(slice_of(item), has_on, "/etc/reeve", &out, &whens,
			  &fault);
	snprintf(spec, sizeof(spec), "%.*s", (int)out.n, out.p ? out.p : "");
	json_out_fini(&out);
	return r;
}

static void assert_spec(const char *item, const char *expected)
{
	if (read_item(item, false))
		fail_msg("%s: %s", fault.path, fault.message);
	assert_string_equal(spec, expected);
}

static void assert_bad(const char *item, bool has_on, const char *path,
		       const char *why)
{
	assert_int_equal(read_item(item, has_on), CALLBACK_RULE_E_BAD);
	assert_string_equal(fault.path, path);
	if (!strstr(fault.message, why))
		fail_msg("'%s' is not in '%s'", why, fault.message);
	assert_string_equal(spec, "");
}

UNIT(it_says_when_it_is_due)
{
	assert_int_equal(read_item("{\"on\":\"failed\",\"exec\":\"a\"}", true),
			 0);
	assert_int_equal(whens, 1u << CALLBACK_FAILURE);
	assert_int_equal(read_item("{\"on\":[\"succeeded\",\"done\"],"
				   "\"exec\":\"a\"}",
				   true),
			 0);
	assert_int_equal(whens, 1u << CALLBACK_SUCCESS | 1u << CALLBACK_DONE);
	assert_int_equal(read_item("{\"exec\":\"a\"}", false), 0);
	assert_int_equal(whens, 0);
	assert_bad("{\"exec\":\"a\"}", true, "", "say when");
	assert_bad("{\"on\":[],\"exec\":\"a\"}", true, "on", "say when");
	assert_bad("{\"on\":[\"done\",\"faild\"],\"exec\":\"a\"}", true,
		   "on[1]", "did you mean failed?");
	assert_bad("{\"on\":\"done\",\"exec\":\"a\"}", false, "on",
		   "the key above says when");
}

UNIT(a_command_is_seen_from_the_folder_of_the_file)
{
	assert_spec("{\"exec\":[\"./a\",\"./b\",7,true]}",
		    "{\"argv\":[\"/etc/reeve/a\",\"./b\",\"7\",\"true\"]}");
	assert_spec("{\"exec\":[\"../a\"]}",
		    "{\"argv\":[\"/etc/reeve/../a\"]}");
	assert_spec("{\"exec\":\"/bin/a\"}", "{\"argv\":[\"/bin/a\"]}");
	assert_spec("{\"exec\":\"mail\"}", "{\"argv\":[\"mail\"]}");
	assert_spec("{\"sh\":\"a | b\"}", "{\"shell\":\"a | b\"}");
	assert_bad("{\"exec\":\"./a b\"}", false, "exec", "write a list");
	assert_bad("{\"exec\":[]}", false, "exec", "names no command");
	assert_bad("{\"exec\":[\"a\",[1]]}", false, "exec[1]", "is a text");
	assert_bad("{\"exec\":null}", false, "exec", "has no value");
}

UNIT(handlers_and_servers_have_arguments)
{
	assert_spec("{\"call\":\"n\",\"args\":{\"to\":3}}",
		    "{\"handler\":\"n\",\"args\":{\"to\":3}}");
	assert_spec("{\"http\":{\"url\":\"http://x\",\"secret\":\"s\"}}",
		    "{\"handler\":\"http\",\"args\":{\"url\":\"http://x\","
		    "\"secret\":\"s\"}}");
	assert_bad("{\"call\":\"n\",\"args\":3}", false, "args", "a section");
	assert_bad("{\"sh\":\"n\",\"args\":{}}", false, "args", "for call");
	assert_bad("{\"http\":{}}", false, "http", "needs a url");
	assert_bad("{\"http\":{\"url\":\"x.org\"}}", false, "http.url",
		   "neither http://");
}

UNIT(a_few_words_of_a_job_may_be_said)
{
	assert_spec("{\"sh\":\"a\",\"queue\":\"q\",\"name\":\"n\","
		    "\"timeout\":\"2m\"}",
		    "{\"shell\":\"a\",\"queue\":\"q\",\"name\":\"n\","
		    "\"timeout_ms\":120000}");
	assert_bad("{\"sh\":\"a\",\"timeout\":\"x\"}", false, "timeout",
		   "give a time");
	assert_bad("{\"sh\":\"a\",\"queue\":\"\"}", false, "", "queue");
	assert_bad("{\"sh\":\"a\",\"exce\":\"b\"}", false, "exce",
		   "did you mean 'exec'?");
	assert_bad("{\"sh\":\"a\",\"zebra\":\"b\"}", false, "zebra",
		   "a callback has on");
}

UNIT(exactly_one_is_told)
{
	assert_bad("{}", false, "", "one of exec, sh, call and http");
	assert_bad("{\"sh\":\"a\",\"call\":\"b\"}", false, "", "one of");
	assert_bad("3", false, "", "is a section");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_when_it_is_due),
		cmocka_unit_test(a_command_is_seen_from_the_folder_of_the_file),
		cmocka_unit_test(handlers_and_servers_have_arguments),
		cmocka_unit_test(a_few_words_of_a_job_may_be_said),
		cmocka_unit_test(exactly_one_is_told),
	};

	return cmocka_run_group_tests_name("callback rule", tests, NULL, NULL);
}
