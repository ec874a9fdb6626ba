#include "daemon/broker/watch.h"

#include <errno.h>

#include "daemon/broker/job_json.h"
#include "daemon/broker/state.h"

#define WATCH_PAGE 256	     /* ids looked up in one step */
#define SHORT_JOB_BYTES 1024 /* of most jobs, all but the result */

struct watch_job {
	struct waiter waiter;
	struct watch *watch;
	int64_t id;
	bool told; /* its end is known, and was delivered or stands in line */
};

struct watch {
	struct call *call;
	enum watch_style style;
	bool brief;
	struct watch_job *jobs; /* by id */
	size_t count;
	size_t pending; /* ends that were not delivered */
	/* Ids to look up in the store: a line, served from the front. */
	int64_t *line;
	size_t line_at, line_n;
	/* WATCH_ALL, _ANY: the line is for the one reply, a page at a time. */
	bool final_look;
	struct json_out gathered; /* of it: the ends so far */
	size_t gathered_count;
	struct read_request request;
	bool reading;
	struct arena answer; /* of the read that runs */
	const int64_t *ask;
	size_t ask_n, looked; /* so many of them were looked at */
	struct store_row *rows;
	size_t row_n;
	struct event *timer;
	bool expired;
};

static void watch_go_on(struct watch *watch);

static void watch_stop(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		waits_remove(&watch->call->broker->waits,
			     &watch->jobs[i].waiter);
	if (watch->timer)
		event_free(watch->timer);
	watch->timer = NULL;
	json_out_fini(&watch->gathered);
}

static struct watch_job *find_job(struct watch *watch, int64_t id)
{
	size_t low = 0, high = watch->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (watch->jobs[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < watch->count && watch->jobs[low].id == id
		       ? &watch->jobs[low]
		       : NULL;
}

/* One more end is delivered. Return: was it the last? */
static bool count_down(struct watch *watch)
{
	require(watch->pending > 0);
	return --watch->pending == 0;
}

static void write_row(const struct watch *watch, struct json_out *out,
		      const struct store_row *row)
{
	if (watch->brief)
		job_json_end(out, row);
	else
		job_json(out, row, false);
}

/* The array that the ends are told in; the caller closes it. */
static void open_rows(const struct watch *watch, struct json_out *out)
{
	if (watch->brief) {
		json_out_key(out, "jobs");
		json_out_array(out);
		json_out_array_end(out);
	}
	json_out_key(out, watch->brief ? "ends" : "jobs");
	json_out_array(out);
}

static void deliver(struct watch *watch, const struct store_row *row)
{
	bool last = count_down(watch) || watch->style == WATCH_FIRST;
	struct json_out *out;

	if (last)
		watch_stop(watch);
	out = call_reply(watch->call, !last);
	if (watch->style == WATCH_JOBS) {
		json_out_key(out, "job");
		job_json(out, row, false);
	} else {
		open_rows(watch, out);
		write_row(watch, out, row);
		json_out_array_end(out);
		json_out_member_int(out, "pending", (int64_t)watch->pending);
	}
	call_reply_end(watch->call);
}

/*
 * A page of the one reply of a Wait without more. It is one message: a result
 * is told as long as it leaves room for what is short of those behind it.
 */
static void gather_page(struct watch *watch)
{
	size_t behind = watch->line_n - watch->line_at + watch->row_n;

	for (size_t i = 0; i < watch->row_n; i++) {
		struct store_row *row = &watch->rows[i];
		size_t taken = watch->gathered.n + --behind * SHORT_JOB_BYTES;

		if (!state_is_end(row->state))
			continue;
		watch->gathered_count++;
		job_json_fit(row, taken < LIMIT_MESSAGE_BYTES
					  ? LIMIT_MESSAGE_BYTES - taken
					  : 0);
		write_row(watch, &watch->gathered, row);
	}
}

static void too_large(struct watch *watch)
{
	size_t size = watch->gathered.n;
	struct json_out *out;

	watch_stop(watch);
	out = call_error(watch->call, "org.reeve.jobs.TooLarge");
	json_out_member_text(out, "what", "reply");
	json_out_member_int(out, "size", (int64_t)size);
	json_out_member_int(out, "limit", LIMIT_MESSAGE_BYTES);
	call_error_end(watch->call,
		       "they have ended, and so many do not fit into one reply",
		       "call Wait with more, or with brief, or for fewer");
}

/* The one reply of a Wait without more: everything that has ended. */
static void deliver_all(struct watch *watch)
{
	struct json_out *out = call_reply(watch->call, false);

	open_rows(watch, out);
	if (watch->gathered_count)
		json_out_raw(out, json_out_slice(&watch->gathered));
	json_out_array_end(out);
	json_out_member_int(out, "pending",
			    (int64_t)(watch->count - watch->gathered_count));
	watch_stop(watch);
	call_reply_end(watch->call);
}

static void push_line(struct watch *watch, int64_t id)
{
	/* Room for every id twice: once to look, once when it ended. */
	require(watch->line_n < watch->count * 2 + 1);
	watch->line[watch->line_n++] = id;
}

static void on_told(struct waiter *waiter, const struct store_row *row,
		    const struct store_group *group)
{
	struct watch_job *job = (struct watch_job *)waiter;
	struct watch *watch = job->watch;

	(void)group;
	if (job->told)
		return;
	job->told = true;
	if (!row) {
		watch_stop(watch);
		call_error_storage(watch->call, watch->call->broker->waits.why);
		return;
	}
	if (watch->style == WATCH_ALL || watch->style == WATCH_ANY) {
		watch->pending--;
		watch_go_on(watch);
	} else if (call_full(watch->call) || watch->line_at < watch->line_n ||
		   watch->reading) {
		push_line(watch, row->id);
	} else {
		deliver(watch, row);
	}
}

static int read_rows(struct store *store, struct read_request *request)
{
	struct watch *watch = (struct watch *)((char *)request -
					       offsetof(struct watch, request));

	return store_get(store, &watch->answer, watch->ask, watch->ask_n, false,
			 false, &watch->rows, &watch->row_n, &watch->looked);
}

static void no_such_job(struct watch *watch)
{
	struct json_out *out;
	size_t i = 0;

	/* Answers come in the order asked: the first that differs is missing. */
	while (i < watch->row_n && watch->rows[i].id == watch->ask[i])
		i++;
	watch_stop(watch);
	out = call_error(watch->call, "org.reeve.jobs.NoSuchJob");
	json_out_member_int(out, "id", watch->ask[i]);
	call_error_end(watch->call, "there is no job with this id",
		       "it may have been purged; List shows what is there");
}

/* A page was read: what had ended already is delivered. */
static void take_page(struct watch *watch)
{
	bool single = watch->style == WATCH_ALL || watch->style == WATCH_ANY;

	for (size_t i = 0; i < watch->row_n && !watch->call->replied; i++) {
		const struct store_row *row = &watch->rows[i];
		struct watch_job *job = find_job(watch, row->id);

		if (!state_is_end(row->state))
			continue;
		if (single) {
			watch->pending -= !job->told;
			job->told = true;
			continue;
		}
		/* Told while we read: it stands in line; deliver it now. */
		if (job->told && job->waiter.told == NULL)
			continue;
		job->told = true;
		job->waiter.told = NULL; /* delivered */
		waits_remove(&watch->call->broker->waits, &job->waiter);
		deliver(watch, row);
	}
}

/* Return: go on with what is left? */
static bool take_final(struct watch *watch)
{
	gather_page(watch);
	if (!json_out_ok(&watch->gathered)) {
		watch_stop(watch);
		call_error_memory(watch->call);
	} else if (watch->gathered.n > LIMIT_MESSAGE_BYTES) {
		too_large(watch);
	} else if (watch->line_at == watch->line_n) {
		deliver_all(watch);
	}
	return !watch->call->replied;
}

static void read_done(struct read_request *request, int result)
{
	struct watch *watch = (struct watch *)((char *)request -
					       offsetof(struct watch, request));
	struct call *call = watch->call;
	bool go_on = false;

	watch->reading = false;
	watch->line_at -= watch->ask_n - watch->looked;
	if (call->replied || !call->conn) {
		/* Nobody listens any more. */
	} else if (result) {
		watch_stop(watch);
		call_error_storage(call, "the database could not be read");
	} else if (watch->row_n < watch->looked) {
		no_such_job(watch);
	} else if (watch->final_look) {
		go_on = take_final(watch);
	} else {
		take_page(watch);
		go_on = !call->replied;
	}
	arena_fini(&watch->answer);
	/* Only now: it may begin the next read, into the same arena. */
	if (go_on)
		watch_go_on(watch);
	call_release(call);
}

static void ask(struct watch *watch, const int64_t *ids, size_t count)
{
	watch->ask = ids;
	watch->ask_n = count;
	watch->looked = count;
	watch->reading = true;
	watch->request.step = read_rows;
	watch->request.done = read_done;
	call_hold(watch->call);
	reader_ask(&watch->call->broker->reader, &watch->request);
}

static void timed_out(struct watch *watch)
{
	struct json_out *out;

	watch_stop(watch);
	out = call_error(watch->call, "org.reeve.jobs.Timeout");
	json_out_member_int(out, "pending", (int64_t)watch->pending);
	call_error_end(watch->call, "not finished within wait_ms",
		       "the jobs go on; call Wait again");
}

static void watch_go_on(struct watch *watch)
{
	bool single = watch->style == WATCH_ALL || watch->style == WATCH_ANY;
	size_t n = watch->line_n - watch->line_at;

	if (watch->reading || watch->call->replied)
		return;
	if (n && !call_full(watch->call)) {
		if (n > WATCH_PAGE)
			n = WATCH_PAGE;
		watch->line_at += n;
		ask(watch, watch->line + watch->line_at - n, n);
		return;
	}
	if (!n && single &&
	    (watch->pending == 0 ||
	     (watch->style == WATCH_ANY && watch->pending < watch->count))) {
		/* The last look: all rows, for the one reply. */
		for (size_t i = 0; i < watch->count; i++)
			watch->line[i] = watch->jobs[i].id;
		watch->final_look = true;
		watch->line_at = 0;
		watch->line_n = watch->count;
		watch_go_on(watch);
	} else if (!n && watch->expired) {
		timed_out(watch);
	}
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)fd;
	(void)what;
	/* What is being looked up is looked at first: 0 ms looks once. */
	watch->expired = true;
	watch_go_on(watch);
}

static void on_drained(struct call *call)
{
	watch_go_on(call->state);
}

static void on_deaf(struct call *call)
{
	watch_stop(call->state);
}

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Sorted, each once. */
static int set_jobs(struct watch *watch, const int64_t *ids, size_t count,
		    bool look)
{
	struct arena *arena = &watch->call->arena;
	size_t n = 0;

	watch->jobs = arena_array(arena, count, sizeof(*watch->jobs));
	watch->line = arena_array(arena, count * 2 + 1, sizeof(*watch->line));
	if (!watch->jobs || !watch->line)
		return -ENOMEM;
	memcpy(watch->line, ids, count * sizeof(*ids));
	qsort(watch->line, count, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < count; i++) {
		if (n && watch->jobs[n - 1].id == watch->line[i])
			continue;
		watch->jobs[n].id = watch->line[i];
		watch->jobs[n].watch = watch;
		watch->jobs[n].waiter.call = watch->call;
		watch->jobs[n].waiter.told = on_told;
		/* It delivers what it is told, and never looks. */
		watch->jobs[n].waiter.early = !look &&
					      watch->style == WATCH_JOBS &&
					      count == 1;
		n++;
	}
	watch->count = n;
	watch->pending = n;
	return 0;
}

static int set_timer(struct watch *watch, int64_t wait_ms)
{
	struct timeval delay = {
		.tv_sec = wait_ms / 1000,
		.tv_usec = wait_ms % 1000 * 1000,
	};

	if (wait_ms < 0)
		return 0;
	watch->timer = event_new(watch->call->broker->base, -1, 0, on_timeout,
				 watch);
	if (!watch->timer || event_add(watch->timer, &delay) < 0)
		return -ENOMEM;
	return 0;
}

int watch_start(struct call *call, unsigned style, const int64_t *ids,
		size_t count, bool look, int64_t wait_ms)
{
	struct watch *watch;

	/* Nobody would read it, and nothing would keep the call. */
	if (!call->conn)
		return 0;
	watch = arena_alloc(&call->arena, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->call = call;
	watch->style = (enum watch_style)(style & ~(unsigned)WATCH_BRIEF);
	watch->brief = style & WATCH_BRIEF;
	if (set_jobs(watch, ids, count, look) || set_timer(watch, wait_ms)) {
		watch_stop(watch);
		return -ENOMEM;
	}
	for (size_t i = 0; i < watch->count; i++) {
		if (waits_job(&call->broker->waits, watch->jobs[i].id,
			      &watch->jobs[i].waiter)) {
			watch_stop(watch);
			return -ENOMEM;
		}
	}
	call->state = watch;
	call->deaf = on_deaf;
	call->drained = on_drained;
	if (look) {
		for (size_t i = 0; i < watch->count; i++)
			push_line(watch, watch->jobs[i].id);
		watch_go_on(watch);
	}
	return 0;
}
