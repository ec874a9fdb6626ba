#pragma once

/*
 * Glance: ask the daemon now and then how far jobs say they are, for the line of
 * client/progress.h. Nothing that anybody waits for: what fails is tried again
 * later, and not said.
 */

#include "client/progress.h"

#define GLANCE_MS 500
#define GLANCE_JOBS 200 /* of more their parts are not asked for */

struct glance {
	int64_t next_ms; /* monotonic */
	unsigned vain;	 /* looks that told nothing, one after the other */
	bool looked;
};

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
