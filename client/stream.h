#pragma once

/*
 * Stream: the replies of one call with `more`, on a connection of its own.
 */

#include "client/handle.h"

struct reeve_stream {
	struct reeve *r;
	struct link link;
	struct json_out reply; /* for reeve_stream_next() */
	bool ended;	       /* the last reply was read, or an error */
};

/* stream_open() - as reeve_stream_open(), parameters checked */
must_check int stream_open(struct reeve *r, const char *method,
			   struct slice parameters, struct reeve_stream **ret);

/* stream_next() - as reeve_stream_next(); @ret lives until the next call */
must_check int stream_next(struct reeve_stream *stream, int64_t timeout_ms,
			   struct slice *ret);

AUTO_DEFINE(struct reeve_stream *, reeve_stream_close)
