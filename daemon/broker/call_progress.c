/* Progress: a job's word of itself that comes over the clients' socket. */

#include "daemon/broker/given.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "proto/calls_progress.h"

static struct given *find(struct broker *broker, int64_t job, int64_t token)
{
	struct worker *worker, *next;

	HASH_ITER (hh, broker->fleet.by_id, worker, next) {
		struct given *given = given_find(worker, token);

		if (given && given->sched.id == job)
			return given;
	}
	return NULL;
}

/* Who knows its token speaks for it; it is nobody else's. */
static int take(struct broker *broker, int64_t job, int64_t token,
		const struct advance_word *word, bool *ret_lost)
{
	struct leased *leased = leases_find(broker, job, token);
	struct given *given = leased ? NULL : find(broker, job, token);

	*ret_lost = !leased && !given;
	if (leased)
		return leases_advances(broker, leased, word);
	return given ? given_advances(broker, given, word) : 0;
}

void call_progress(struct call *call, void *params)
{
	const struct call_progress *p = params;
	struct advance_word word = {
		.has_fraction = CALL_HAS(p, PROGRESS, fraction),
		.fraction = p->fraction,
		.note = p->note,
	};
	struct json_out *out;
	bool lost;

	if (word.has_fraction && !(word.fraction >= 0 && word.fraction <= 1)) {
		call_error_parameter(call, "fraction", "expected 0 to 1");
		return;
	}
	if (take(call->broker, p->id, p->token, &word, &lost)) {
		call_error_memory(call);
		return;
	}
	out = call_reply(call, false);
	json_out_member_bool(out, "lost", lost);
	call_reply_end(call);
}
