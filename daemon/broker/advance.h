#pragma once

/*
 * Advance: how far running jobs say they are. Kept in memory only, as long as
 * the attempt runs under this broker.
 */

#include <sys/queue.h>

#include "proto/arena.h"
#include "proto/json_out.h"

#define ADVANCE_NOTE_BYTES 256

struct advance {
	LIST_ENTRY(advance) link;
	int64_t job, group; /* group 0: none */
	bool has_fraction;
	double fraction; /* 0 .. 1 */
	size_t note_bytes;
	char note[ADVANCE_NOTE_BYTES];
	/* Of broker/advance_tell: not before, and whether it wants to be told. */
	int64_t next_ns;
	bool waits;
	size_t queue_bytes; /* 0: not known */
	char queue[];
};

/* Of all jobs that have said something. */
LIST_HEAD(advances, advance);

/* What a job says at one time. */
struct advance_word {
	bool has_fraction;
	double fraction;
	struct slice note; /* empty: none, and what it was is over */
};

/**
 * advance_read() - a progress statement of a worker
 * @line:	checked JSON; what is wrong in it is left out
 * @ret:	its note points into @arena
 */
void advance_read(struct slice line, struct arena *arena,
		  struct advance_word *ret);

/** advance_new() - of a job that speaks for the first time; NULL: no memory */
struct advance *advance_new(struct advances *all, int64_t job, int64_t group,
			    struct slice queue);

/** advance_take() - it has said this; a fraction of before stays if not given */
void advance_take(struct advance *advance, const struct advance_word *word);

/** advance_write() - members @fraction and `note`, as far as known */
void advance_write(struct json_out *out, const struct advance *advance,
		   const char *fraction);

/** advance_sum() - the fractions of those of a group, added up */
double advance_sum(const struct advances *all, int64_t group);

/** advance_free() - forget it; NULL is nothing */
void advance_free(struct advance *advance);
