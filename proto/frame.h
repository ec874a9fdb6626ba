#pragma once

/*
 * Framing: where does a message end? Works in resumable steps on a buffer that
 * the caller owns, looks at each byte once.
 *
 * The first message sets the terminator: a newline behind a complete object
 * means newlines from then on, a NUL means NUL. A newline inside the unfinished
 * first object is white space. In NUL mode newlines are white space throughout;
 * in newline mode a NUL is an error. Messages of white space are skipped. A
 * first message that is no object, or has a newline inside a string, ends at
 * that newline: whoever typed it is told at once.
 */

#include "proto/base.h"

enum frame_mode { FRAME_UNKNOWN, FRAME_NEWLINE, FRAME_NUL };

enum {
	FRAME_E_MORE = 1,  /* no whole message yet */
	FRAME_E_TOO_LARGE, /* longer than max_bytes: the stream is lost */
	FRAME_E_NUL,	   /* a NUL in newline mode: the stream is lost */
};

struct frame {
	enum frame_mode mode;
	size_t max_bytes; /* of one message without its terminator */
	size_t scanned;	  /* bytes of the buffer looked at already */
	/* Where the scan of the first message stands, while mode is unknown. */
	size_t depth;
	bool in_string;
	bool escaped;
	bool complete;
};

/** frame_init() - @mode is FRAME_UNKNOWN on the side that listens */
void frame_init(struct frame *frame, enum frame_mode mode, size_t max_bytes);

/**
 * frame_next() - the next message at the start of @buffered
 * @buffered:	all bytes that were received and not consumed yet; the same
 *		bytes again, and more, after FRAME_E_MORE
 * @ret_message: slice of @buffered, without its terminator, never empty
 * @ret_consumed: how much the caller drops before the next call, terminator
 *		included; set also with FRAME_E_MORE (empty lines)
 *
 * Return: 0, FRAME_E_MORE, FRAME_E_TOO_LARGE or FRAME_E_NUL.
 */
must_check int frame_next(struct frame *frame, struct slice buffered,
			  struct slice *ret_message, size_t *ret_consumed);

/** frame_terminator() - '\n' or '\0', for replies; NUL while unknown */
char frame_terminator(const struct frame *frame);
