#pragma once

/*
 * Lists: the words behind ::: of `map`. Several lists are combined, the last
 * one changing fastest; behind :::+ a list goes along with the one before it.
 */

#include "proto/base.h"

#define LISTS_MAX 32

enum {
	LISTS_E_MANY = 1, /* more than LISTS_MAX */
	LISTS_E_LARGE,	  /* more combinations than can be counted */
};

struct lists {
	struct {
		char **words;
		int count;
		bool linked; /* behind :::+ */
	} of[LISTS_MAX];
	size_t count;
	int64_t total; /* combinations */
};

/** lists_is_mark() - ":::" or ":::+" */
bool lists_is_mark(const char *word);

/** lists_parse() - @args from the first mark on; they live as long
 *
 * Return: 0, LISTS_E_*. */
must_check int lists_parse(struct lists *lists, char **args, int count);

/** lists_at() - the words of one combination
 * @number:	from 0, below total
 * @ret:	as many as there are lists */
void lists_at(const struct lists *lists, int64_t number,
	      const char *ret[LISTS_MAX]);
