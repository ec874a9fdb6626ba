#pragma once

/*
 * Progress: lines that jobs write to REEVE_PROGRESS_FD. One pipe for the whole
 * life of the worker, emptied between two jobs.
 *
 * A line is an object with `fraction` (or `progress`) and `note`, or a text that
 * begins with a share (proto/share.h): `30/100 loading`, `30%`, `0.3`; any other
 * text is a note. At most ten a second go on, the newest wins; too long lines
 * are dropped.
 */

#include "proto/arena.h"
#include "proto/base.h"
#include "proto/json_out.h"

#define PROGRESS_LINE_BYTES 1024
#define PROGRESS_PAUSE_NS 100000000

struct progress {
	int read_fd, write_fd;
	char line[PROGRESS_LINE_BYTES]; /* what has come of the next line */
	size_t line_bytes;
	bool too_long;			  /* skip to the next newline */
	char newest[PROGRESS_LINE_BYTES]; /* waits for its turn */
	size_t newest_bytes;		  /* 0: nothing waits */
	int64_t next_ns;		  /* not before */
	struct arena arena;
};

/** progress_init() - 0 or negative errno */
must_check int progress_init(struct progress *progress);
void progress_fini(struct progress *progress);

/** progress_read() - take what is in the pipe, without waiting */
void progress_read(struct progress *progress);

/** progress_due_ns() - when progress_write() wants to be called */
int64_t progress_due_ns(const struct progress *progress);

/** progress_write() - the newest line as a statement, if it is its turn */
void progress_write(struct progress *progress, struct json_out *out,
		    int64_t job, int64_t token, int64_t now_ns);

/** progress_end() - the job is over: forget what is still in the pipe */
void progress_end(struct progress *progress);
