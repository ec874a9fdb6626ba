#pragma once

/*
 * Source: the items of `map`, from arguments, a file or stdin. Reads ahead as
 * far as is sensible, so that the total is known early, and never blocks.
 */

#include "proto/base.h"

#define SOURCE_AHEAD_BYTES (16 * 1024 * 1024)
#define SOURCE_ITEM_BYTES (1024 * 1024)

enum {
	SOURCE_E_LATER = 1, /* nothing is there yet: poll source->fd */
	SOURCE_E_END,	    /* no more items */
	SOURCE_E_TOO_LONG,  /* an item over SOURCE_ITEM_BYTES */
};

struct source {
	/* Arguments: */
	char **args; /* NULL: from fd */
	int arg_count;
	/* A stream: */
	int fd; /* -1: none */
	char separator;
	bool eof;
	char *buffer; /* owned */
	size_t begin, scanned, end, capacity;
	/* Both: */
	int64_t given;	 /* items handed out */
	int64_t waiting; /* items read and not handed out */
};

/** source_args() - items are @args, which live as long */
void source_args(struct source *source, char **args, int count);

/** source_stream() - items are the lines of @fd, which is not closed
 * @separator:	'\n' or '\0' */
void source_stream(struct source *source, int fd, char separator);

/** source_fini() - free what it holds */
void source_fini(struct source *source);

/** source_fill() - read what is there without waiting; 0 or negative errno */
must_check int source_fill(struct source *source);

/**
 * source_next() - the next item; empty lines are skipped
 * @ret:	lives until the next source_fill()
 *
 * Return: 0, SOURCE_E_*.
 */
must_check int source_next(struct source *source, const char **ret);

/** source_total() - how many there are in all; 0: not known yet */
int64_t source_total(const struct source *source);
