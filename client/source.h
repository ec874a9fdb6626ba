#pragma once

/*
 * Source: the items of `map`, from arguments, a file or stdin. Reads ahead as
 * far as is sensible, so that the total is known early, and never blocks.
 */

#include "client/lists.h"
#include "proto/json_out.h"

#define SOURCE_AHEAD_BYTES (16 * 1024 * 1024)
#define SOURCE_ITEM_BYTES (1024 * 1024)

enum {
	SOURCE_E_LATER = 1, /* nothing is there yet: poll source->fd */
	SOURCE_E_END,	    /* no more items */
	SOURCE_E_TOO_LONG,  /* an item over SOURCE_ITEM_BYTES */
};

struct source {
	/* Arguments: */
	const struct lists *lists; /* NULL: from fd */
	struct json_out joined;	   /* the words of the last one, as one text */
	/* A stream: */
	int fd; /* -1: none */
	char separator;
	bool eof;
	char *buffer; /* owned */
	size_t begin, scanned, end, capacity;
	const char *column_end; /* what separates columns; NULL: nothing */
	/* Both: */
	const char *fields[LISTS_MAX]; /* the columns of the last one */
	size_t field_count;
	int64_t given;	 /* items handed out */
	int64_t waiting; /* items read and not handed out */
};

/** source_lists() - items are the combinations of @lists, which live as long */
void source_lists(struct source *source, const struct lists *lists);

/** source_stream() - items are the lines of @fd, which is not closed
 * @separator:	'\n' or '\0' */
void source_stream(struct source *source, int fd, char separator);

/** source_fini() - free what it holds */
void source_fini(struct source *source);

/** source_fill() - read what is there without waiting; 0 or negative errno */
must_check int source_fill(struct source *source);

/**
 * source_next() - the next item, with its columns in `fields`; empty lines are
 * skipped
 * @ret:	the columns joined by blanks; lives, as they do, until the next
 *		source_next() or source_fill()
 *
 * Return: 0, SOURCE_E_*, -ENOMEM.
 */
must_check int source_next(struct source *source, const char **ret);

/** source_total() - how many there are in all; 0: not known yet */
int64_t source_total(const struct source *source);
