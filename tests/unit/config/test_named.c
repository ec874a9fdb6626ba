/*
 * Keys below a name: the table, the sample and the manual page say the same.
 *
 *	test_named ROOT
 */
#include "daemon/config/named.h"
#include "daemon/config/named_rows.h"
#include "daemon/config/settings.h"
#include "tests/helper/t.h"

#include <stdio.h>
#include <unistd.h>

static char root[2048];

static char *slurp(const char *name)
{
	static char text[128 * 1024];
	char path[2200];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	return text;
}

/* "pools.*.kind" with NAME for the star. */
static void page_key(const struct named_row *row, char ret[128])
{
	const char *star = strchr(row->key, '*');

	if (star)
		snprintf(ret, 128, "%.*sNAME%s", (int)(star - row->key),
			 row->key, star + 1);
	else
		snprintf(ret, 128, "%s", row->key);
}

UNIT(every_key_has_its_paragraph_with_its_default)
{
	const char *page = slurp("etc/reeve.yaml.5");

	for (size_t i = 0; i < NAMED_KEYS; i++) {
		const struct named_row *row = &named_rows[i];
		char key[128], head[160], says[160];
		const char *at, *end, *found;

		page_key(row, key);
		snprintf(head, sizeof(head), "\n.TP\n.B %s\n", key);
		at = strstr(page, head);
		if (!at)
			fail_msg("reeve.yaml.5 does not explain %s", key);
		end = strstr(at + 5, "\n.TP\n");
		if (!end)
			end = strstr(at + 5, "\n.SH ");
		if (named_unsaid((enum named_key)i)[0])
			snprintf(says, sizeof(says), "\nDefault: %s.\n",
				 named_unsaid((enum named_key)i));
		else
			snprintf(says, sizeof(says), "\nHas to be given.\n");
		found = strstr(at, says);
		if (!found || found > end)
			fail_msg("reeve.yaml.5, %s: no line '%s'", key, says);
	}
}

/* One value, or the items of a list: "[a, b]". */
static bool reads(const struct named_row *row, const char *text)
{
	char fault[NAMED_FAULT_BYTES], copy[256], *rest = copy, *item;
	struct named_value value;
	bool good = true;

	if (text[0] != '[')
		return named_read(row, text, &value, fault);
	snprintf(copy, sizeof(copy), "%s", text + 1);
	copy[strcspn(copy, "]")] = '\0';
	while ((item = strsep(&rest, ",")))
		good = good &&
		       named_read(row, item + (*item == ' '), &value, fault);
	return good;
}

UNIT(defaults_and_examples_are_values)
{
	for (size_t i = 0; i < NAMED_KEYS; i++) {
		const struct named_row *row = &named_rows[i];
		char fault[NAMED_FAULT_BYTES];
		struct named_value value;

		if (row->fallback)
			assert_true(reads(row, row->fallback));
		assert_true(reads(row, row->like));
		/* An argument of a program may be empty. */
		assert_int_equal(
			named_read(row, "", &value, fault),
			row->kind == NAMED_CALLBACKS ||
				(row->kind == NAMED_LIST && !row->words));
	}
}

/* The examples of the sample without their comment signs, in a file. */
static void write_example(const char *path)
{
	static const char *const sections[] = {
		"queues:\n  # mail.out:", "  # thumbs:", "  # http:"};
	static const char *const heads[] = {"queues:\n", "pools:\n", ""};
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (size_t i = 0; i < ARRAY_COUNT(sections); i++) {
		char *text = strstr(slurp("etc/reeve.yaml"), sections[i]);
		char *line;

		assert_non_null(text);
		fputs(heads[i], file);
		text = strstr(text, "  # ");
		while ((line = strsep(&text, "\n")) && *line) {
			assert_memory_equal(line, "  # ", 4);
			fprintf(file, "  %s\n", line + 4);
		}
	}
	fclose(file);
}

/* What the sample says of a key without a name is there with its default. */
static void check_unnamed(const struct settings *sample)
{
	for (size_t i = 0; i < NAMED_KEYS; i++) {
		const struct named_row *row = &named_rows[i];
		const struct named_entry *entry;
		char text[256];

		if (strchr(row->key, '*'))
			continue;
		entry = named_get(&sample->named, (enum named_key)i, "");
		if (!entry)
			fail_msg("etc/reeve.yaml does not show %s", row->key);
		named_text(entry, text, sizeof(text));
		assert_string_equal(text, row->fallback);
	}
}

static struct settings *load(char *path)
{
	char *argv[] = {(char *)"--config", path};
	struct settings_ask ask = {2, argv, "/", "/nowhere"};
	struct settings *settings;

	if (settings_load(&settings, &ask))
		fail_msg("%s", settings->problems[0].message);
	return settings;
}

UNIT(the_sample_shows_every_key)
{
	char path[] = "/tmp/test_named_XXXXXX", sample[2200];
	struct settings *settings;
	int fd;

#ifndef REEVE_HTTP
	skip(); /* one of its examples is of kind http */
#endif
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	write_example(path);
	settings = load(path);
	unlink(path);
	for (size_t i = 0; i < NAMED_KEYS; i++) {
		enum named_key key = (enum named_key)i;
		bool queue = named_of(key, "queues.");

		if (!queue && !named_of(key, "pools."))
			continue;
		if (!named_get(&settings->named, key,
			       queue ? "mail.out" : "thumbs") &&
		    !named_get(&settings->named, key, "http"))
			fail_msg("etc/reeve.yaml does not show %s",
				 named_rows[i].key);
	}
	assert_int_equal(settings->pools.count, 2);
	assert_int_equal(settings->defaults.count, 2);
	settings_free(settings);
	snprintf(sample, sizeof(sample), "%s/etc/reeve.yaml", root);
	settings = load(sample);
	check_unnamed(settings);
	assert_int_equal(settings->defaults.count, 1);
	settings_free(settings);
}

UNIT(names_stand_where_the_star_is)
{
	struct slice name;

	assert_ptr_equal(named_match(SLICE("pools.a-b_9.run"), &name),
			 &named_rows[NAMED_POOL_RUN]);
	assert_true(slice_is(name, "a-b_9"));
	assert_ptr_equal(named_match(SLICE("queues.a\x1f"
					   "b c.expire"),
				     &name),
			 &named_rows[NAMED_QUEUE_EXPIRE]);
	assert_true(slice_is(name, "a\x1f"
				   "b c"));
	assert_ptr_equal(named_match(SLICE("defaults.expire"), &name),
			 &named_rows[NAMED_DEFAULT_EXPIRE]);
	assert_int_equal(name.n, 0);
	assert_null(named_match(SLICE("queues.a\x01.expire"), &name));
	assert_null(named_match(SLICE("pools.a\x1f"
				      "b.run"),
				&name));
	assert_null(named_match(SLICE("pools.exec.run"), &name));
	assert_null(named_match(SLICE("pools..run"), &name));
	assert_null(named_match(SLICE("pools.a"), &name));
	assert_null(named_match(SLICE("pools.a.retire"), &name));
	assert_non_null(named_match(SLICE("pools.a.retire.age"), &name));
	assert_true(named_is_section(SLICE("pools")));
	assert_true(named_is_section(SLICE("pools.a")));
	assert_true(named_is_section(SLICE("pools.a.retire")));
	assert_false(named_is_section(SLICE("pools.a.run")));
	assert_false(named_is_section(SLICE("pools.exec")));
	assert_false(named_is_section(SLICE("pool")));
	assert_false(named_is_section(SLICE("")));
	assert_true(named_takes_name(SLICE("pools")));
	assert_false(named_takes_name(SLICE("pools.a")));
	assert_true(slice_is(named_child(SLICE("pools.a"), 0), "kind"));
	assert_true(slice_is(named_child(SLICE("pools.a.retire"), 1), "age"));
	assert_null(named_child(SLICE("pools"), 0).p);
	assert_true(slice_is(named_child(SLICE(""), 1), "queues"));
	assert_true(slice_is(named_child(SLICE("defaults.retry"), 4), "on"));
	assert_null(named_child(SLICE("defaults.retry"), 5).p);
}

UNIT(ranges_shares_and_words_are_read_or_refused)
{
	const struct named_row *workers = &named_rows[NAMED_POOL_WORKERS];
	const struct named_row *jitter = &named_rows[NAMED_POOL_RETIRE_JITTER];
	const struct named_row *kind = &named_rows[NAMED_POOL_KIND];
	const struct named_row *on = &named_rows[NAMED_QUEUE_RETRY_ON];
	const struct named_row *priority = &named_rows[NAMED_DEFAULT_PRIORITY];
	static const char *const bad[] = {"0",	   "3..2", "..2",  "2..",
					  "-1..2", "5000", "1..x", "1...2"};
	char fault[NAMED_FAULT_BYTES];
	struct named_value value;

	assert_true(named_read(workers, "2..8", &value, fault));
	assert_int_equal(value.min, 2);
	assert_int_equal(value.max, 8);
	assert_true(named_read(workers, "3", &value, fault));
	assert_int_equal(value.min, 3);
	assert_int_equal(value.max, 3);
	assert_true(named_read(workers, "0..1", &value, fault));
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		if (named_read(workers, bad[i], &value, fault))
			fail_msg("'%s' was taken", bad[i]);
	}
	assert_true(named_read(jitter, "12.5%", &value, fault));
	assert_int_equal(value.min, 125);
	assert_true(named_read(jitter, "0.25", &value, fault));
	assert_int_equal(value.min, 250);
	assert_false(named_read(jitter, "91%", &value, fault));
	assert_string_equal(fault, "give a share up to 90%, like 10%");
	assert_true(named_read(priority, "-3", &value, fault));
	assert_int_equal(value.min, -3);
	assert_false(named_read(priority, "--3", &value, fault));
	assert_false(named_read(priority, "2G", &value, fault));
	assert_string_equal(fault, "give a number from -1000000000 to "
				   "1000000000, like 10");
	assert_true(named_read(on, "timeout", &value, fault));
	assert_false(named_read(on, "lost", &value, fault));
	assert_false(named_read(jitter, "x", &value, fault));
	assert_true(named_read(kind, "lines", &value, fault));
	assert_int_equal(value.word, 2);
	assert_false(named_read(kind, "line", &value, fault));
	assert_string_equal(fault,
			    "give one of: plugin worker lines http, like "
			    "worker");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_has_its_paragraph_with_its_default),
		cmocka_unit_test(defaults_and_examples_are_values),
		cmocka_unit_test(the_sample_shows_every_key),
		cmocka_unit_test(names_stand_where_the_star_is),
		cmocka_unit_test(ranges_shares_and_words_are_read_or_refused),
	};

	if (argc < 2)
		return 2;
	snprintf(root, sizeof(root), "%s", argv[1]);
	return cmocka_run_group_tests_name("named", tests, NULL, NULL);
}
