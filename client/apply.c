#include "client/apply.h"

#include "client/clock.h"
#include "client/job.h"
#include "client/submit.h"
#include "proto/json_in.h"

#include <errno.h>

static int open_stream(struct apply *apply)
{
	int result = stream_open(apply->r, "org.reeve.jobs.Submit",
				 json_out_slice(&apply->params),
				 &apply->stream);

	if (result == 0)
		patience_opened(&apply->patience, clock_monotonic_ms());
	return result;
}

int apply_begin(struct apply *apply, struct reeve *r,
		const struct reeve_spec *spec)
{
	struct slice params;
	bool keyed;
	int result;

	*apply = (struct apply){.r = r, .spec = spec};
	if (spec->descriptors)
		return handle_fail(r, REEVE_E_INVALID,
				   "Use reeve_submit() and reeve_wait()",
				   "descriptors cannot go with this call");
	result = submit_params(r, spec, &params, &keyed);
	if (result != 0)
		return result;
	/* Nothing was promised of a `result`: its caller is still there. */
	apply->again = keyed || spec->durability == REEVE_RESULT;
	json_out_raw(&apply->params, params);
	if (!json_out_ok(&apply->params))
		return handle_link_fail(r, -ENOMEM);
	return open_stream(apply);
}

void apply_fini(struct apply *apply)
{
	reeve_stream_close(TAKE(apply->stream));
	json_out_fini(&apply->params);
}

/* The connection broke: the same once more, if that is harmless. */
static int recover(struct apply *apply, int result)
{
	struct reeve *r = apply->r;
	int64_t pause_ms;

	reeve_stream_close(TAKE(apply->stream));
	if (!apply->again)
		return handle_link_fail(r, LINK_E_CLOSED);
	if (!patience_broken(&apply->patience, clock_monotonic_ms(),
			     r->patience_ms, &pause_ms))
		return handle_link_fail(r, result == REEVE_E_UNREACHABLE
						   ? LINK_E_NOBODY
						   : LINK_E_CLOSED);
	clock_pause(pause_ms);
	return 0;
}

/* 0 with *ret set, or NULL when this was not the end. */
static int take_reply(struct apply *apply, struct slice reply,
		      struct reeve_job **ret)
{
	bool first = apply->id == 0, existed = false;
	struct slice value;
	int result;

	patience_progress(&apply->patience);
	if (json_find(reply, "id", &value) && json_int(value, &apply->id) != 0)
		apply->id = 0;
	/* Sent again it finds itself. */
	if (first && json_find(reply, "existing", &value) &&
	    json_bool(value, &existed) == 0)
		apply->existed = existed;
	*ret = NULL;
	if (!json_find(reply, "job", &value))
		return 0;
	result = job_decode(value, ret);
	if (result < 0)
		return handle_link_fail(apply->r, result);
	if (result > 0)
		return handle_fail(apply->r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer to Submit holds "
				   "something that is not a job");
	apply->id = (*ret)->id;
	return 0;
}

static int step(struct apply *apply, int64_t timeout_ms, struct reeve_job **ret)
{
	struct slice reply;
	int result = 0;

	*ret = NULL;
	if (!apply->stream)
		result = open_stream(apply);
	if (result == 0)
		result = stream_next(apply->stream, timeout_ms, &reply);
	if (result == REEVE_E_LOST ||
	    (result == REEVE_E_UNREACHABLE && apply->patience.until_ms))
		return recover(apply, result);
	if (result == REEVE_E_END)
		return handle_fail(apply->r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer to Submit ended "
				   "without the job's end");
	if (result != 0)
		return result;
	return take_reply(apply, reply, ret);
}

int apply_next(struct apply *apply, int64_t timeout_ms, struct reeve_job **ret)
{
	int64_t deadline_ms = timeout_ms < 0
				      ? -1
				      : clock_monotonic_ms() + timeout_ms;

	for (;;) {
		struct reeve_job *job;
		int result = step(apply, timeout_ms, &job);

		if (result != 0)
			return result;
		if (job) {
			*ret = job;
			return 0;
		}
		if (deadline_ms >= 0) {
			timeout_ms = deadline_ms - clock_monotonic_ms();
			if (timeout_ms < 0)
				timeout_ms = 0;
		}
	}
}

int reeve_apply(struct reeve *r, const struct reeve_spec *spec,
		int64_t timeout_ms, struct reeve_job **ret)
{
	struct apply apply;
	int result = apply_begin(&apply, r, spec);

	if (result == 0)
		result = apply_next(&apply, timeout_ms, ret);
	apply_fini(&apply);
	return result;
}
