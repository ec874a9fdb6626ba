#pragma once

/* Member: what the lists that the supervisor tells are made of, read back. */

#include "proto/arena.h"

enum {
	MEMBER_E_FORM = 1, /* it is not there, or out of its bounds */
};

/** member_int() - a number that has to be there; else @min, and *@bad is set */
int64_t member_int(struct slice object, const char *name, int64_t min,
		   int64_t max, bool *bad);

/**
 * member_text() - a name: not empty, terminated in @ret
 * @size:	of @ret, at least 1
 *
 * Return: 0, MEMBER_E_FORM, or -ENOMEM.
 */
must_check int member_text(struct arena *arena, struct slice object,
			   const char *name, char *ret, size_t size);
