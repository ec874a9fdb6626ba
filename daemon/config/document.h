#pragma once

/*
 * Document: the text of one file of the configuration, walked key by key. A
 * subset of YAML: mappings, plain values, and lists of those where a key takes
 * one. What is not a key of the table or of the named ones, a key given twice, an anchor, a tag or a second document is a problem;
 * reading goes on behind it, so that one check says all; but not behind a second
 * document, nor inside of more than 16 levels.
 */

#include "daemon/config/named.h"
#include "daemon/config/table.h"

#define DOCUMENT_BYTES_MAX (64 * 1024)
#define DOCUMENT_FAULT_BYTES 400

struct document_place {
	int line, column; /* from 1 */
};

struct document_hooks {
	void *context;
	/* A key and its value, which is not looked at yet. */
	void (*value)(void *context, const struct table_row *row,
		      const char *text, struct document_place place);
	/* The same below a name: @items ends with NULL, one but for lists. */
	void (*named)(void *context, const struct named_row *row,
		      struct slice name, char **items,
		      struct document_place place);
	void (*problem)(void *context, struct document_place place,
			const char *message);
};

/**
 * document_read() - call the hooks for all that @text says, in its order
 * @text:	at most DOCUMENT_BYTES_MAX; any bytes
 *
 * Return: 0, also with problems, or -ENOMEM.
 */
must_check int document_read(struct slice text,
			     const struct document_hooks *hooks);
