#pragma once

/*
 * Word: what a command writes to REEVE_PROGRESS_FD. A line is an object with
 * `fraction` (or `progress`) and `note`, or a text that may begin with a share
 * (proto/share.h). The newest wins; too long ones are dropped.
 */

#include "proto/arena.h"
#include "proto/base.h"

#define WORD_BYTES 1024
#define WORD_PAUSE_MS 100 /* between two that go on */

struct word {
	char line[WORD_BYTES]; /* what has come of the next line */
	size_t line_bytes;
	bool too_long;		 /* skip to the next newline */
	char newest[WORD_BYTES]; /* waits for its turn */
	size_t newest_bytes;	 /* 0: nothing waits */
	int64_t next_ms;	 /* not before */
};

/** word_read() - take what a pipe holds, without waiting
 *
 * Return: false when nobody writes any more. */
must_check bool word_read(struct word *word, int fd);

/**
 * word_take() - the newest, if it is its turn
 * @arena:	holds the note
 * @ret_fraction: -1: it says none
 * @ret_note:	NULL: it says none
 */
must_check bool word_take(struct word *word, int64_t now_ms,
			  struct arena *arena, double *ret_fraction,
			  const char **ret_note);
