#include "proto/share.h"

#include <stdio.h>

#include "tests/helper/t.h"

/* Exactly so long: a byte read too many is found. */
static bool reads(const char *text, double *ret, char *note)
{
	size_t n = strlen(text);
	char *copy = malloc(n + 1);
	struct slice rest;
	bool is;

	assert_non_null(copy);
	memcpy(copy, text, n);
	is = share_read((struct slice){copy, n}, ret, &rest);
	if (rest.n)
		memcpy(note, rest.p, rest.n);
	note[rest.n] = '\0';
	free(copy);
	return is;
}

static void is_share(const char *text, double expected, const char *rest)
{
	double share = -1;
	char note[256];

	if (!reads(text, &share, note) || share < expected - 1e-9 ||
	    share > expected + 1e-9 || strcmp(note, rest) != 0)
		fail_msg("'%s' is %f with '%s'", text, share, note);
}

static void is_note(const char *text, const char *rest)
{
	double share = -1;
	char note[256];

	if (reads(text, &share, note) || share != -1 || strcmp(note, rest) != 0)
		fail_msg("'%s' is %f with '%s'", text, share, note);
}

UNIT(a_share_is_a_fraction_a_percentage_or_a_number_below_one)
{
	is_share("30/100", 0.3, "30/100");
	is_share("30/100 loading", 0.3, "30/100 loading");
	is_share("  30/100: loading ", 0.3, "30/100: loading");
	is_share("1.5/3", 0.5, "1.5/3");
	is_share("0/7", 0, "0/7");
	is_share("30%", 0.3, "");
	is_share("30% loading it", 0.3, "loading it");
	is_share("12.5%, then more\t", 0.125, "then more");
	is_share("0.3", 0.3, "");
	is_share(".25 loading", 0.25, "loading");
	is_share("1.0 done", 1, "done");
	is_share("1", 1, "");
	is_share(" 0\r", 0, "");
	is_share("100%", 1, "");
}

UNIT(anything_else_is_a_note)
{
	is_note("", "");
	is_note("   ", "");
	is_note(" loading ", "loading");
	is_note("1 file is left", "1 file is left");
	is_note("7", "7");
	is_note("105/100 more than all", "105/100 more than all");
	is_note("130%", "130%");
	is_note("1/0", "1/0");
	is_note("0/0", "0/0");
	is_note("-1/2", "-1/2");
	is_note("3/", "3/");
	is_note("/3", "/3");
	is_note("%", "%");
	is_note(".", ".");
	is_note("./run", "./run");
	is_note("0.3s", "0.3s");
	is_note("1/2/3", "1/2/3");
	is_note("10%ish", "10%ish");
	is_note("1,2", "1,2");
	is_note("1.2.3 is out", "1.2.3 is out");
	is_note("0x1/2", "0x1/2");
	is_note("nan", "nan");
	is_note("inf/inf", "inf/inf");
	is_note("1111111111111111/2222222222222222",
		"1111111111111111/2222222222222222");
}

static void is_meant(const char *text, const char *word)
{
	struct slice meant = share_meant(slice_of(text));

	if (meant.n != strlen(word) ||
	    (meant.n && memcmp(meant.p, word, meant.n) != 0))
		fail_msg("'%s' is taken for '%.*s'", text, (int)meant.n,
			 meant.p);
}

UNIT(what_looks_like_a_share_is_taken_for_one_also_when_it_is_none)
{
	static const char *const words[] = {
		"150%", "200/100", "5/0",   "5/",   "/100", "nan",
		"-NaN", "inf/inf", "+Inf%", "7",    "0",    "-1/2",
		"1/-2", "1.2.3",   "0,5",   "1e-5", "2E3%", "%",
	};
	char text[64];

	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		is_meant(words[i], words[i]);
		snprintf(text, sizeof(text), " %s: and more", words[i]);
		is_meant(text, words[i]);
		snprintf(text, sizeof(text), "%s, ", words[i]);
		is_meant(text, words[i]);
	}
	is_meant("30% loading", "30%");
}

UNIT(words_dates_and_paths_are_not_taken_for_a_share)
{
	static const char *const words[] = {
		"",    "  ",	    ":",     "loading",	   "2nd",  "0.3s",
		".",   "...",	    "./run", "/",	   "-",	   "10%ish",
		"e5",  "0x1/2",	    "12:30", "2026-11-21", "nano", "info",
		"a/b", "infinity_", "%s",    "1+1",	   "--",
	};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		is_meant(words[i], "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_share_is_a_fraction_a_percentage_or_a_number_below_one),
		cmocka_unit_test(anything_else_is_a_note),
		cmocka_unit_test(
			what_looks_like_a_share_is_taken_for_one_also_when_it_is_none),
		cmocka_unit_test(
			words_dates_and_paths_are_not_taken_for_a_share),
	};

	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
