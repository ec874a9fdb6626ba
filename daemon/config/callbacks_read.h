#pragma once

/* Callbacks read: a list of callback rules in a file, checked item by item. */

#include "daemon/config/document.h"
#include "daemon/config/tree.h"

#define CALLBACKS_READ_MAX (LIMIT_CALLBACKS * 3)

enum {
	CALLBACKS_READ_E_BAD = CALLBACKS_READ_MAX + 1,
};

/**
 * callbacks_read() - the items of a list that was walked through
 * @has_on:	each says when it is due
 * @hooks:	told of each problem, with its place
 * @list:	where the list begins
 * @items:	room for CALLBACKS_READ_MAX; JSON, the caller's to free()
 *
 * Return: how many; CALLBACKS_READ_E_BAD with problems; -ENOMEM.
 */
must_check int callbacks_read(const struct tree *tree, bool has_on,
			      const struct document_hooks *hooks,
			      struct document_place list,
			      char *items[CALLBACKS_READ_MAX]);
