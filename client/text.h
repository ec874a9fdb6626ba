#pragma once

/*
 * Text on a terminal: how wide it is, and cut to a width. Bytes from the daemon
 * may be anything: control characters are replaced, tabs and newlines by blanks.
 */

#include "proto/base.h"

/** text_width() - columns that @text takes; wide characters two */
size_t text_width(const char *text);

/**
 * text_fit() - @text in at most @columns, cut in the middle
 * @ret:	room for @bytes; always terminated; control characters and bytes
 *		that are not UTF-8 become '?'
 * @unicode:	the mark of a cut is one character, else two dots
 */
void text_fit(const char *text, size_t columns, bool unicode, char *ret,
	      size_t bytes);

/** text_is_order() - would a terminal obey it? A control character, C0 or C1, or
 * what turns the direction of a line. */
bool text_is_order(uint32_t code);

/** text_clean() - as text_fit() without cutting, in place */
void text_clean(char *text);

/** text_clean_lines() - the same, but newlines stay */
void text_clean_lines(char *text);
