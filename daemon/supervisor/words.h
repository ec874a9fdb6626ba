#pragma once

/*
 * Words: what a process of a handler pool writes to its standard error, when
 * the one before it could not begin. It writes into a file in memory, that has
 * neither a reader to wait for nor one to lose; we pass it on to our own
 * standard error, and know what it said last when it ends: the pool's reason.
 */

#include "proto/base.h"

#include <sys/types.h>

#define WORDS_LAST_BYTES 4096 /* of the end, to quote from */
#define WORDS_LOOK_NS (INT64_C(1000000000))

struct words {
	int fd;
	off_t passed; /* so far it was passed on, and is forgotten */
	size_t n;
	char last[WORDS_LAST_BYTES];
};

/** words_new() - owned; NULL: there is no memory, and nothing is kept */
struct words *words_new(void);

/** words_pass() - pass on what came since; @words may be NULL */
void words_pass(struct words *words);

/**
 * words_quote() - the one line of the last that tells most
 * @filter:	a worker's, that runs one: what that says goes before our log
 * @ret:	of @size bytes, its beginning; "" when it said nothing
 */
void words_quote(const struct words *words, bool filter, char *ret,
		 size_t size);

/** words_free() - pass on the rest, and forget it; sets NULL */
void words_free(struct words **words);
