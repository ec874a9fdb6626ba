#pragma once

/*
 * Glance: ask the daemon how far jobs say they are, for the line of
 * client/progress.h, when its events say that there is something new; now and
 * then where there are none. Nothing that anybody waits for: what fails is tried
 * again later, and not said.
 */

#include "client/progress.h"

#define GLANCE_MS 500
#define GLANCE_LEAST_MS 100 /* between two looks, however much happens */
#define GLANCE_JOBS 200	    /* of more their parts are not asked for */

struct glance {
	int64_t next_ms; /* monotonic */
	unsigned vain;	 /* looks that told nothing, one after the other */
	bool looked;
	struct reeve_stream *stream; /* owned; NULL: no events, or not yet */
	bool tried;		     /* to open it */
	bool news; /* something happened since the last look */
};

/** glance_fd() - readable when there is news; -1: it is looked now and then */
int glance_fd(const struct glance *glance);

/** glance_fini() - hear no more of it */
void glance_fini(struct glance *glance);

/** glance_job() - of a single one, if it is time to
 *
 * Return: false when it says nothing of itself, or it is not known. */
bool glance_job(struct glance *glance, struct progress *progress, int64_t id,
		int64_t now_ms);

/** glance_jobs() - of several: the parts of those that run; what is done at the
 * first look was done before */
void glance_jobs(struct glance *glance, struct progress *progress,
		 const int64_t *ids, size_t count, int64_t now_ms);

/** glance_group() - of a group: the same */
void glance_group(struct glance *glance, struct progress *progress,
		  int64_t group, int64_t now_ms);

/** glance_part() - what the running jobs of a Group say they have done
 * @group:	checked JSON, as GetGroup tells it */
double glance_part(struct slice group);
