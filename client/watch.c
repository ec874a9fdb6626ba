/*
 * Watch: wait for the ends of many jobs. Keeps the ids that have not been told,
 * so that a lost connection only means asking again for those.
 */

#include "client/clock.h"
#include "client/job.h"
#include "client/patience.h"
#include "client/stream.h"
#include "proto/json_in.h"
#include "proto/limits.h"

#include <errno.h>

struct reeve_watch {
	struct reeve *r;
	struct reeve_stream *stream; /* NULL: to be opened */
	int64_t *ids;		     /* sorted; negative: told already */
	size_t count;
	size_t left;
	/* Jobs of the last reply that have not been given out yet. */
	struct json_out pending; /* a JSON array */
	struct json_iter iter;
	struct patience patience;
};

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int reeve_watch_new(struct reeve *r, const int64_t *ids, size_t count,
		    struct reeve_watch **ret)
{
	struct reeve_watch *watch;

	if (count == 0 || count > LIMIT_IDS_PER_CALL)
		return handle_fail(r, REEVE_E_INVALID, "Use several",
				   "one watch takes 1 to %d jobs",
				   LIMIT_IDS_PER_CALL);
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return handle_link_fail(r, -ENOMEM);
	watch->ids = calloc(count, sizeof(*ids));
	if (!watch->ids) {
		free(watch);
		return handle_link_fail(r, -ENOMEM);
	}
	watch->r = r;
	memcpy(watch->ids, ids, count * sizeof(*ids));
	qsort(watch->ids, count, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < count; i++) {
		if (watch->count == 0 ||
		    watch->ids[watch->count - 1] != watch->ids[i])
			watch->ids[watch->count++] = watch->ids[i];
	}
	watch->left = watch->count;
	*ret = watch;
	return 0;
}

void reeve_watch_free(struct reeve_watch *watch)
{
	if (!watch)
		return;
	reeve_stream_close(watch->stream);
	json_out_fini(&watch->pending);
	free(watch->ids);
	free(watch);
}

int reeve_watch_fd(const struct reeve_watch *watch)
{
	return watch->stream ? reeve_stream_fd(watch->stream) : -1;
}

size_t reeve_watch_left(const struct reeve_watch *watch)
{
	return watch->left;
}

static int open_stream(struct reeve_watch *watch)
{
	struct json_out *out = handle_params(watch->r);
	struct slice params;
	int result;

	json_out_object(out);
	json_out_key(out, "ids");
	json_out_array(out);
	for (size_t i = 0; i < watch->count; i++) {
		if (watch->ids[i] > 0)
			json_out_int(out, watch->ids[i]);
	}
	json_out_array_end(out);
	json_out_object_end(out);
	result = handle_params_take(watch->r, &params);
	if (result != 0)
		return result;
	result = stream_open(watch->r, "org.reeve.jobs.Wait", params,
			     &watch->stream);
	if (result == 0)
		patience_opened(&watch->patience, clock_monotonic_ms());
	return result;
}

/* Is it one of ours that was not told before? Then it is told now. */
static bool mark_told(struct reeve_watch *watch, int64_t id)
{
	size_t low = 0, high = watch->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int64_t at = llabs(watch->ids[middle]);

		if (at == id) {
			if (watch->ids[middle] < 0)
				return false;
			watch->ids[middle] = -id;
			watch->left--;
			return true;
		}
		if (at < id)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* 0 with *ret set, or NULL when there is none among those received. */
static int next_pending(struct reeve_watch *watch, struct reeve_job **ret)
{
	struct slice item;

	*ret = NULL;
	while (json_item(&watch->iter, &item)) {
		AUTO(reeve_job_free) struct reeve_job *job = NULL;
		int result = job_decode(item, &job);

		if (result < 0)
			return handle_link_fail(watch->r, result);
		if (result > 0)
			return handle_fail(watch->r, REEVE_E_PROTOCOL, NULL,
					   "the daemon's answer to Wait holds "
					   "something that is not a job");
		if (!reeve_job_ended(job) || !mark_told(watch, job->id))
			continue;
		*ret = TAKE(job);
		return 0;
	}
	return 0;
}

static int keep_reply(struct reeve_watch *watch, struct slice reply)
{
	struct slice jobs;

	json_out_reset(&watch->pending);
	watch->iter = (struct json_iter){0};
	if (!json_find(reply, "jobs", &jobs))
		return 0;
	json_out_raw(&watch->pending, jobs);
	if (!json_out_ok(&watch->pending))
		return handle_link_fail(watch->r, -ENOMEM);
	watch->iter = json_enter(json_out_slice(&watch->pending));
	return 0;
}

/*
 * The connection broke, or the stream ended although jobs are left: the next
 * step asks again, for as long as the handle is patient.
 */
static int recover(struct reeve_watch *watch, int result)
{
	struct reeve *r = watch->r;
	int64_t pause_ms;

	reeve_stream_close(TAKE(watch->stream));
	if (!patience_broken(&watch->patience, clock_monotonic_ms(),
			     r->patience_ms, &pause_ms))
		return handle_link_fail(r, result == REEVE_E_UNREACHABLE
						   ? LINK_E_NOBODY
						   : LINK_E_CLOSED);
	clock_pause(pause_ms);
	return 0;
}

static int step(struct reeve_watch *watch, int64_t timeout_ms)
{
	struct slice reply;
	int result = 0;

	if (!watch->stream)
		result = open_stream(watch);
	if (result == 0)
		result = stream_next(watch->stream, timeout_ms, &reply);
	if (result == REEVE_E_LOST || result == REEVE_E_END ||
	    (result == REEVE_E_UNREACHABLE && watch->patience.until_ms))
		return recover(watch, result);
	if (result != 0)
		return result;
	return keep_reply(watch, reply);
}

int reeve_watch_next(struct reeve_watch *watch, int64_t timeout_ms,
		     struct reeve_job **ret)
{
	int64_t deadline_ms = timeout_ms < 0
				      ? -1
				      : clock_monotonic_ms() + timeout_ms;

	for (;;) {
		struct reeve_job *job;
		int result = next_pending(watch, &job);

		if (result != 0)
			return result;
		if (job) {
			patience_progress(&watch->patience);
			*ret = job;
			return 0;
		}
		if (watch->left == 0)
			return handle_fail(watch->r, REEVE_E_END, NULL,
					   "all have been told");
		if (deadline_ms >= 0) {
			timeout_ms = deadline_ms - clock_monotonic_ms();
			if (timeout_ms < 0)
				timeout_ms = 0;
		}
		result = step(watch, timeout_ms);
		if (result != 0)
			return result;
	}
}

int reeve_wait(struct reeve *r, int64_t id, int64_t timeout_ms,
	       struct reeve_job **ret)
{
	struct reeve_watch *watch;
	int result = reeve_watch_new(r, &id, 1, &watch);

	if (result != 0)
		return result;
	result = reeve_watch_next(watch, timeout_ms, ret);
	reeve_watch_free(watch);
	return result;
}
