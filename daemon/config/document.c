#include "daemon/config/document.h"

#include "daemon/config/callbacks_read.h"
#include "daemon/config/key_names.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#define PATH_BYTES 320 /* with a name in it */
#define LEVELS_MAX 8
#define NESTED_MAX 16 /* more costs libyaml the square of it */
#define SEEN_MAX 1024

/* What the next node of the file is. */
enum expect {
	EXPECT_ROOT,
	EXPECT_KEY,
	EXPECT_VALUE,	/* of a key of the table */
	EXPECT_NAMED,	/* of a key below a name: one, or a list */
	EXPECT_ITEM,	/* of such a list */
	EXPECT_SECTION, /* a mapping, or nothing */
	EXPECT_UNKNOWN, /* of something that was refused: passed over */
	EXPECT_END,
};

struct walk {
	const struct document_hooks *hooks;
	enum expect expect;
	int nested;  /* open lists and mappings, passed over or not */
	int passing; /* depth inside of what is passed over; 0: nothing is */
	char path[PATH_BYTES]; /* of the key that is looked at */
	size_t lengths[LEVELS_MAX];
	size_t depth; /* of open mappings */
	const struct table_row *row;
	const struct named_row *named;
	struct slice name; /* in path */
	char *items[NAMED_ITEMS_MAX + 1];
	size_t item_count;
	struct document_place list; /* where it begins */
	bool in_tree;		    /* it goes there */
	struct tree tree;
	struct seen *seen; /* SEEN_MAX */
	size_t seen_count;
	int error; /* -ENOMEM */
	bool over; /* nothing behind this is looked at */
};

struct seen {
	char path[PATH_BYTES];
	int line;
};

static struct document_place place_of(const yaml_mark_t *mark)
{
	return (struct document_place){(int)mark->line + 1,
				       (int)mark->column + 1};
}

/* The dots of names, which a path holds as NAMED_DOT. */
static void show_dots(char *text)
{
	for (; *text; text++) {
		if (*text == NAMED_DOT)
			*text = '.';
	}
}

static void problem(struct walk *walk, struct document_place place,
		    const char *fmt, ...) printf_like(3, 4);

static void problem(struct walk *walk, struct document_place place,
		    const char *fmt, ...)
{
	char text[DOCUMENT_FAULT_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	show_dots(text);
	walk->hooks->problem(walk->hooks->context, place, text);
}

/* "store.keep" for a message; the top has words of its own. */
static void unknown_key(struct walk *walk, struct slice typed,
			struct document_place place)
{
	struct slice section = {walk->path, walk->lengths[walk->depth - 1]};
	struct slice near = key_names_nearest(section, typed);
	const char *other = key_names_elsewhere(typed);
	int n = typed.n < 60 ? (int)typed.n : 60;
	char names[KEY_NAMES_BYTES];

	if (named_takes_name(section)) {
		problem(walk, place,
			"'%.*s' is no name for one of the %.*s: %s", n, typed.p,
			(int)section.n, section.p, named_name_rule(section));
	} else if (near.p) {
		problem(walk, place, "unknown key '%.*s': did you mean '%.*s'?",
			n, typed.p, (int)near.n, near.p);
	} else if (memchr(typed.p, '.', typed.n) && other) {
		problem(walk, place,
			"unknown key '%.*s': the dot stands for a section, "
			"write '%.*s:' and '%s:' below it",
			n, typed.p, (int)(strrchr(other, '.') - other), other,
			strrchr(other, '.') + 1);
	} else if (other) {
		problem(walk, place,
			"unknown key '%.*s' %s%.*s: did you mean '%s'?", n,
			typed.p, section.n ? "below " : "at the top",
			(int)section.n, section.p, other);
	} else {
		key_names_below(section, names);
		problem(walk, place, "unknown key '%.*s': %s%.*s there is %s",
			n, typed.p, section.n ? "below " : "at the top",
			(int)section.n, section.p, names);
	}
}

/* False when it stood there before. */
static bool first_time(struct walk *walk, struct document_place place)
{
	for (size_t i = 0; i < walk->seen_count; i++) {
		if (strcmp(walk->seen[i].path, walk->path) != 0)
			continue;
		problem(walk, place, "'%s' is here already, in line %d",
			walk->path, walk->seen[i].line);
		return false;
	}
	if (walk->seen_count == SEEN_MAX) {
		problem(walk, place,
			"more than %d keys: nothing behind this is read",
			SEEN_MAX);
		walk->over = true;
		return false;
	}
	memcpy(walk->seen[walk->seen_count].path, walk->path, PATH_BYTES);
	walk->seen[walk->seen_count++].line = place.line;
	return true;
}

static void on_key(struct walk *walk, struct slice key,
		   struct document_place place)
{
	size_t n = walk->lengths[walk->depth - 1];
	struct slice path;
	bool named;

	walk->path[n] = '\0';
	walk->expect = EXPECT_UNKNOWN;
	named = named_takes_name((struct slice){walk->path, n});
	if (n + key.n + 2 > PATH_BYTES || memchr(key.p, NAMED_DOT, key.n) ||
	    memchr(key.p, '\0', key.n) ||
	    (!named && memchr(key.p, '.', key.n))) {
		unknown_key(walk, key, place);
		return;
	}
	if (n)
		walk->path[n++] = '.';
	memcpy(walk->path + n, key.p, key.n);
	for (size_t i = n; named && i < n + key.n; i++)
		walk->path[i] = walk->path[i] == '.' ? NAMED_DOT
						     : walk->path[i];
	path = (struct slice){walk->path, n + key.n};
	walk->path[path.n] = '\0';
	walk->row = table_find(path);
	walk->named = walk->row ? NULL : named_match(path, &walk->name);
	if (!walk->row && !walk->named &&
	    (!key.n || (!table_is_section(path) && !named_is_section(path)))) {
		walk->path[walk->lengths[walk->depth - 1]] = '\0';
		unknown_key(walk, key, place);
	} else if (first_time(walk, place)) {
		walk->expect = walk->row     ? EXPECT_VALUE
			       : walk->named ? EXPECT_NAMED
					     : EXPECT_SECTION;
	}
}

/* The value of a key is done: next comes a key, or the end of the mapping. */
static void value_done(struct walk *walk)
{
	walk->expect = walk->depth ? EXPECT_KEY : EXPECT_END;
}

static bool is_nothing(const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;

	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static void on_value(struct walk *walk, const yaml_event_t *event,
		     struct document_place place)
{
	const char *text = (const char *)event->data.scalar.value;

	if (is_nothing(event))
		problem(walk, place,
			"'%s' has no value: give one, or leave it out "
			"(default: %s)",
			walk->path, walk->row->fallback);
	else if (strlen(text) != event->data.scalar.length)
		problem(walk, place, "'%s' holds a NUL character", walk->path);
	else
		walk->hooks->value(walk->hooks->context, walk->row, text,
				   place);
}

/* One item more of what is below a name. */
static void add_item(struct walk *walk, const yaml_event_t *event,
		     struct document_place place)
{
	const char *text = (const char *)event->data.scalar.value;

	if (strlen(text) != event->data.scalar.length) {
		problem(walk, place, "'%s' holds a NUL character", walk->path);
	} else if (walk->item_count == NAMED_ITEMS_MAX) {
		problem(walk, place, "'%s' has more than %d items", walk->path,
			NAMED_ITEMS_MAX);
		walk->over = true;
	} else {
		walk->items[walk->item_count] = strdup(text);
		if (!walk->items[walk->item_count])
			walk->error = -ENOMEM;
		else
			walk->item_count++;
	}
}

static void forget_items(struct walk *walk)
{
	while (walk->item_count)
		free(walk->items[--walk->item_count]);
}

/* All of them are read. */
static void say_items(struct walk *walk, struct document_place place)
{
	char text[NAMED_NAME_BYTES];
	struct slice name = {text, walk->name.n};

	snprintf(text, sizeof(text), "%.*s", (int)walk->name.n, walk->name.p);
	show_dots(text);
	walk->items[walk->item_count] = NULL;
	require(walk->named);
	if (!walk->item_count && !walk->error &&
	    walk->named->kind != NAMED_CALLBACKS)
		problem(walk, place, "'%s' has no value: give one, like %s",
			walk->path, walk->named->like);
	else if (!walk->error)
		walk->hooks->named(walk->hooks->context, walk->named, name,
				   walk->items, place);
	forget_items(walk);
}

static void on_scalar(struct walk *walk, const yaml_event_t *event,
		      struct document_place place)
{
	char names[KEY_NAMES_BYTES];

	switch (walk->expect) {
	case EXPECT_KEY:
		on_key(walk,
		       (struct slice){(const char *)event->data.scalar.value,
				      event->data.scalar.length},
		       place);
		return;
	case EXPECT_VALUE:
		on_value(walk, event, place);
		break;
	case EXPECT_NAMED:
		if (walk->named->kind == NAMED_CALLBACKS &&
		    !is_nothing(event)) {
			problem(walk, place, "'%s' is a list, like %s",
				walk->path, walk->named->like);
			break;
		}
		if (!is_nothing(event))
			add_item(walk, event, place);
		say_items(walk, place);
		break;
	case EXPECT_ITEM:
		add_item(walk, event, place);
		return;
	case EXPECT_SECTION:
		key_names_below(slice_of(walk->path), names);
		if (!is_nothing(event))
			problem(walk, place,
				"'%s' is a section: below it there is %s",
				walk->path,
				names[0] ? names : "a name of your own");
		break;
	case EXPECT_ROOT:
		if (!is_nothing(event))
			problem(walk, place,
				"expected settings, like 'log: {level: info}'");
		break;
	case EXPECT_UNKNOWN:
	case EXPECT_END:
		break;
	}
	value_done(walk);
}

static void refuse_collection(struct walk *walk, struct document_place place,
			      bool list)
{
	const char *what = list ? "a list" : "a section";

	if (walk->expect == EXPECT_VALUE || walk->expect == EXPECT_NAMED)
		problem(walk, place, "'%s' takes a value, like %s, and not %s",
			walk->path,
			walk->row ? walk->row->fallback : walk->named->like,
			what);
	else if (walk->expect == EXPECT_ITEM)
		problem(walk, place, "'%s' is a list of texts and not of %ss",
			walk->path, what + 2);
	else if (walk->expect == EXPECT_SECTION)
		problem(walk, place, "'%s' is a section and not a list",
			walk->path);
	else if (walk->expect == EXPECT_KEY)
		problem(walk, place, "a key is a word and not %s", what);
	else if (walk->expect == EXPECT_ROOT)
		problem(walk, place,
			"expected settings, like 'log: {level: info}'");
	walk->passing = 1;
}

static void on_mapping(struct walk *walk, struct document_place place)
{
	if (walk->expect != EXPECT_SECTION && walk->expect != EXPECT_ROOT) {
		refuse_collection(walk, place, false);
		return;
	}
	/* Sections of the table are never as deep as this. */
	require(walk->depth < LEVELS_MAX);
	walk->lengths[walk->depth++] = strlen(walk->path);
	walk->expect = EXPECT_KEY;
}

static void on_mapping_end(struct walk *walk)
{
	walk->path[walk->lengths[--walk->depth]] = '\0';
	value_done(walk);
}

static bool on_list(struct walk *walk, struct document_place place)
{
	if (walk->expect != EXPECT_NAMED || walk->named->kind != NAMED_LIST)
		return false;
	walk->list = place;
	walk->expect = EXPECT_ITEM;
	return true;
}

static void on_list_end(struct walk *walk)
{
	say_items(walk, walk->list);
	value_done(walk);
}

/* Whatever was passed over: a bad key is followed by a value, to be passed
 * over, too. */
static void passed(struct walk *walk)
{
	if (walk->expect == EXPECT_KEY)
		walk->expect = EXPECT_UNKNOWN;
	else if (walk->expect != EXPECT_ITEM)
		value_done(walk);
}

/* A list of sections goes on as a tree, up to its end. */
static bool is_of_tree(struct walk *walk, const yaml_event_t *event)
{
	if (walk->in_tree)
		return true;
	if (walk->expect != EXPECT_NAMED || walk->passing ||
	    walk->named->kind != NAMED_CALLBACKS ||
	    event->type != YAML_SEQUENCE_START_EVENT)
		return false;
	walk->list = place_of(&event->start_mark);
	walk->error = tree_init(&walk->tree);
	walk->in_tree = true;
	return true;
}

static void on_tree(struct walk *walk, const yaml_event_t *event)
{
	bool has_on = walk->named - named_rows == NAMED_CALLBACKS_ALL;
	int n;

	if (walk->error || !tree_event(&walk->tree, event))
		return;
	n = callbacks_read(&walk->tree, has_on, walk->hooks, walk->list,
			   walk->items);
	if (n < 0)
		walk->error = n;
	else if (n != CALLBACKS_READ_E_BAD) {
		walk->item_count = (size_t)n;
		say_items(walk, walk->list);
	}
	tree_fini(&walk->tree);
	walk->in_tree = false;
	value_done(walk);
}

static bool is_start(const yaml_event_t *event)
{
	return event->type == YAML_SEQUENCE_START_EVENT ||
	       event->type == YAML_MAPPING_START_EVENT;
}

static bool is_end(const yaml_event_t *event)
{
	return event->type == YAML_SEQUENCE_END_EVENT ||
	       event->type == YAML_MAPPING_END_EVENT;
}

static void on_node(struct walk *walk, const yaml_event_t *event)
{
	struct document_place place = place_of(&event->start_mark);

	if (tree_is_decorated(event)) {
		problem(walk, place,
			"anchors, aliases and tags have no place "
			"here: write the value itself");
		if (is_start(event))
			walk->passing = 1;
		else
			passed(walk);
		return;
	}
	if (event->type == YAML_SCALAR_EVENT)
		on_scalar(walk, event, place);
	else if (event->type == YAML_MAPPING_START_EVENT)
		on_mapping(walk, place);
	else if (event->type == YAML_SEQUENCE_START_EVENT) {
		if (!on_list(walk, place))
			refuse_collection(walk, place, true);
	} else if (event->type == YAML_SEQUENCE_END_EVENT)
		on_list_end(walk);
	else if (event->type == YAML_MAPPING_END_EVENT)
		on_mapping_end(walk);
}

static void on_event(struct walk *walk, const yaml_event_t *event)
{
	walk->nested += is_start(event) - is_end(event);
	if (walk->nested > NESTED_MAX) {
		problem(walk, place_of(&event->start_mark),
			"more than %d levels of lists and sections: nothing "
			"behind this is read",
			NESTED_MAX);
		walk->over = true;
	} else if (event->type == YAML_DOCUMENT_START_EVENT &&
		   walk->expect == EXPECT_END) {
		problem(walk, place_of(&event->start_mark),
			"a second document begins: one file is one document");
		walk->over = true;
	} else if (event->type == YAML_DOCUMENT_END_EVENT) {
		walk->expect = EXPECT_END;
	} else if (event->type == YAML_STREAM_END_EVENT) {
		walk->over = true;
	} else if (walk->passing) {
		walk->passing += is_start(event) - is_end(event);
		if (!walk->passing)
			passed(walk);
	} else if (is_of_tree(walk, event)) {
		on_tree(walk, event);
	} else {
		on_node(walk, event);
	}
}

/* Where a byte stands: of bytes that are no text only their offset is known. */
static struct document_place place_at(struct slice text, size_t offset)
{
	struct document_place place = {1, 1};

	for (size_t i = 0; i < offset && i < text.n; i++) {
		/* The first byte of a character, as libyaml counts. */
		place.column += ((unsigned char)text.p[i] & 0xc0) != 0x80;
		if (text.p[i] == '\n')
			place = (struct document_place){place.line + 1, 1};
	}
	return place;
}

static void syntax_problem(struct walk *walk, struct slice text,
			   const yaml_parser_t *parser)
{
	struct document_place place = place_of(&parser->problem_mark);

	if (parser->error == YAML_READER_ERROR)
		place = place_at(text, parser->problem_offset);
	problem(walk, place, "not YAML: %s%s%s",
		parser->problem ? parser->problem : "cannot be read",
		parser->context ? ", " : "",
		parser->context ? parser->context : "");
}

int document_read(struct slice text, const struct document_hooks *hooks)
{
	struct walk walk = {.hooks = hooks};
	yaml_parser_t parser;
	int r = 0;

	require(text.n <= DOCUMENT_BYTES_MAX);
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.p,
				     text.n);
	walk.seen = calloc(SEEN_MAX, sizeof(*walk.seen));
	if (!walk.seen)
		walk.error = -ENOMEM;
	while (!walk.over && !walk.error) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			if (parser.error == YAML_MEMORY_ERROR)
				r = -ENOMEM;
			else
				syntax_problem(&walk, text, &parser);
			break;
		}
		on_event(&walk, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	forget_items(&walk);
	if (walk.in_tree)
		tree_fini(&walk.tree);
	free(walk.seen);
	return r ? r : walk.error;
}
