/* Callbacks of files: as the broker is told them, and with the places of what
 * is wrong. */
#include "daemon/config/callbacks_text.h"
#include "tests/unit/config/folder.h"

static void assert_text(const char *file, const char *expected)
{
	struct settings *settings = load_text(file);
	struct json_out out = {0};

	if (settings->problem_count)
		fail_msg("%s", settings->problems[0].message);
	assert_int_equal(callbacks_text_write(&out, settings), 0);
	json_out_byte(&out, '\0');
	assert_string_equal(out.p, expected);
	json_out_fini(&out);
	settings_free(settings);
}

UNIT(without_a_word_there_are_none)
{
	assert_text("", "{\"rules\":{},\"queues\":[]}");
	assert_text("callbacks: []\n",
		    "{\"rules\":{\"on_success\":[],\"on_failure\":[],"
		    "\"on_done\":[]},\"queues\":[]}");
}

UNIT(rules_are_sorted_by_the_ends_that_they_are_of)
{
	assert_text("callbacks:\n"
		    "  - {on: [failed, done], exec: [/a, 007, no, \"1\"]}\n"
		    "  - on: failed\n"
		    "    call: n\n"
		    "    args: {x: [1, {y: ~}], z: 2.5}\n",
		    "{\"rules\":{\"on_success\":[],\"on_failure\":["
		    "{\"argv\":[\"/a\",\"007\",\"no\",\"1\"]},"
		    "{\"handler\":\"n\",\"args\":"
		    "{\"x\":[1,{\"y\":null}],\"z\":2.5}}],"
		    "\"on_done\":[{\"argv\":[\"/a\",\"007\",\"no\",\"1\"]}]},"
		    "\"queues\":[]}");
}

UNIT(each_queue_stands_once_with_the_lists_that_are_said)
{
	assert_text("queues:\n"
		    "  a.b: {on_done: [{sh: x}], on_success: []}\n"
		    "  \"c d\": {on_failure: [{sh: y}], priority: 3}\n"
		    "  e: {priority: 3}\n",
		    "{\"rules\":{},\"queues\":[{\"queue\":\"a.b\","
		    "\"on_success\":[],\"on_done\":[{\"shell\":\"x\"}]},"
		    "{\"queue\":\"c d\",\"on_failure\":[{\"shell\":\"y\"}]}]}");
}

UNIT(what_is_wrong_has_its_place)
{
	static const struct {
		const char *text, *message;
		int line, column;
	} wrong[] = {
		{"callbacks: x\n",
		 "'callbacks' is a list, like [{on: [failed], exec: "
		 "[./alert.sh]}]",
		 1, 12},
		{"callbacks:\n  - on: [done,\n      faild]\n    sh: a\n",
		 "on 'faild': it is one or more of succeeded, failed, done; "
		 "did you mean failed?",
		 3, 7},
		{"callbacks:\n  - {on: done, sh: a}\n  - {on: done}\n",
		 "a callback has one of exec, sh, call and http", 3, 5},
		{"queues: {q: {on_done: [{sh: a, sh: b}]}}\n",
		 "this key is here already", 1, 32},
		{"queues: {q: {on_done: [{sh: &a b}]}}\n",
		 "anchors, aliases and tags have no place here: write the "
		 "value "
		 "itself",
		 1, 29},
		{"queues: {q: {on_done: [{sh: !!str b}]}}\n",
		 "anchors, aliases and tags have no place here: write the "
		 "value "
		 "itself",
		 1, 29},
		{"queues: {q: {on_done: [{? [a] : b}]}}\n", "a key is a word",
		 1, 27},
		{"queues: {q: {on_dome: []}}\n",
		 "unknown key 'on_dome': did you mean 'on_done'?", 1, 14},
	};

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		struct settings *settings = load_text(wrong[i].text);

		assert_int_equal(settings->problem_count, 1);
		assert_string_equal(settings->problems[0].message,
				    wrong[i].message);
		assert_int_equal(settings->problems[0].line, wrong[i].line);
		assert_int_equal(settings->problems[0].column, wrong[i].column);
		settings_free(settings);
	}
}

UNIT(a_handler_that_no_pool_serves_is_warned_of)
{
	static const char pool[] =
		"pools: {p: {run: sh, handles: here}}\n"
		"callbacks: [{on: done, call: here}, {on: done, exec: [a]}]\n";
	static const struct {
		const char *text;
		size_t count;
		int line;
	} cases[] = {
		{pool, 0, 0},
		{"callbacks:\n  - {on: done, sh: x}\n"
		 "  - {on: [failed, done], call: nobody}\n",
		 1, 2},
		{"queues:\n  q: {on_done: [{call: nobody}],\n"
		 "      on_failure: [{sh: x}, {call: nobody, args: {a: 1}}]}\n",
		 2, 2},
#ifdef REEVE_HTTP
		{"callbacks: [{on: done, http: {url: \"http://a\"}}]\n", 0, 0},
#endif
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct settings *settings = load_text(cases[i].text);

		assert_int_equal(settings->problem_count, 0);
		assert_int_equal(settings->warning_count, cases[i].count);
		if (cases[i].count) {
			assert_int_equal(settings->warnings[0].line,
					 cases[i].line);
			assert_string_equal(
				settings->warnings[0].message,
				"a callback calls 'nobody', which no pool "
				"serves: it waits until a pool or a consumer "
				"does");
		}
		settings_free(settings);
	}
}

UNIT(each_item_is_told_and_the_rest_of_the_file_is_read)
{
	struct settings *settings = load_text(
		"callbacks:\n  - {on: x, sh: a}\n  - {on: y, sh: a}\n"
		"  - {on: done, sh: a}\nlog: {level: loud}\n");

	assert_int_equal(settings->problem_count, 3);
	assert_int_equal(settings->problems[1].line, 3);
	assert_int_equal(settings->problems[2].line, 5);
	settings_free(settings);
}

UNIT(there_is_a_limit_for_each_end)
{
	char text[2048] = "callbacks:\n";
	size_t n = strlen(text);
	struct settings *settings;

	for (int i = 0; i <= LIMIT_CALLBACKS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "  - {on: [done, failed], sh: a}\n");
	settings = load_text(text);
	assert_int_equal(settings->problem_count, 1);
	assert_int_equal(settings->problems[0].line, 2 + LIMIT_CALLBACKS);
	settings_free(settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_word_there_are_none),
		cmocka_unit_test(rules_are_sorted_by_the_ends_that_they_are_of),
		cmocka_unit_test(
			each_queue_stands_once_with_the_lists_that_are_said),
		cmocka_unit_test(what_is_wrong_has_its_place),
		cmocka_unit_test(a_handler_that_no_pool_serves_is_warned_of),
		cmocka_unit_test(
			each_item_is_told_and_the_rest_of_the_file_is_read),
		cmocka_unit_test(there_is_a_limit_for_each_end),
	};

	return cmocka_run_group_tests_name("callbacks text", tests, make_folder,
					   remove_folder);
}
