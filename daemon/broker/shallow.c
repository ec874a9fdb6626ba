#include "daemon/broker/shallow.h"

#include <errno.h>

#define NULL_TEXT SLICE("null")

/* A walk that knows strings and brackets, and trusts neither. */
struct walk {
	struct slice text;
	size_t at, depth;
	struct slice word; /* the last string at depth 1 */
	bool key;	   /* behind it came a colon */
};

/* At a quote; leaves it behind the closing one, or at the end. */
static void pass_string(struct walk *walk)
{
	size_t from = ++walk->at;

	while (walk->at < walk->text.n && walk->text.p[walk->at] != '"')
		walk->at += walk->text.p[walk->at] == '\\' ? 2 : 1;
	if (walk->at > walk->text.n)
		walk->at = walk->text.n;
	if (walk->depth == 1) {
		walk->word = (struct slice){walk->text.p + from,
					    walk->at - from};
		walk->key = false;
	}
}

static bool is_result(const struct walk *walk)
{
	return walk->depth == 1 && walk->key && slice_is(walk->word, "result");
}

/* Return: does the result end here? */
static bool pass_byte(struct walk *walk, size_t *start)
{
	char c = walk->text.p[walk->at];

	if (c == '"') {
		pass_string(walk);
	} else if (c == ':' && walk->depth == 1) {
		walk->key = true;
	} else if (c == '[' || c == '{') {
		if (!*start && is_result(walk))
			*start = walk->at;
		walk->depth++;
	} else if ((c == ']' || c == '}') && walk->depth > 0) {
		walk->depth--;
		return *start && walk->depth == 1;
	} else if (c == ',' && walk->depth == 1) {
		walk->key = false;
	}
	return false;
}

int shallow_result(struct slice text, struct arena *arena, struct slice *ret)
{
	struct walk walk = {.text = text};
	size_t start = 0, left;
	char *p;

	while (walk.at < text.n && !pass_byte(&walk, &start))
		walk.at++;
	if (walk.at >= text.n)
		return SHALLOW_E_NONE;
	left = text.n - walk.at - 1;
	p = arena_alloc(arena, start + NULL_TEXT.n + left + 1);
	if (!p)
		return -ENOMEM;
	memcpy(p, text.p, start);
	memcpy(p + start, NULL_TEXT.p, NULL_TEXT.n);
	memcpy(p + start + NULL_TEXT.n, text.p + walk.at + 1, left);
	*ret = (struct slice){p, start + NULL_TEXT.n + left};
	return 0;
}
