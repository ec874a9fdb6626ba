#pragma once

/*
 * Pattern: the command of `map`, with {} for the item and {#} for its number.
 * Without any {} the item is appended.
 */

#include "client/reeve.h"
#include "proto/arena.h"

struct pattern {
	const char *const *argv; /* NULL when shell is set */
	const char *shell;	 /* here items are quoted for the shell */
	bool has_item;		 /* {} occurs */
};

/** pattern_init() - exactly one of @argv and @shell; both live as long */
void pattern_init(struct pattern *pattern, const char *const *argv,
		  const char *shell);

/**
 * pattern_fill() - the command for one item
 * @number:	from 1
 * @ret:	argv or shell is set, in @arena
 *
 * Return: 0 or -ENOMEM.
 */
must_check int pattern_fill(const struct pattern *pattern, struct arena *arena,
			    const char *item, int64_t number,
			    struct reeve_spec *ret);
