#include "proto/frame.h"

void frame_init(struct frame *frame, enum frame_mode mode, size_t max_bytes)
{
	*frame = (struct frame){.mode = mode, .max_bytes = max_bytes};
}

char frame_terminator(const struct frame *frame)
{
	return frame->mode == FRAME_NEWLINE ? '\n' : '\0';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* One byte of the first message; is it complete, or hopeless, behind it? */
static void step(struct frame *frame, char c)
{
	if (frame->in_string) {
		if (frame->escaped)
			frame->escaped = false;
		else if (c == '\\')
			frame->escaped = true;
		else if (c == '"')
			frame->in_string = false;
		/* No JSON has a newline there: let the reader say so now,
		 * instead of waiting for an end that cannot help. */
		else if (c == '\n')
			frame->complete = true;
		return;
	}
	switch (c) {
	case '"':
		frame->in_string = true;
		break;
	case '{':
	case '[':
		frame->depth++;
		return;
	case '}':
	case ']':
		if (frame->depth > 0)
			frame->depth--;
		break;
	default:
		if (is_space(c))
			return;
		break;
	}
	/* Outside of all brackets: the object ended, or never began. */
	if (frame->depth == 0)
		frame->complete = true;
}

/* Find the end of the first message, and with it the mode. */
static bool find_first(struct frame *frame, struct slice window)
{
	for (; frame->scanned < window.n; frame->scanned++) {
		char c = window.p[frame->scanned];

		if (c == '\0') {
			frame->mode = FRAME_NUL;
			return true;
		}
		if (!frame->complete)
			step(frame, c);
		if (c == '\n' && frame->complete) {
			frame->mode = FRAME_NEWLINE;
			return true;
		}
	}
	return false;
}

/*
 * Leaves scanned at the terminator, or behind the last byte that was looked at.
 * Looks no further than one byte over the limit, so that the answer is the same
 * however the bytes were cut.
 */
static int find_end(struct frame *frame, struct slice rest)
{
	struct slice window = rest;
	const char *from, *end, *nul;
	size_t left;

	if (window.n > frame->max_bytes)
		window.n = frame->max_bytes + 1;
	if (frame->mode == FRAME_UNKNOWN) {
		if (find_first(frame, window))
			return 0;
		return rest.n > frame->max_bytes ? FRAME_E_TOO_LARGE
						 : FRAME_E_MORE;
	}

	from = window.p + frame->scanned;
	left = window.n - frame->scanned;
	end = left ? memchr(from, frame_terminator(frame), left) : NULL;
	if (end)
		left = (size_t)(end - from);
	if (frame->mode == FRAME_NEWLINE && left) {
		nul = memchr(from, '\0', left);
		if (nul)
			return FRAME_E_NUL;
	}
	frame->scanned += left;
	if (end)
		return 0;
	return rest.n > frame->max_bytes ? FRAME_E_TOO_LARGE : FRAME_E_MORE;
}

int frame_next(struct frame *frame, struct slice buffered,
	       struct slice *ret_message, size_t *ret_consumed)
{
	size_t consumed = 0;

	for (;;) {
		struct slice rest = {buffered.p + consumed,
				     buffered.n - consumed};
		size_t begin = 0, n;
		int r;

		*ret_consumed = consumed;
		r = find_end(frame, rest);
		if (r)
			return r;

		n = frame->scanned;
		frame->scanned = 0;
		consumed += n + 1;
		while (begin < n && is_space(rest.p[begin]))
			begin++;
		if (begin == n)
			continue; /* nothing but white space: no message */

		*ret_message = (struct slice){rest.p, n};
		*ret_consumed = consumed;
		return 0;
	}
}
