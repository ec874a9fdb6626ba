#include "daemon/config/tree.h"

#include "proto/json_in.h"

#include <errno.h>
#include <stdio.h>

int tree_init(struct tree *tree)
{
	*tree = (struct tree){
		.places = calloc(TREE_PLACES_MAX, sizeof(*tree->places)),
	};
	return tree->places ? 0 : -ENOMEM;
}

void tree_fini(struct tree *tree)
{
	json_out_fini(&tree->out);
	free(tree->places);
	tree->places = NULL;
}

static void fault(struct tree *tree, const yaml_event_t *event,
		  const char *words)
{
	if (tree->fault)
		return;
	tree->fault = words;
	tree->line = (int)event->start_mark.line + 1;
	tree->column = (int)event->start_mark.column + 1;
}

static void note_place(struct tree *tree, const yaml_event_t *event)
{
	struct tree_place *place;

	if (tree->place_count == TREE_PLACES_MAX)
		return;
	place = &tree->places[tree->place_count++];
	memcpy(place->path, tree->path, sizeof(place->path));
	place->line = (int)event->start_mark.line + 1;
	place->column = (int)event->start_mark.column + 1;
}

static void step(struct tree *tree, size_t at, const char *format,
		 const char *key, size_t index)
{
	if (key)
		snprintf(tree->path + at, sizeof(tree->path) - at, format, key);
	else
		snprintf(tree->path + at, sizeof(tree->path) - at, "[%zu]",
			 index);
}

static bool is_known(const struct tree *tree)
{
	for (size_t i = 0; i < tree->place_count; i++) {
		if (strcmp(tree->places[i].path, tree->path) == 0)
			return true;
	}
	return false;
}

static struct slice text_of(const yaml_event_t *event)
{
	return (struct slice){(const char *)event->data.scalar.value,
			      event->data.scalar.length};
}

static void on_key(struct tree *tree, struct tree_level *level,
		   const yaml_event_t *event)
{
	struct slice key = text_of(event);
	/* One byte less than fits: what is cut is no path of anything. */
	bool fits = level->length + key.n + 2 < sizeof(tree->path);

	if (!fits || memchr(key.p, '\0', key.n)) {
		fault(tree, event, "such a key is too long for any setting");
		return;
	}
	step(tree, level->length, ".%s", key.p, 0);
	if (is_known(tree))
		fault(tree, event, "this key is here already");
	note_place(tree, event);
	json_out_key_slice(&tree->out, key);
	level->has_key = true;
}

static bool is_plain_json(const yaml_event_t *event)
{
	struct slice text = text_of(event);
	struct json_fault why;

	return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && text.n &&
	       strchr("-0123456789tfn", text.p[0]) &&
	       json_check(text, &why) == 0;
}

static void on_scalar(struct tree *tree, const yaml_event_t *event)
{
	struct slice text = text_of(event);
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (memchr(text.p, '\0', text.n))
		fault(tree, event, "there is a NUL character in it");
	if (plain && (!text.n || slice_is(text, "~")))
		json_out_raw(&tree->out, SLICE("null"));
	else if (is_plain_json(event))
		json_out_raw(&tree->out, text);
	else
		json_out_string(&tree->out, text);
}

/* Where the next part stands; a key is no part. */
static bool begin_part(struct tree *tree, const yaml_event_t *event)
{
	struct tree_level *level;

	if (tree->depth == 0)
		return true;
	level = &tree->levels[tree->depth - 1];
	if (level->mapping && !level->has_key) {
		if (event->type == YAML_SCALAR_EVENT)
			on_key(tree, level, event);
		else
			fault(tree, event, "a key is a word");
		return false;
	}
	if (level->mapping) {
		level->has_key = false;
	} else {
		step(tree, level->length, NULL, NULL, level->index++);
		note_place(tree, event);
	}
	return true;
}

static void open_level(struct tree *tree, const yaml_event_t *event,
		       bool mapping)
{
	if (tree->depth == TREE_LEVELS_MAX) {
		fault(tree, event, "there are too many levels");
		tree->depth++;
		return;
	}
	tree->levels[tree->depth++] = (struct tree_level){
		.mapping = mapping, .length = strlen(tree->path)};
	if (mapping)
		json_out_object(&tree->out);
	else
		json_out_array(&tree->out);
}

static bool close_level(struct tree *tree)
{
	const struct tree_level *level = &tree->levels[--tree->depth];

	tree->path[level->length] = '\0';
	if (level->mapping)
		json_out_object_end(&tree->out);
	else
		json_out_array_end(&tree->out);
	return tree->depth == 0;
}

bool tree_is_decorated(const yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		return event->data.scalar.anchor || event->data.scalar.tag;
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return event->data.sequence_start.anchor ||
		       event->data.sequence_start.tag;
	if (event->type == YAML_MAPPING_START_EVENT)
		return event->data.mapping_start.anchor ||
		       event->data.mapping_start.tag;
	return event->type == YAML_ALIAS_EVENT;
}

/* Behind a fault only the levels count. */
static bool pass_over(struct tree *tree, const yaml_event_t *event)
{
	if (event->type == YAML_SEQUENCE_START_EVENT ||
	    event->type == YAML_MAPPING_START_EVENT)
		tree->depth++;
	else if (event->type == YAML_SEQUENCE_END_EVENT ||
		 event->type == YAML_MAPPING_END_EVENT)
		tree->depth--;
	return tree->depth == 0;
}

bool tree_event(struct tree *tree, const yaml_event_t *event)
{
	bool mapping = event->type == YAML_MAPPING_START_EVENT;

	if (!tree->fault && tree_is_decorated(event))
		fault(tree, event,
		      "anchors, aliases and tags have no place here: write the "
		      "value itself");
	if (tree->fault)
		return pass_over(tree, event);
	if (event->type == YAML_SEQUENCE_END_EVENT ||
	    event->type == YAML_MAPPING_END_EVENT)
		return close_level(tree);
	if (!begin_part(tree, event))
		return tree->fault && pass_over(tree, event);
	if (mapping || event->type == YAML_SEQUENCE_START_EVENT)
		open_level(tree, event, mapping);
	else
		on_scalar(tree, event);
	return false;
}

const struct tree_place *tree_find(const struct tree *tree, const char *path)
{
	const struct tree_place *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < tree->place_count; i++) {
		const struct tree_place *place = &tree->places[i];
		size_t n = strlen(place->path);

		if (n < most || strncmp(place->path, path, n) != 0 ||
		    !(path[n] == '\0' || path[n] == '.' || path[n] == '['))
			continue;
		best = place;
		most = n;
	}
	return best;
}
