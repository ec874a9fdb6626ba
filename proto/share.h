#pragma once

/*
 * Share: how much of a whole, as people write it before a note: `30/100`,
 * `30%`, `0.3`. What a job writes and what a user types are read alike.
 */

#include "proto/base.h"

/**
 * share_read() - does a text begin with a share?
 * @ret:	0 to 1
 * @ret_note:	what is left to be said: of `30/100 loading` all of it, for
 *		people count in these; of `30% loading` and `0.3 loading` only
 *		what follows. May be empty, points into @text
 *
 * A share stands alone, or a blank follows it, or `:` or `,` and a blank. A bare
 * 0 or 1 only counts alone: `1 file is left` is a note. So is what is more than
 * the whole, or of nothing.
 *
 * Return: false when it does not: @ret is left alone, @ret_note is @text
 * without the blanks around it.
 */
bool share_read(struct slice text, double *ret, struct slice *ret_note);

/**
 * share_meant() - the first word, if it can only be meant for a share
 *
 * One of digits and `.`, `,`, `/`, `%`, with signs and an exponent where numbers
 * have them, or `nan` and `inf`. Whether it is a share says share_read(); that a
 * note may begin so, `1 file is left`, is for the caller to know.
 *
 * Return: of @text, without a `:` or `,` behind it; n 0: it is another word.
 */
struct slice share_meant(struct slice text);
