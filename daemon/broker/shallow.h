#pragma once

/*
 * Shallow: a statement of a worker that is nested too deep to be read, with
 * null in place of the result that made it so.
 */

#include "proto/arena.h"

/**
 * shallow_result() - the same statement without its result
 * @text:	bytes that nobody has checked
 * @ret:	in @arena, to be checked
 *
 * Return: 0, SHALLOW_E_NONE, or -ENOMEM.
 */
enum {
	SHALLOW_E_NONE = 1, /* there is no result that is a list or an object */
};
must_check int shallow_result(struct slice text, struct arena *arena,
			      struct slice *ret);
