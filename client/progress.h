#pragma once

/*
 * Progress on stderr: a line that is drawn again on a terminal; on a pipe one
 * line each 10 % or 30 s, but not two in a second. Nothing with --quiet.
 */

#include "client/tool.h"

struct progress {
	const struct tool *tool;
	int64_t total; /* 0: not known yet */
	int64_t done, failed;
	int64_t started_ms, drawn_ms; /* monotonic */
	int64_t drawn_done;
	bool shown; /* a line stands on the terminal */
};

/** progress_init() - @now_ms: monotonic, as everywhere here */
void progress_init(struct progress *progress, const struct tool *tool,
		   int64_t now_ms);

/** progress_update() - draw if it is time to; cheap to call often */
void progress_update(struct progress *progress, int64_t now_ms);

/** progress_clear() - take the line away before something else is printed */
void progress_clear(struct progress *progress);

/** progress_line() - the text: bar, counts, rate, time left
 * @columns:	at most; @unicode: for the bar */
void progress_line(const struct progress *progress, int64_t now_ms,
		   size_t columns, bool unicode, char *ret, size_t bytes);
