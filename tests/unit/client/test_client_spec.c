#include "client/context.h"
#include "client/spec.h"
#include "proto/json_in.h"
#include "tests/helper/t.h"

#include <unistd.h>

#include <stdio.h>
#include <sys/stat.h>

static const char *const argv_true[] = {"true", NULL};
static char written[65536];

static int write_spec(const struct reeve_spec *spec, const char *key,
		      struct spec_fault *fault)
{
	struct json_out out = {0};
	int result = spec_write(&out, spec, key, fault);

	snprintf(written, sizeof(written), "%.*s", (int)json_out_slice(&out).n,
		 json_out_slice(&out).p);
	json_out_fini(&out);
	return result;
}

static struct slice member(struct slice object, const char *name)
{
	struct slice value;

	return json_find(object, name, &value) ? value : (struct slice){"-", 1};
}

static bool has(const char *name, const char *json)
{
	return slice_is(member(slice_of(written), name), json);
}

UNIT(a_folder_that_is_gone_is_refused)
{
	static const char *const argv[] = {"true", NULL};
	struct reeve_spec spec = {.argv = argv};
	char before[4096], gone[] = "/tmp/reeve-gone-XXXXXX";
	struct spec_fault fault = {0};
	struct json_out out = {0};

	assert_non_null(getcwd(before, sizeof(before)));
	assert_non_null(mkdtemp(gone));
	assert_int_equal(chdir(gone), 0);
	assert_int_equal(rmdir(gone), 0);
	json_out_object(&out);
	assert_int_equal(context_write(&out, &spec, &fault), SPEC_E_FOLDER);
	assert_string_equal(fault.field, "cwd");
	json_out_fini(&out);
	assert_int_equal(chdir(before), 0);
}

UNIT(writes_what_was_asked_for_and_nothing_else)
{
	static const char *const tags[] = {"lang=de", "x==", NULL};
	struct spec_fault fault;
	struct json_fault where;
	struct reeve_spec spec = {
		.argv = argv_true,
		.queue = "mail",
		.tags = tags,
		.stdin_data = "in",
		.stdin_bytes = 2,
		.priority = -5,
		.delay_ms = 1,
		.timeout_ms = 2,
		.grace_ms = 3,
		.crash_limit = 4,
		.group = 5,
		.hold = true,
		.once = true,
		.keep_orphans = true,
		.durability = REEVE_RESULT,
	};

	assert_int_equal(write_spec(&spec, "k", &fault), 0);
	assert_int_equal(json_check(slice_of(written), &where), 0);
	assert_true(has("argv", "[\"true\"]"));
	assert_true(has("queue", "\"mail\""));
	assert_true(has("key", "\"k\""));
	assert_true(has("tags", "{\"lang\":\"de\",\"x\":\"=\"}"));
	assert_true(has("stdin", "\"in\""));
	assert_true(has("priority", "-5"));
	assert_true(has("delay_ms", "1"));
	assert_true(has("timeout_ms", "2"));
	assert_true(has("grace_ms", "3"));
	assert_true(has("crash_limit", "4"));
	assert_true(has("group", "5"));
	assert_true(has("hold", "true"));
	assert_true(has("once", "true"));
	assert_true(has("orphans", "\"keep\""));
	assert_true(has("durability", "\"result\""));

	spec = (struct reeve_spec){.shell = "a | b"};
	assert_int_equal(write_spec(&spec, NULL, &fault), 0);
	assert_true(has("shell", "\"a | b\""));
	assert_true(has("argv", "-"));
	assert_true(has("key", "-"));
	assert_true(has("durability", "-"));
	assert_true(has("hold", "-"));
}

/* The daemon may have another default: what is meant as none is said. */
UNIT(none_is_said_and_nothing_is_left_out)
{
	struct spec_fault fault;
	struct reeve_spec spec = {
		.argv = argv_true,
		.timeout_ms = -1,
		.expire_ms = -1,
		.keep_ms = -1,
		.priority_given = true,
		.max_attempts = 1,
	};

	assert_int_equal(write_spec(&spec, NULL, &fault), 0);
	assert_true(has("timeout_ms", "0"));
	assert_true(has("expire_ms", "0"));
	assert_true(has("keep_ms", "0"));
	assert_true(has("priority", "0"));
	assert_true(has("retry", "{\"max_attempts\":1}"));
	spec = (struct reeve_spec){.argv = argv_true};
	assert_int_equal(write_spec(&spec, NULL, &fault), 0);
	assert_true(has("timeout_ms", "-"));
	assert_true(has("expire_ms", "-"));
	assert_true(has("keep_ms", "-"));
	assert_true(has("priority", "-"));
	assert_true(has("retry", "-"));
}

UNIT(input_that_is_not_text_travels_as_base64)
{
	struct reeve_spec spec = {
		.argv = argv_true, .stdin_data = "\xff", .stdin_bytes = 1};
	struct spec_fault fault;

	assert_int_equal(write_spec(&spec, NULL, &fault), 0);
	assert_true(has("stdin64", "\"/w==\""));
}

UNIT(the_context_is_that_of_this_process)
{
	static const char *const own[] = {"A=1", "HERE=x=y", "A=2", NULL};
	struct reeve_spec spec = {.argv = argv_true, .env = own};
	struct slice context, env;
	struct spec_fault fault;
	mode_t mask = umask(027);

	setenv("A", "0", 1);
	setenv("KEPT", "yes", 1);
	setenv("REEVE_JOB", "77", 1);
	setenv("BROKEN", "\xff", 1);
	assert_int_equal(write_spec(&spec, NULL, &fault), 0);
	assert_int_equal(context_umask(), 027);
	umask(mask);
	context = member(slice_of(written), "context");
	env = member(context, "env");
	assert_true(slice_is(member(context, "umask"), "23"));
	assert_true(slice_is(member(context, "env_mode"), "\"captured\""));
	assert_true(slice_is(member(env, "A"), "\"2\""));
	assert_true(slice_is(member(env, "HERE"), "\"x=y\""));
	assert_true(slice_is(member(env, "KEPT"), "\"yes\""));
	assert_true(slice_is(member(env, "REEVE_JOB"), "-"));
	assert_true(slice_is(member(env, "BROKEN"), "-"));
	/* A name twice would be refused by the daemon. */
	assert_null(strstr(strstr(written, "\"A\":") + 1, "\"A\":"));

	spec.environment = REEVE_ENV_CLEAN;
	spec.cwd = "/usr";
	assert_int_equal(write_spec(&spec, NULL, &fault), 0);
	context = member(slice_of(written), "context");
	assert_true(slice_is(member(context, "cwd"), "\"/usr\""));
	assert_true(slice_is(member(context, "env_mode"), "\"clean\""));
	assert_true(slice_is(member(context, "env"),
			     "{\"HERE\":\"x=y\",\"A\":\"2\"}"));
}

UNIT(refuses_what_the_wire_cannot_carry)
{
	static const char *const broken[] = {"cat", "\xff", NULL};
	static const char *const nothing[] = {NULL};
	static const char *const bad_tag[] = {"x", NULL};
	static const char *const bad_env[] = {"=x", NULL};
	struct reeve_spec spec = {.argv = broken};
	struct spec_fault fault = {0};

	assert_int_equal(write_spec(&spec, NULL, &fault), SPEC_E_UTF8);
	assert_string_equal(fault.field, "argv");
	spec = (struct reeve_spec){.argv = nothing};
	assert_int_equal(write_spec(&spec, NULL, &fault), SPEC_E_EMPTY);
	spec = (struct reeve_spec){0};
	assert_int_equal(write_spec(&spec, NULL, &fault), SPEC_E_EMPTY);
	spec = (struct reeve_spec){.argv = argv_true, .shell = "x"};
	assert_int_equal(write_spec(&spec, NULL, &fault), SPEC_E_EMPTY);
	spec = (struct reeve_spec){.argv = argv_true, .tags = bad_tag};
	assert_int_equal(write_spec(&spec, NULL, &fault), SPEC_E_TAG);
	spec = (struct reeve_spec){.argv = argv_true, .env = bad_env};
	assert_int_equal(write_spec(&spec, NULL, &fault), SPEC_E_TAG);
	spec = (struct reeve_spec){.argv = argv_true, .name = "\xc0"};
	assert_int_equal(write_spec(&spec, NULL, &fault), SPEC_E_UTF8);
}

UNIT(a_handler_takes_args_and_nothing_of_a_command)
{
	static const char *const env[] = {"A=b", NULL};
	struct reeve_descriptors given = {-1, 7, -1, -1};
	struct reeve_spec spec = {.handler = "thumb", .timeout_ms = 5};
	const struct reeve_spec wrong[] = {
		{.handler = "thumb", .argv = argv_true},
		{.handler = "thumb", .shell = "x"},
		{.handler = "thumb", .cwd = "/"},
		{.handler = "thumb", .env = env},
		{.handler = "thumb", .nice = 1},
		{.handler = "thumb", .descriptors = &given},
		{.handler = "thumb", .stdin_data = "x", .stdin_bytes = 1},
		{.handler = "thumb", .keep_orphans = true},
		{.argv = argv_true, .args = "{}"},
		{.handler = "exec", .argv = argv_true, .args = "{}"},
	};
	struct spec_fault fault = {0};

	assert_int_equal(write_spec(&spec, NULL, &fault), 0);
	assert_string_equal(written,
			    "{\"handler\":\"thumb\",\"timeout_ms\":5}");
	spec.args = " {\"a\":\n1} ";
	assert_int_equal(write_spec(&spec, "k", &fault), 0);
	assert_true(has("args", "{\"a\": 1}"));
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_int_equal(write_spec(&wrong[i], NULL, &fault),
				 SPEC_E_HANDLER);
	spec.args = "[]";
	assert_int_equal(write_spec(&spec, NULL, &fault), SPEC_E_ARGS);
	spec.args = "{\"a\":x}";
	assert_int_equal(write_spec(&spec, NULL, &fault), SPEC_E_ARGS);
	assert_int_equal(fault.offset, 5);
	spec = (struct reeve_spec){.handler = "exec", .argv = argv_true};
	assert_int_equal(write_spec(&spec, NULL, &fault), 0);
	assert_true(has("handler", "-"));
}

UNIT(items_of_one_call_follow_its_handler)
{
	struct reeve_spec defaults = {.handler = "thumb"};
	struct reeve_spec item = {.args = "{\"a\":1}"};
	struct spec_fault fault = {0};
	struct json_out out = {0};

	assert_int_equal(spec_write_item(&out, &defaults, &item, "k", &fault),
			 0);
	assert_true(slice_is(json_out_slice(&out),
			     "{\"args\":{\"a\":1},\"key\":\"k\"}"));
	json_out_reset(&out);
	defaults.handler = NULL;
	assert_int_equal(spec_write_item(&out, &defaults, &item, "k", &fault),
			 SPEC_E_HANDLER);
	json_out_fini(&out);
}

UNIT(descriptors_are_numbered_in_the_order_in_which_they_go)
{
	struct reeve_descriptors given = {-1, 7, -1, 5};
	struct reeve_spec spec = {.argv = argv_true, .descriptors = &given};
	struct spec_fault fault;
	int fds[SPEC_DESCRIPTORS];

	assert_int_equal(spec_descriptors(&spec, fds), 2);
	assert_int_equal(fds[0], 7);
	assert_int_equal(fds[1], 5);
	assert_int_equal(write_spec(&spec, NULL, &fault), 0);
	assert_true(has("stdin_fd", "-") && has("stdout_fd", "0"));
	assert_true(has("stderr_fd", "-") && has("cwd_fd", "1"));
	/* The folder is that one, and no other is named. */
	assert_true(slice_is(
		member(member(slice_of(written), "context"), "cwd"), "-"));
	given.cwd_fd = -1;
	assert_int_equal(write_spec(&spec, NULL, &fault), 0);
	assert_false(slice_is(
		member(member(slice_of(written), "context"), "cwd"), "-"));
	spec.descriptors = NULL;
	assert_int_equal(spec_descriptors(&spec, fds), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handler_takes_args_and_nothing_of_a_command),
		cmocka_unit_test(items_of_one_call_follow_its_handler),
		cmocka_unit_test(
			descriptors_are_numbered_in_the_order_in_which_they_go),
		cmocka_unit_test(a_folder_that_is_gone_is_refused),
		cmocka_unit_test(writes_what_was_asked_for_and_nothing_else),
		cmocka_unit_test(none_is_said_and_nothing_is_left_out),
		cmocka_unit_test(input_that_is_not_text_travels_as_base64),
		cmocka_unit_test(the_context_is_that_of_this_process),
		cmocka_unit_test(refuses_what_the_wire_cannot_carry),
	};

	return cmocka_run_group_tests_name("client spec", tests, NULL, NULL);
}
