#pragma once

/*
 * Tree: a value of a file that has parts of its own, a list of mappings, as
 * JSON, with the place of each part. What stands there plain and is a number,
 * true, false or null is that; everything else is a text.
 */

#include "proto/json_out.h"

#include <yaml.h>

#define TREE_PATH_BYTES 160
#define TREE_PLACES_MAX 512
#define TREE_LEVELS_MAX 16

struct tree_place {
	char path[TREE_PATH_BYTES]; /* "[0].exec[1]" */
	int line, column;	    /* from 1 */
};

struct tree {
	struct json_out out;
	struct tree_place *places; /* owned; TREE_PLACES_MAX */
	size_t place_count;
	char path[TREE_PATH_BYTES];
	struct tree_level {
		bool mapping, has_key;
		size_t index, length; /* of the path in front of it */
	} levels[TREE_LEVELS_MAX];
	int depth;
	const char *fault; /* what is wrong; then it is of no use */
	int line, column;  /* ... and where */
};

/** tree_init() - 0 or -ENOMEM */
must_check int tree_init(struct tree *tree);
void tree_fini(struct tree *tree);

/**
 * tree_event() - the next one, from the start of the list to its end
 *
 * Anchors, tags and keys that come twice are faults: the first is kept, and the
 * rest is passed over.
 *
 * Return: was that the end?
 */
must_check bool tree_event(struct tree *tree, const yaml_event_t *event);

/** tree_is_decorated() - an anchor, an alias or a tag: what it would mean is not
 * for here */
bool tree_is_decorated(const yaml_event_t *event);

/** tree_find() - the place of a path, else of the part that it is in */
const struct tree_place *tree_find(const struct tree *tree, const char *path);
