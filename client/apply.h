#pragma once

/*
 * Apply: a submission whose end comes on the same connection, for those who
 * have more to do than to wait.
 */

#include "client/patience.h"
#include "client/stream.h"

struct apply {
	struct reeve *r;
	const struct reeve_spec *spec;
	struct json_out params; /* as they were sent, key and all */
	struct reeve_stream *stream;
	int64_t id;   /* 0: not told yet */
	bool existed; /* it was there before: somebody else may want it */
	bool again;   /* the submission may be sent a second time */
	struct patience patience;
};

/* apply_begin() - submit; @spec lives as long */
must_check int apply_begin(struct apply *apply, struct reeve *r,
			   const struct reeve_spec *spec);

/*
 * apply_next() - its end, or REEVE_E_TIMEOUT, REEVE_E_INTERRUPTED, ...
 *
 * `id` is set as soon as it is known.
 */
must_check int apply_next(struct apply *apply, int64_t timeout_ms,
			  struct reeve_job **ret);
void apply_fini(struct apply *apply);
