#pragma once

/*
 * Progress on stderr: a line that is drawn again on a terminal; on a pipe one
 * line each 10 % or 30 s, but not two in a second. Nothing with --quiet.
 *
 * Of many jobs it counts those that have ended, and the parts that running ones
 * say they have done; of a single one it tells what that says.
 */

#include "client/tool.h"

#define PROGRESS_NOTE_BYTES 257

struct progress {
	const struct tool *tool;
	bool terminal; /* the line can be drawn again */
	int64_t total; /* 0: not known yet */
	int64_t done, failed;
	double part;		      /* of those that run, added up */
	double before;		      /* was done when we began to look */
	int64_t started_ms, drawn_ms; /* monotonic */
	int drawn_tenth;
	bool shown; /* a line stands on the terminal */
	/* A single job: nothing is counted. */
	bool single;
	bool lines;	 /* on a pipe, too: --progress */
	double fraction; /* -1: it does not say */
	char note[PROGRESS_NOTE_BYTES];
	char state[16];	  /* a word; "": not known */
	int64_t since_ms; /* it runs, monotonic; 0: it does not */
	int64_t told_ms;  /* monotonic; it said this then, as far as we know */
};

/** progress_init() - @now_ms: monotonic, as everywhere here */
void progress_init(struct progress *progress, const struct tool *tool,
		   int64_t now_ms);

/** progress_wanted() - would anything ever be drawn? */
bool progress_wanted(const struct progress *progress);

/** progress_update() - draw if it is time to; cheap to call often */
void progress_update(struct progress *progress, int64_t now_ms);

/** progress_clear() - take the line away before something else is printed */
void progress_clear(struct progress *progress);

/** progress_line() - the text: bar, counts or note, rate, time left
 * @columns:	at most; @unicode: for the bar */
void progress_line(const struct progress *progress, int64_t now_ms,
		   size_t columns, bool unicode, char *ret, size_t bytes);
