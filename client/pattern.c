#include "client/pattern.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum part {
	PART_ALL,	/* {} */
	PART_STEM,	/* {.} without its last extension */
	PART_BASE,	/* {/} without its folder */
	PART_FOLDER,	/* {//} */
	PART_BASE_STEM, /* {/.} */
	PART_NUMBER,	/* {#} */
};

static const char *const parts[] = {"", ".", "/", "//", "/.", "#"};

struct place {
	enum part part;
	size_t field; /* from 1; 0: all of them */
};

/* A place at the start of @text: its bytes; 0: there is none. */
static size_t read_place(const struct pattern *pattern, const char *text,
			 struct place *ret)
{
	const char *at = text + 1;
	size_t n;

	*ret = (struct place){0};
	if (pattern->mark) {
		n = strlen(pattern->mark);
		if (strncmp(text, pattern->mark, n) == 0)
			return n;
	}
	if (*text != '{')
		return 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		ret->field = ret->field * 10 + (size_t)(*at - '0');
		if (ret->field == 0 || ret->field > pattern->columns)
			return 0;
	}
	n = strcspn(at, "}");
	for (size_t i = 0; at[n] && i < ARRAY_COUNT(parts); i++) {
		if (strlen(parts[i]) != n || strncmp(at, parts[i], n) != 0)
			continue;
		ret->part = (enum part)i;
		if (pattern->mark && n == 0 && !ret->field)
			return 0;
		if (ret->part == PART_NUMBER && ret->field)
			return 0;
		return (size_t)(at + n + 1 - text);
	}
	return 0;
}

static bool has_place(const struct pattern *pattern, const char *text)
{
	struct place place;

	for (; *text; text++) {
		if (read_place(pattern, text, &place) != 0 &&
		    place.part != PART_NUMBER)
			return true;
	}
	return false;
}

void pattern_init(struct pattern *pattern, const char *const *argv,
		  const char *shell, size_t columns, const char *mark)
{
	*pattern = (struct pattern){
		.argv = argv,
		.shell = shell,
		.columns = columns,
		.mark = mark,
	};
	if (shell)
		pattern->has_item = has_place(pattern, shell);
	for (size_t i = 0; !shell && argv[i]; i++)
		pattern->has_item |= has_place(pattern, argv[i]);
}

size_t pattern_beyond(const struct pattern *pattern)
{
	struct pattern wide = *pattern;
	struct place place;

	wide.columns = SIZE_MAX / 10 - 1;
	for (size_t i = 0; pattern->shell ? i < 1 : !!pattern->argv[i]; i++) {
		const char *at = pattern->shell ? pattern->shell
						: pattern->argv[i];

		for (; *at; at++) {
			if (read_place(&wide, at, &place) != 0 &&
			    place.field > pattern->columns)
				return place.field;
		}
	}
	return 0;
}

static void add(struct json_out *out, struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		json_out_byte(out, text.p[i]);
}

/* What no shell looks at stays as it is: so it works in $((...)), too. */
static bool is_plain(struct slice text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+:,./-";

	for (size_t i = 0; i < text.n; i++) {
		if (!memchr(plain, text.p[i], sizeof(plain) - 1))
			return false;
	}
	return text.n > 0;
}

static void add_quoted(struct json_out *out, struct slice text)
{
	if (is_plain(text)) {
		add(out, text);
		return;
	}
	json_out_byte(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			add(out, SLICE("'\\''"));
		else
			json_out_byte(out, text.p[i]);
	}
	json_out_byte(out, '\'');
}

void pattern_quote(struct json_out *out, const char *text)
{
	add_quoted(out, slice_of(text));
}

static struct slice stem_of(struct slice text)
{
	for (size_t i = text.n; i-- > 0 && text.p[i] != '/';) {
		/* ".bashrc" is a name, not an extension. */
		if (text.p[i] == '.' && i > 0 && text.p[i - 1] != '/')
			return (struct slice){text.p, i};
		if (text.p[i] == '.')
			break;
	}
	return text;
}

static struct slice base_of(struct slice text)
{
	for (size_t i = text.n; i-- > 0;) {
		if (text.p[i] == '/')
			return (struct slice){text.p + i + 1, text.n - i - 1};
	}
	return text;
}

static struct slice folder_of(struct slice text)
{
	size_t n = text.n - base_of(text).n;

	if (n == 0)
		return SLICE(".");
	return (struct slice){text.p, n > 1 ? n - 1 : 1};
}

static struct slice part_of(const char *field, enum part part)
{
	struct slice text = slice_of(field);

	switch (part) {
	case PART_STEM:
		return stem_of(text);
	case PART_BASE:
		return base_of(text);
	case PART_FOLDER:
		return folder_of(text);
	case PART_BASE_STEM:
		return stem_of(base_of(text));
	case PART_ALL:
	case PART_NUMBER:
	default:
		return text;
	}
}

static void add_field(struct json_out *out, const char *field, enum part part,
		      bool quoted)
{
	struct slice text = part_of(field, part);

	if (quoted)
		add_quoted(out, text);
	else
		add(out, text);
}

static void add_place(struct json_out *out, struct place place,
		      const struct pattern_item *item, bool quoted)
{
	char digits[24];

	if (place.part == PART_NUMBER) {
		snprintf(digits, sizeof(digits), "%" PRId64, item->number);
		add(out, slice_of(digits));
		return;
	}
	/* A line with fewer columns: the others are empty. */
	if (place.field > item->count) {
		add_field(out, "", PART_ALL, quoted);
		return;
	}
	if (place.field > 0) {
		add_field(out, item->fields[place.field - 1], place.part,
			  quoted);
		return;
	}
	for (size_t i = 0; i < item->count; i++) {
		if (i > 0)
			json_out_byte(out, ' ');
		add_field(out, item->fields[i], place.part, quoted);
	}
}

/* @text with its places filled, into the arena. */
static int fill(const struct pattern *pattern, struct arena *arena,
		const char *text, const struct pattern_item *item, bool append,
		const char **ret)
{
	struct place place = {0};
	struct json_out out = {0};
	struct slice copy;
	bool quoted = pattern->shell != NULL;
	int result = -ENOMEM;

	while (*text) {
		size_t n = read_place(pattern, text, &place);

		if (n > 0)
			add_place(&out, place, item, quoted);
		else
			json_out_byte(&out, *text);
		text += n > 0 ? n : 1;
	}
	if (append) {
		json_out_byte(&out, ' ');
		add_place(&out, (struct place){0}, item, quoted);
	}
	if (json_out_ok(&out))
		result = arena_copy(arena, json_out_slice(&out), &copy);
	json_out_fini(&out);
	if (result == 0)
		*ret = copy.p;
	return result;
}

/* Each column is an argument of its own. */
static int add_columns(struct arena *arena, const struct pattern_item *item,
		       const char **argv, size_t *count)
{
	for (size_t i = 0; i < item->count; i++) {
		struct slice copy;

		if (arena_copy(arena, slice_of(item->fields[i]), &copy) != 0)
			return -ENOMEM;
		argv[(*count)++] = copy.p;
	}
	return 0;
}

int pattern_fill(const struct pattern *pattern, struct arena *arena,
		 const struct pattern_item *item, struct reeve_spec *ret)
{
	const char *whole = pattern->mark ? pattern->mark : "{}";
	const char **argv;
	size_t given = 0, places = 1, count = 0;
	int result = 0;

	*ret = (struct reeve_spec){0};
	if (pattern->shell)
		return fill(pattern, arena, pattern->shell, item,
			    !pattern->has_item, &ret->shell);

	for (; pattern->argv[given]; given++)
		places += strcmp(pattern->argv[given], whole) == 0;
	argv = arena_array(arena, given + places * item->count + 1,
			   sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	for (size_t i = 0; result == 0 && i < given; i++) {
		if (strcmp(pattern->argv[i], whole) == 0)
			result = add_columns(arena, item, argv, &count);
		else
			result = fill(pattern, arena, pattern->argv[i], item,
				      false, &argv[count++]);
	}
	if (result == 0 && !pattern->has_item)
		result = add_columns(arena, item, argv, &count);
	ret->argv = argv;
	return result;
}
