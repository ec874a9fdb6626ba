/* Get, List, Count: answered by the reader, in steps. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/broker/filter.h"
#include "daemon/broker/given.h"
#include "daemon/broker/job_json.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/state.h"
#include "proto/calls_jobs.h"
#include "proto/json_in.h"
#include "proto/limits.h"

#define GET_IDS 64 /* read at a time */
#define LIST_DEFAULT 100
#define LIST_MAX 1000

struct query {
	struct read_request request;
	struct call *call;
	struct arena answer;
	struct store_filter filter;
	const int64_t *ids;
	size_t id_count;
	bool with_spec, newest_first;
	int by; /* enum call_count_by */
	uint32_t max;
	int64_t after, next;
	struct store_row *rows;
	size_t row_count;
	struct store_lane *lanes;
	size_t lane_count;
	int64_t counts[STATE_COUNT];
};

static struct query *query_new(struct call *call)
{
	struct query *query = arena_alloc(&call->arena, sizeof(*query));

	if (!query) {
		call_error_memory(call);
		return NULL;
	}
	query->call = call;
	return query;
}

static void ask(struct query *query,
		int (*step)(struct store *, struct read_request *),
		void (*done)(struct read_request *, int))
{
	query->request.step = step;
	query->request.done = done;
	call_hold(query->call);
	reader_ask(&query->call->broker->reader, &query->request);
}

static void query_end(struct query *query)
{
	struct call *call = query->call;

	arena_fini(&query->answer);
	call_release(call);
}

static void write_jobs(struct json_out *out, const struct query *query)
{
	json_out_key(out, "jobs");
	json_out_array(out);
	for (size_t i = 0; i < query->row_count; i++)
		job_json_running(
			out, &query->rows[i], query->with_spec,
			given_advance(query->call->broker, &query->rows[i]));
	json_out_array_end(out);
}

/*
 * A page is of some bytes, or of one job: a result that does not fit into a
 * message with it is left out. What else a job has is bounded far below.
 */
static void fit_rows(struct query *query)
{
	for (size_t i = 0; i < query->row_count; i++)
		job_json_fit(&query->rows[i], LIMIT_MESSAGE_BYTES);
}

/* A few ids a step; one that is missing ends it, and so does too much. */
static int get_step(struct store *store, struct read_request *request)
{
	struct query *query = (struct query *)request;
	size_t asked = query->id_count - query->row_count, got, looked;
	struct store_row *found;
	int r;

	if (!query->rows)
		query->rows = arena_array(&query->answer, query->id_count,
					  sizeof(*query->rows));
	if (!query->rows)
		return -ENOMEM;
	if (asked > GET_IDS)
		asked = GET_IDS;
	r = store_get(store, &query->answer, query->ids + query->row_count,
		      asked, query->with_spec, false, &found, &got, &looked);
	if (r)
		return r;
	if (got)
		memcpy(query->rows + query->row_count, found,
		       got * sizeof(*found));
	query->row_count += got;
	if (query->id_count == 1)
		fit_rows(query);
	else if (query->answer.used_bytes > LIMIT_MESSAGE_BYTES)
		return -E2BIG;
	return got == looked && query->row_count < query->id_count
		       ? READER_AGAIN
		       : 0;
}

static void get_too_large(struct query *query)
{
	struct json_out *out = call_error(query->call,
					  "org.reeve.jobs.TooLarge");

	json_out_member_text(out, "what", "reply");
	json_out_member_int(out, "size", (int64_t)query->answer.used_bytes);
	json_out_member_int(out, "limit", LIMIT_MESSAGE_BYTES);
	call_error_end(query->call, "so many jobs do not fit into one reply",
		       "ask for fewer of them, or without with_spec");
}

static void get_missing(struct query *query)
{
	struct json_out *out;
	size_t i = 0;

	while (i < query->row_count && query->rows[i].id == query->ids[i])
		i++;
	out = call_error(query->call, "org.reeve.jobs.NoSuchJob");
	json_out_member_int(out, "id", query->ids[i]);
	call_error_end(query->call, "there is no job with this id",
		       "it may have been purged; List shows what is there");
}

static void get_done(struct read_request *request, int result)
{
	struct query *query = (struct query *)request;

	if (result == -E2BIG) {
		get_too_large(query);
	} else if (result) {
		call_error_storage(query->call,
				   "the database could not be read");
	} else if (query->row_count < query->id_count) {
		get_missing(query);
	} else {
		write_jobs(call_reply(query->call, false), query);
		call_reply_end(query->call);
	}
	query_end(query);
}

void call_get(struct call *call, void *params)
{
	struct call_get *p = params;
	struct query *query = query_new(call);

	if (!query)
		return;
	if (filter_ids(&call->arena, p->ids, &query->ids, &query->id_count)) {
		call_error_memory(call);
		return;
	}
	query->with_spec = p->with_spec;
	ask(query, get_step, get_done);
}

static int list_step(struct store *store, struct read_request *request)
{
	struct query *query = (struct query *)request;
	int r = store_list(store, &query->answer, &query->filter, query->after,
			   query->newest_first, query->with_spec, query->max,
			   &query->rows, &query->row_count, &query->next);

	if (r == 0)
		fit_rows(query);
	return r;
}

static void list_done(struct read_request *request, int result)
{
	struct query *query = (struct query *)request;
	struct json_out *out;
	char cursor[32];

	if (result) {
		call_error_storage(query->call,
				   "the database could not be read");
		query_end(query);
		return;
	}
	out = call_reply(query->call, false);
	write_jobs(out, query);
	if (query->next) {
		snprintf(cursor, sizeof(cursor), "%" PRId64, query->next);
		json_out_member_text(out, "cursor", cursor);
	}
	call_reply_end(query->call);
	query_end(query);
}

/* The cursor is ours, but comes back from a stranger. */
static bool read_cursor(struct call *call, struct slice cursor, int64_t *ret)
{
	if (!cursor.n)
		return true;
	if (json_int(cursor, ret) == 0 && *ret > 0)
		return true;
	call_error_parameter(call, "cursor", "is not one that List returned");
	return false;
}

void call_list(struct call *call, void *params)
{
	struct call_list *p = params;
	struct query *query = query_new(call);

	if (!query || !read_cursor(call, p->cursor, &query->after) ||
	    !filter_read(call, p->filter, false, &query->filter))
		return;
	query->with_spec = p->with_spec;
	query->newest_first = p->newest_first;
	query->max = LIST_DEFAULT;
	if (CALL_HAS(p, LIST, limit))
		query->max = p->limit < LIST_MAX ? (uint32_t)p->limit
						 : LIST_MAX;
	ask(query, list_step, list_done);
}

static int count_step(struct store *store, struct read_request *request)
{
	struct query *query = (struct query *)request;
	int r = store_count(store, &query->answer, &query->filter, query->after,
			    query->counts, &query->next);

	if (r || !query->next)
		return r;
	query->after = query->next;
	return READER_AGAIN;
}

static void count_done(struct read_request *request, int result)
{
	struct query *query = (struct query *)request;
	struct json_out *out;
	int64_t total = 0;

	if (result) {
		call_error_storage(query->call,
				   "the database could not be read");
		query_end(query);
		return;
	}
	for (int i = 0; i < STATE_COUNT; i++)
		total += query->counts[i];
	out = call_reply(query->call, false);
	json_out_member_int(out, "total", total);
	json_out_key(out, "counts");
	job_json_counts(out, query->counts);
	call_reply_end(query->call);
	query_end(query);
}

static int compare_words(struct slice a, struct slice b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare_queues(const void *a, const void *b)
{
	return compare_words(((const struct store_lane *)a)->queue,
			     ((const struct store_lane *)b)->queue);
}

static int compare_handlers(const void *a, const void *b)
{
	return compare_words(((const struct store_lane *)a)->handler,
			     ((const struct store_lane *)b)->handler);
}

/* All lanes, those of one word side by side. */
static int lanes_step(struct store *store, struct read_request *request)
{
	struct query *query = (struct query *)request;
	int r = store_lanes(store, &query->answer, &query->lanes,
			    &query->lane_count);

	if (r == 0 && query->lane_count)
		qsort(query->lanes, query->lane_count, sizeof(*query->lanes),
		      query->by == COUNT_BY_QUEUE ? compare_queues
						  : compare_handlers);
	return r;
}

static int64_t lane_total(const struct query *query,
			  const struct store_lane *lane)
{
	uint32_t states = query->filter.states;
	int64_t total = 0;

	for (int i = 0; i < STATE_COUNT; i++) {
		if (!states || states >> i & 1)
			total += lane->counts[i];
	}
	return total;
}

static struct slice lane_word(const struct query *query, size_t i)
{
	return query->by == COUNT_BY_QUEUE ? query->lanes[i].queue
					   : query->lanes[i].handler;
}

static void write_by_lane(struct json_out *out, const struct query *query)
{
	int64_t total = 0;
	size_t i = 0;

	json_out_key(out, "counts");
	json_out_object(out);
	while (i < query->lane_count) {
		struct slice word = lane_word(query, i);
		int64_t sum = 0;

		for (; i < query->lane_count &&
		       slice_equal(word, lane_word(query, i));
		     i++)
			sum += lane_total(query, &query->lanes[i]);
		total += sum;
		json_out_key_slice(out, word);
		json_out_int(out, sum);
	}
	json_out_object_end(out);
	json_out_member_int(out, "total", total);
}

static void lanes_done(struct read_request *request, int result)
{
	struct query *query = (struct query *)request;

	if (result) {
		call_error_storage(query->call,
				   "the database could not be read");
	} else {
		write_by_lane(call_reply(query->call, false), query);
		call_reply_end(query->call);
	}
	query_end(query);
}

/* Can the lanes' counters answer it? */
static bool lanes_suffice(const struct store_filter *filter)
{
	return !filter->ids && !filter->name.n && !filter->key.n &&
	       !filter->causes && !filter->has_exit_code && !filter->has_uid &&
	       !filter->group && !filter->older_than_ms &&
	       !filter->newer_than_ms && !filter->tags.n && !filter->follows &&
	       !filter->queue.n && !filter->handler.n;
}

void call_count(struct call *call, void *params)
{
	struct call_count *p = params;
	struct query *query = query_new(call);

	if (!query || !filter_read(call, p->filter, false, &query->filter))
		return;
	query->by = CALL_HAS(p, COUNT, by) ? p->by : COUNT_BY_STATE;
	if (query->by == COUNT_BY_STATE) {
		ask(query, count_step, count_done);
	} else if (query->by == COUNT_BY_GROUP) {
		call_error_parameter(call, "by",
				     "group is not built yet; GetGroup has the "
				     "counts of one");
	} else if (!lanes_suffice(&query->filter)) {
		call_error_parameter(call, "by",
				     "queue and handler go with a filter of "
				     "states only");
	} else {
		ask(query, lanes_step, lanes_done);
	}
}
