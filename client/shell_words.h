#pragma once

/*
 * Shell words: a line taken apart as sh(1) would, by its rules of quoting, and
 * run by no shell. What only a shell could do is refused, not passed on.
 */

#include "proto/base.h"

enum {
	SHELL_WORDS_E_QUOTE = 1, /* one is not closed */
	SHELL_WORDS_E_BACKSLASH, /* stands at the end */
	SHELL_WORDS_E_SHELL,	 /* | & ; < > ( ) ` or $ that is not quoted */
	SHELL_WORDS_E_EMPTY,	 /* no word is in it */
};

/**
 * shell_words() - take @text apart
 * @ret:	ends with NULL; one block to free()
 * @ret_at:	what is wrong: in @text
 *
 * '...' is as it stands; in "..." a backslash quotes $ ` " \ and newline, and
 * outside of quotes whatever follows. Patterns like *.txt stay as they are.
 *
 * Return: 0, SHELL_WORDS_E_*, or -ENOMEM.
 */
must_check int shell_words(const char *text, char ***ret, const char **ret_at);
