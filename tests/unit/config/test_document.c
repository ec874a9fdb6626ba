/* The reader of one file; and with folders as arguments each y_ and n_ there. */
#include "tests/helper/t.h"
#include "daemon/config/document.h"
#include "daemon/config/key_names.h"
#include "daemon/config/tree.h"
#include "daemon/config/value.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct config config;
static char told[65536];
static size_t values, problems;
static const char *folder;

static void tell(struct document_place place, const char *name,
		 const char *text)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof(told) - n, "%d:%d %s%s%s\n", place.line,
		 place.column, name, name[0] ? "=" : "", text);
}

static void on_value(__attribute__((unused)) void *context,
		     const struct table_row *row, const char *text,
		     struct document_place place)
{
	char fault[VALUE_FAULT_BYTES];

	values++;
	tell(place, row->key, text);
	if ((row->kind == TABLE_PATH && text[0] != '/' &&
	     strcmp(text, "auto") != 0) ||
	    value_set(&config, row, text, "/", fault))
		problems++;
}

static void on_named(__attribute__((unused)) void *context,
		     const struct named_row *row, struct slice name,
		     char **items, struct document_place place)
{
	char text[2048] = "", fault[NAMED_FAULT_BYTES], key[128];
	struct named_value value;

	values++;
	for (char **item = items; *item; item++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n, "%s%s", n ? "," : "",
			 *item);
		if (!named_read(row, *item, &value, fault))
			problems++;
	}
	snprintf(key, sizeof(key), "%.*s/%s", (int)name.n, name.p, row->key);
	tell(place, key, text);
}

static void on_problem(__attribute__((unused)) void *context,
		       struct document_place place, const char *message)
{
	problems++;
	tell(place, "", message);
}

static const char *read_text(struct slice text)
{
	const struct document_hooks hooks = {NULL, on_value, on_named,
					     on_problem};

	told[0] = '\0';
	values = problems = 0;
	assert_int_equal(document_read(text, &hooks), 0);
	return told;
}

#define READ(text) read_text(SLICE(text))

UNIT(values_come_with_their_place)
{
	assert_string_equal(READ("log:\n  level: debug\nstore: {keep: {done: "
				 "2d,\n failed: 3d}}\n"),
			    "2:10 log.level=debug\n"
			    "3:22 store.keep.done=2d\n"
			    "4:10 store.keep.failed=3d\n");
	assert_int_equal(problems, 0);
}

UNIT(keys_below_a_name_come_with_the_name_and_all_their_items)
{
	assert_string_equal(READ("pools:\n  thumbs:\n    run: [./a.py, -v]\n"
				 "    handles: thumb\n    retire: {jobs: 5K}\n"
				 "  exec: {workers: 3}\n"),
			    "3:10 thumbs/pools.*.run=./a.py,-v\n"
			    "4:14 thumbs/pools.*.handles=thumb\n"
			    "5:20 thumbs/pools.*.retire.jobs=5K\n"
			    "6:19 pools.exec.workers=3\n");
	assert_int_equal(problems, 0);
}

UNIT(what_is_wrong_below_a_name_is_told_with_its_place)
{
	assert_string_equal(READ("pools: {a.b: {run: x}}"),
			    "1:9 'a.b' is no name for one of the pools: a name "
			    "is of letters, digits, '-' and '_', at most 63\n");
	assert_string_equal(READ("pools: {a: {handels: x}}"),
			    "1:13 unknown key 'handels': did you mean "
			    "'handles'?\n");
	assert_string_equal(READ("pools: {a: {kind: [x]}}"),
			    "1:19 'pools.a.kind' takes a value, like worker, "
			    "and not a list\n");
	assert_string_equal(READ("pools: {a: {run: [x, [y], z]}}"),
			    "1:22 'pools.a.run' is a list of texts and not of "
			    "lists\n1:18 a/pools.*.run=x,z\n");
	assert_string_equal(READ("pools: {a: {run: []}}"),
			    "1:18 'pools.a.run' has no value: give one, like "
			    "[/usr/lib/thumbs/worker.py]\n");
	assert_string_equal(READ("pools: {a: {run: x, run: y}}"),
			    "1:18 a/pools.*.run=x\n1:21 'pools.a.run' is here "
			    "already, in line 1\n");
	assert_string_equal(READ("pools: {exec: {run: x}}"),
			    "1:16 unknown key 'run': below pools.exec there is "
			    "workers\n");
	assert_string_equal(READ("pools: {a: 5}"),
			    "1:12 'pools.a' is a section: below it there is "
			    "kind, run, handles, workers, preload, idle, "
			    "ready, ping, retire, broken, concurrency, "
			    "allow_private, max_answer, secrets, "
			    "insecure_callbacks, proxy, proxy_login, "
			    "no_proxy\n");
}

UNIT(more_keys_than_are_kept_are_told)
{
	static char text[60000];
	size_t n = (size_t)snprintf(text, sizeof(text), "pools:\n");

	for (int i = 0; i < 1100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      " p%d: {run: x}\n", i);
	read_text((struct slice){text, n});
	assert_non_null(strstr(told, "more than 1024 keys"));
}

UNIT(a_mistyped_name_is_told_the_nearest)
{
	assert_string_equal(READ("stroe: {path: /x}"),
			    "1:1 unknown key 'stroe': did you mean 'store'?\n");
	assert_string_equal(READ("store: {keep: {faild: 1d}}"),
			    "1:16 unknown key 'faild': did you mean "
			    "'failed'?\n");
	assert_string_equal(READ("grace: 1s"),
			    "1:1 unknown key 'grace' at the top: did you mean "
			    "'defaults.grace'?\n");
	assert_string_equal(READ("keep-jobs: 1"),
			    "1:1 unknown key 'keep-jobs' at the top: did you "
			    "mean 'store.keep.max_jobs'?\n");
	assert_string_equal(READ("store.path: /x"),
			    "1:1 unknown key 'store.path': the dot stands for "
			    "a section, write 'store:' and 'path:' below it\n");
	assert_string_equal(READ("store: {banana: 1}"),
			    "1:9 unknown key 'banana': below store there is "
			    "path, keep\n");
}

UNIT(one_reading_says_all_that_is_wrong)
{
	assert_string_equal(READ("x: {a: {b: [1, {c: d}]}, e: f}\n"
				 "log: [level]\n"
				 "? {a: b}\n: [c]\n"
				 "stop: {timeout: {}, timeout: 2s}\n"
				 "log: {level: info}\n"
				 "defaults: {grace: 2s}\n"),
			    "1:1 unknown key 'x': at the top there is store, "
			    "listen, output, defaults, limits, pools, log, "
			    "stop, queues, callbacks\n"
			    "2:6 'log' is a section and not a list\n"
			    "3:3 a key is a word and not a section\n"
			    "5:17 'stop.timeout' takes a value, like 30s, and "
			    "not a section\n"
			    "5:21 'stop.timeout' is here already, in line 5\n"
			    "6:1 'log' is here already, in line 2\n"
			    "7:19 defaults.grace=2s\n");
}

UNIT(what_is_no_text_is_found_by_its_offset)
{
	assert_non_null(strstr(READ("log:\n  level: \"\xff\"\n"), "2:11 not"));
	assert_int_equal(problems, 1);
}

UNIT(a_second_document_ends_it)
{
	assert_string_equal(READ("log: {level: info}\n---\nstop: 1\n"),
			    "1:14 log.level=info\n2:1 a second document "
			    "begins: one file is one document\n");
}

UNIT(what_is_nested_too_deep_is_refused_where_it_is)
{
	static char text[DOCUMENT_BYTES_MAX];

	memset(text, '[', sizeof(text));
	assert_string_equal(read_text((struct slice){text, sizeof(text)}),
			    "1:1 expected settings, like 'log: {level: info}'\n"
			    "1:17 more than 16 levels of lists and sections: "
			    "nothing behind this is read\n");
	for (size_t i = 0; i + 4 <= sizeof(text); i += 4)
		memcpy(text + i, "{a: ", 4);
	assert_non_null(strstr(read_text((struct slice){text, 40000}),
			       "\n1:65 more than 16 levels"));
	for (size_t i = 0; i + 2 <= sizeof(text); i += 2)
		memcpy(text + i, "[\n", 2);
	assert_non_null(strstr(read_text((struct slice){text, sizeof(text)}),
			       "\n17:1 more than 16 levels"));
	for (size_t i = 0; i + 2 <= sizeof(text); i += 2)
		memcpy(text + i, "- ", 2);
	assert_non_null(strstr(read_text((struct slice){text, sizeof(text)}),
			       "\n1:33 more than 16 levels"));
	/* As deep as it may be. */
	assert_null(strstr(READ("a: [[[[[[[[[[[[[[[]]]]]]]]]]]]]]]\n"
				"b: [[[[[[[[[[[[[[[]]]]]]]]]]]]]]]"),
			   "levels"));
}

UNIT(the_longest_file_is_read)
{
	static char text[DOCUMENT_BYTES_MAX];

	memset(text, '#', sizeof(text));
	read_text((struct slice){text, sizeof(text)});
	assert_int_equal(problems, 0);
	memset(text, ':', sizeof(text));
	read_text((struct slice){text, sizeof(text)});
	assert_true(problems > 0);
}

UNIT(the_corpus_is_taken_and_refused_as_it_is_named)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		static char text[DOCUMENT_BYTES_MAX];
		char path[1024];
		ssize_t n;
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		n = read(fd, text, sizeof(text));
		close(fd);
		assert_true(n >= 0);
		read_text((struct slice){text, (size_t)n});
		if ((entry->d_name[0] == 'n') != (problems > 0))
			fail_msg("%s: %s", entry->d_name, told);
		count++;
	}
	closedir(dir);
	assert_true(count > 60);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_with_their_place),
		cmocka_unit_test(
			keys_below_a_name_come_with_the_name_and_all_their_items),
		cmocka_unit_test(
			what_is_wrong_below_a_name_is_told_with_its_place),
		cmocka_unit_test(more_keys_than_are_kept_are_told),
		cmocka_unit_test(a_mistyped_name_is_told_the_nearest),
		cmocka_unit_test(one_reading_says_all_that_is_wrong),
		cmocka_unit_test(what_is_no_text_is_found_by_its_offset),
		cmocka_unit_test(a_second_document_ends_it),
		cmocka_unit_test(
			what_is_nested_too_deep_is_refused_where_it_is),
		cmocka_unit_test(the_longest_file_is_read),
		cmocka_unit_test(
			the_corpus_is_taken_and_refused_as_it_is_named),
	};

	if (argc < 2)
		return 2;
	folder = argv[1];
	return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}
