#pragma once

/*
 * Term: the whole terminal for one program: the other screen, keys at once, no
 * cursor. It is given back on every way out: term_close(), exit(), signals; and
 * while the program is stopped.
 */

#include "proto/base.h"

#define TERM_ROWS_MAX 300

enum {
	TERM_KEY_NONE = 0, /* no key in time; perhaps the size has changed */
	TERM_KEY_END = -1, /* nobody is there any more */
	TERM_KEY_UP = 256,
	TERM_KEY_DOWN,
	TERM_KEY_ESCAPE,
};

/** term_open() - take stdin and stdout; false: they are not a terminal */
must_check bool term_open(void);
void term_close(void);

/** term_size() - at least 1 x 1 */
void term_size(size_t *ret_rows, size_t *ret_columns);

/**
 * term_key() - wait for one; ASCII or TERM_KEY_*
 * @other:	a descriptor that ends the waiting when it can be read; -1: none
 */
int term_key(int timeout_ms, int other);

/**
 * term_draw() - show these lines, in one go; only those that changed are sent
 * @lines:	with colours; not wider than the terminal
 * @count:	at most TERM_ROWS_MAX
 */
void term_draw(char *const *lines, size_t count);
