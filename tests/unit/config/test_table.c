/*
 * The table, the sample and the manual page say the same keys, defaults,
 * ranges, flags and whether a restart is needed: in both directions.
 *
 *	test_table ROOT
 */
#include "daemon/config/settings.h"
#include "daemon/config/value.h"
#include "tests/helper/t.h"

#include <stdio.h>
#include <unistd.h>

static char root[CONFIG_PATH_BYTES];
static char page[64 * 1024], sample[64 * 1024];

static void slurp(const char *name, char *ret, size_t bytes)
{
	char path[CONFIG_PATH_BYTES + 64];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "r");
	assert_non_null(file);
	n = fread(ret, 1, bytes - 1, file);
	fclose(file);
	assert_in_range(n, 1, bytes - 2);
	ret[n] = '\0';
}

/* A page without its escaped dashes. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (*from != '\\')
			*to++ = *from;
	*to = '\0';
}

static int read_pages(__attribute__((unused)) void **state)
{
	clearenv();
	setenv("HOME", "/nowhere", 1);
	slurp("etc/reeve.yaml.5", page, sizeof(page));
	unescape(page);
	slurp("etc/reeve.yaml", sample, sizeof(sample));
	return 0;
}

/* The paragraph of a key, cut off; NULL: there is none. */
static char *paragraph(const char *key)
{
	static char text[8192];
	char head[128];
	const char *at;
	size_t n;

	snprintf(head, sizeof(head), "\n.TP\n.B %s\n", key);
	at = strstr(page, head);
	if (!at)
		return NULL;
	at += strlen(head);
	for (n = 0; at[n] && strncmp(at + n, "\n.TP\n", 5) != 0 &&
		    strncmp(at + n, "\n.SH ", 5) != 0;)
		n++;
	assert_in_range(n, 1, sizeof(text) - 2);
	memcpy(text, at, n);
	text[n] = '\n';
	text[n + 1] = '\0';
	return text;
}

static void assert_says(const struct table_row *row, const char *text,
			const char *line)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(text, whole))
		fail_msg("reeve.yaml.5, %s: no line '%s'", row->key, line);
}

static void range_line(const struct table_row *row, char ret[128])
{
	static struct config config;
	char least[32], most[32];
	void *at = (char *)&config + row->offset;

	for (int i = 0; i < 2; i++) {
		int64_t n = i ? row->max : row->min;

		if (row->kind == TABLE_INT)
			*(int *)at = (int)n;
		else
			*(int64_t *)at = n;
		value_text(&config, row, i ? most : least, sizeof(least));
	}
	snprintf(ret, 128, "Range: %s to %s.", least, most);
}

UNIT(every_key_has_its_paragraph)
{
	for (size_t i = 0; i < TABLE_KEYS; i++) {
		const struct table_row *row = &table_rows[i];
		const char *text = paragraph(row->key);
		char line[128];

		if (!text)
			fail_msg("reeve.yaml.5 does not explain %s", row->key);
		snprintf(line, sizeof(line), "Flag: %s.", row->flag);
		assert_says(row, text, line);
		snprintf(line, sizeof(line), "Default: %s.", row->fallback);
		assert_says(row, text, line);
		assert_says(row, text,
			    row->live ? "Takes effect: reload."
				      : "Takes effect: restart.");
		if (!row->max) {
			assert_null(strstr(text, "Range:"));
			continue;
		}
		range_line(row, line);
		assert_says(row, text, line);
	}
}

UNIT(every_paragraph_has_its_key)
{
	const char *keys = strstr(page, "\n.SH KEYS\n");
	const char *end = keys ? strstr(keys + 1, "\n.SH ") : NULL;
	size_t count = 0;

	assert_non_null(end);
	for (const char *at = strstr(keys, "\n.TP\n"); at && at < end;
	     at = strstr(at + 1, "\n.TP\n")) {
		const char *name = at + strlen("\n.TP\n.B ");
		struct slice key = {name, strcspn(name, "\n")}, none;

		assert_memory_equal(at, "\n.TP\n.B ", 8);
		/* Those of defaults that only files have: see test_named. */
		if (named_match(key, &none))
			continue;
		if (!table_find(key))
			fail_msg("reeve.yaml.5 explains '%.*s'", (int)key.n,
				 key.p);
		/* In the order of the table, too. */
		assert_string_equal(table_rows[count].key,
				    table_find(key)->key);
		count++;
	}
	assert_int_equal(count, TABLE_KEYS);
}

UNIT(the_sample_has_every_key_at_its_default)
{
	char file[CONFIG_PATH_BYTES + 32];
	char *argv[] = {(char *)"--config", file};
	struct settings_ask ask = {2, argv, "/", "/nowhere"};
	struct settings_ask none = {0, NULL, "/", "/nowhere"};
	struct settings *settings, *plain;
	int line = 0;

	snprintf(file, sizeof(file), "%s/etc/reeve.yaml", root);
	assert_int_equal(settings_load(&settings, &ask), 0);
	assert_int_equal(settings_load(&plain, &none), 0);
	for (size_t i = 0; i < TABLE_KEYS; i++) {
		const struct table_row *row = &table_rows[i];
		const char *last = strrchr(row->key, '.') + 1;
		char text[256];

		if (settings->sources[i].layer != SETTINGS_USER)
			fail_msg("etc/reeve.yaml does not set %s", row->key);
		/* In the order of the table. */
		assert_true(settings->sources[i].line > line);
		line = settings->sources[i].line;
		assert_true(
			value_equal(&settings->config, &plain->config, row));
		snprintf(text, sizeof(text), " %s: %s\n", last, row->fallback);
		if (!strstr(sample, text))
			fail_msg("etc/reeve.yaml: no '%s'", text);
	}
	settings_free(plain);
	settings_free(settings);
}

/* "  priority: 0": of those that only files have; test_named looks at them. */
static bool is_named(const char *name)
{
	for (size_t i = 0; i < NAMED_KEYS; i++) {
		const char *key = named_rows[i].key;
		const char *dot = strrchr(key, '.');
		const char *last = dot ? dot + 1 : key;

		if (!strchr(key, '*') &&
		    strncmp(name, last, strlen(last)) == 0 &&
		    name[strlen(last)] == ':')
			return true;
	}
	return false;
}

UNIT(the_sample_says_what_needs_a_restart)
{
	char *text = sample, *line;
	bool restart = false;
	size_t key = 0;

	while ((line = strsep(&text, "\n"))) {
		const char *name = line + strspn(line, " ");

		if (*name == '\0')
			restart = false;
		if (*name == '#')
			restart |= strstr(name, "Restart.") != NULL;
		if (*name == '\0' || *name == '#' ||
		    line[strlen(line) - 1] == ':' || is_named(name))
			continue;
		assert_true(key < TABLE_KEYS);
		if (restart == table_rows[key].live)
			fail_msg("etc/reeve.yaml: is %s for a restart?",
				 table_rows[key].key);
		key++;
	}
	assert_int_equal(key, TABLE_KEYS);
}

UNIT(the_help_names_every_flag_with_its_default)
{
	for (size_t i = 0; i < TABLE_KEYS; i++) {
		const struct table_row *row = &table_rows[i];
		char text[160];

		assert_true(strlen(row->help) < 50);
		snprintf(text, sizeof(text), "(%s)\n", row->fallback);
		assert_non_null(strstr(table_usage(), row->flag));
		if (row->value)
			assert_non_null(strstr(table_usage(), text));
	}
}

UNIT(children_are_named_once)
{
	assert_true(slice_is(table_child(SLICE(""), 0), "store"));
	assert_true(slice_is(table_child(SLICE(""), 1), "listen"));
	assert_null(table_child(SLICE(""), 8).p);
	assert_true(slice_is(table_child(SLICE("store"), 1), "keep"));
	assert_null(table_child(SLICE("store"), 2).p);
	assert_true(table_is_section(SLICE("store.keep")));
	assert_false(table_is_section(SLICE("store.ke")));
	assert_false(table_is_section(SLICE("store.keep.done")));
	assert_false(table_is_section(SLICE("")));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_key_has_its_paragraph, read_pages),
		cmocka_unit_test_setup(every_paragraph_has_its_key, read_pages),
		cmocka_unit_test_setup(the_sample_has_every_key_at_its_default,
				       read_pages),
		cmocka_unit_test_setup(the_sample_says_what_needs_a_restart,
				       read_pages),
		cmocka_unit_test(the_help_names_every_flag_with_its_default),
		cmocka_unit_test(children_are_named_once),
	};

	if (argc < 2)
		return 2;
	snprintf(root, sizeof(root), "%s", argv[1]);
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
