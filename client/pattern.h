#pragma once

/*
 * Pattern: the command of `map`, with places for the item, as GNU parallel has
 * them: {} {.} {/} {//} {/.}, {1} {2.} {3/} ... of a column, {#} its number.
 * Without any for the item it is appended.
 */

#include "client/reeve.h"
#include "proto/arena.h"
#include "proto/json_out.h"

struct pattern {
	const char *const *argv; /* NULL when shell is set */
	const char *shell;	 /* here items are quoted for the shell */
	size_t columns;		 /* {N} above stays as it is */
	const char *mark; /* stands for {}, which is none then; or NULL */
	bool has_item;	  /* a place for the item occurs */
};

struct pattern_item {
	const char *const *fields; /* its columns */
	size_t count;
	int64_t number; /* from 1 */
};

/**
 * pattern_init() - exactly one of @argv and @shell; all live as long
 * @columns:	most that an item has
 * @mark:	used instead of {}; NULL: {} it is
 */
void pattern_init(struct pattern *pattern, const char *const *argv,
		  const char *shell, size_t columns, const char *mark);

/**
 * pattern_fill() - the command for one item
 * @ret:	argv or shell is set, in @arena
 *
 * Return: 0 or -ENOMEM.
 */
must_check int pattern_fill(const struct pattern *pattern, struct arena *arena,
			    const struct pattern_item *item,
			    struct reeve_spec *ret);

/** pattern_beyond() - the N of the first {N} above `columns`; 0: there is none */
size_t pattern_beyond(const struct pattern *pattern);

/** pattern_quote() - as a word that a shell reads as @text */
void pattern_quote(struct json_out *out, const char *text);
