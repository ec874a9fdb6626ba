#pragma once

/*
 * Watch: a call that is told of the ends of jobs. Wait, and Submit and
 * SubmitMany with `more`, are watches over a list of ids.
 *
 * First state, then changes: it registers with waits, then asks the store what
 * has ended already; whatever ends in between is told. A client that does not
 * read makes it pause: ids are remembered, not rows, and are looked up again
 * when there is room.
 */

#include "daemon/broker/call.h"

enum watch_style {
	WATCH_JOBS,  /* one reply {"job":...} for each end */
	WATCH_WAIT,  /* one reply {"jobs":[...],"pending":n} for each end */
	WATCH_FIRST, /* the same, and over with the first */
	WATCH_ALL,   /* one reply when all have ended */
	WATCH_ANY,   /* one reply when one has ended */
	/* Beside each but WATCH_JOBS: ends instead of jobs. */
	WATCH_BRIEF = 16,
};

/**
 * watch_start() - the call ends when the watch does
 * @style:	enum watch_style, and maybe WATCH_BRIEF
 * @ids:	copied; duplicates count once
 * @look:	some may have ended already: ask the store first
 * @wait_ms:	error Timeout behind it; negative: never
 *
 * Of a deaf call nothing is watched.
 *
 * Return: 0 or -ENOMEM, then nothing was started.
 */
must_check int watch_start(struct call *call, unsigned style,
			   const int64_t *ids, size_t count, bool look,
			   int64_t wait_ms);
