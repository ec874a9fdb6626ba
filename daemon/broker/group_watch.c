#include "daemon/broker/group_watch.h"

#include <errno.h>

#include "daemon/broker/job_json.h"
#include "daemon/broker/state.h"

#define GROUP_PAGE 256
#define GROUP_GATHER_BYTES (64 * 1024) /* then it is told at once */

/*
 * Two phases. While it catches up it reads pages of jobs that have ended, by
 * id. What ends meanwhile is told, too: if its id is still ahead, a later page
 * shows it; else it goes into a line of ids that are looked up afterwards.
 * After that every end is delivered as it is told; if the client does not read,
 * it goes into the line, too. A brief watch gathers those of a page, or of a
 * commit, into one reply.
 */
struct group_watch {
	struct read_request request;
	struct call *call;
	struct waiter waiter;
	int64_t id;
	bool any, brief;
	bool catching_up, reading, expired;
	struct arena answer;
	struct store_group group; /* counts and closed are kept up to date */
	struct store_group seen;  /* what the read found: the reader's */
	bool told;		  /* of a change since the read was asked */
	int64_t after, next;	  /* of the pages */
	struct store_row *rows;
	size_t row_count;
	int64_t *line; /* ids to look up; owned */
	size_t line_at, line_n, line_room;
	int64_t ask[GROUP_PAGE]; /* of the line, for the read that runs */
	size_t asked; /* of these; behind the read: so many were looked at */
	struct event *timer;
	struct json_out gathered; /* of a brief one: ends to be told */
	size_t gathered_count;
};

static void look(struct group_watch *watch);

static void watch_stop(struct group_watch *watch)
{
	waits_remove(&watch->call->broker->waits, &watch->waiter);
	if (watch->timer)
		event_free(watch->timer);
	watch->timer = NULL;
	free(TAKE(watch->line));
	json_out_fini(&watch->gathered);
	watch->gathered_count = 0;
	watch->line_n = watch->line_at = watch->line_room = 0;
}

static int read_step(struct store *store, struct read_request *request)
{
	struct group_watch *watch = (struct group_watch *)request;
	struct store_filter filter = {
		.group = watch->id,
		.states = 1u << STATE_SUCCEEDED | 1u << STATE_FAILED |
			  1u << STATE_CANCELLED,
	};
	int r;

	watch->row_count = 0;
	if (!watch->catching_up)
		return store_get(store, &watch->answer, watch->ask,
				 watch->asked, false, false, &watch->rows,
				 &watch->row_count, &watch->asked);
	r = store_get_group(store, &watch->answer, watch->id, &watch->seen);
	if (r || !watch->call->more)
		return r;
	return store_list(store, &watch->answer, &filter, watch->after, false,
			  false, GROUP_PAGE, &watch->rows, &watch->row_count,
			  &watch->next);
}

static void reply(struct group_watch *watch, const struct store_row *row,
		  bool last)
{
	int64_t pending = job_json_pending(&watch->group);
	struct json_out *out = call_reply(watch->call, !last);

	json_out_key(out, "jobs");
	json_out_array(out);
	if (row && !watch->brief)
		job_json(out, row, false);
	json_out_array_end(out);
	if (watch->brief) {
		json_out_key(out, "ends");
		json_out_array(out);
		if (watch->gathered_count)
			json_out_raw(out, json_out_slice(&watch->gathered));
		if (row)
			job_json_end(out, row);
		json_out_array_end(out);
		json_out_reset(&watch->gathered);
		watch->gathered_count = 0;
	}
	json_out_member_int(out, "pending", pending);
	if (last)
		watch_stop(watch);
	call_reply_end(watch->call);
}

/* What was gathered is told. */
static void flush(struct group_watch *watch)
{
	if (watch->gathered_count && !watch->call->replied)
		reply(watch, NULL, false);
}

/* An end: told at once, or with the others of its page or commit. */
static void deliver(struct group_watch *watch, const struct store_row *row)
{
	if (!watch->brief || watch->any) {
		reply(watch, row, watch->any);
		return;
	}
	job_json_end(&watch->gathered, row);
	watch->gathered_count++;
	if (!json_out_ok(&watch->gathered)) {
		watch_stop(watch);
		call_error_memory(watch->call);
		return;
	}
	if (watch->gathered.n >= GROUP_GATHER_BYTES)
		flush(watch);
}

static void timed_out(struct group_watch *watch)
{
	int64_t pending = job_json_pending(&watch->group);
	struct json_out *out;

	watch_stop(watch);
	out = call_error(watch->call, "org.reeve.jobs.Timeout");
	json_out_member_int(out, "pending", pending);
	call_error_end(watch->call, "not finished within wait_ms",
		       "the jobs go on; call Wait again");
}

static bool is_complete(const struct group_watch *watch)
{
	int64_t ended = 0;

	for (int i = 0; i < STATE_COUNT; i++)
		ended += state_is_end((enum job_state)i)
				 ? watch->group.counts[i]
				 : 0;
	return (watch->group.closed && job_json_pending(&watch->group) == 0) ||
	       (watch->any && ended);
}

static void go_on(struct group_watch *watch)
{
	if (watch->reading || watch->call->replied)
		return;
	if (watch->catching_up || watch->line_at < watch->line_n) {
		if (!call_full(watch->call))
			look(watch);
	} else if (is_complete(watch)) {
		reply(watch, NULL, true);
	} else if (watch->expired) {
		timed_out(watch);
	}
}

static int compare_rows(const void *id, const void *row)
{
	int64_t a = *(const int64_t *)id,
		b = ((const struct store_row *)row)->id;

	return (a > b) - (a < b);
}

/* Of what was told while the page was read, keep what no page shows. */
static void thin_line(struct group_watch *watch)
{
	size_t kept = 0;

	for (size_t i = 0; i < watch->line_n; i++) {
		int64_t id = watch->line[i];

		if ((watch->next && id > watch->next) ||
		    (watch->row_count &&
		     bsearch(&id, watch->rows, watch->row_count,
			     sizeof(*watch->rows), compare_rows)))
			continue;
		watch->line[kept++] = id;
	}
	watch->line_n = kept;
}

static void take_page(struct group_watch *watch)
{
	if (watch->catching_up && !watch->told)
		watch->group = watch->seen;
	for (size_t i = 0; i < watch->row_count && !watch->call->replied; i++)
		deliver(watch, &watch->rows[i]);
	flush(watch);
	if (!watch->catching_up) {
		watch->line_at += watch->asked;
		if (watch->line_at == watch->line_n)
			watch->line_at = watch->line_n = 0;
		return;
	}
	thin_line(watch);
	watch->after = watch->next;
	watch->catching_up = watch->next != 0;
}

static void read_done(struct read_request *request, int result)
{
	struct group_watch *watch = (struct group_watch *)request;
	struct call *call = watch->call;
	struct json_out *out;

	watch->reading = false;
	if (call->replied || !call->conn) {
		watch_stop(watch); /* nobody listens any more */
	} else if (result == -ENOENT) {
		watch_stop(watch);
		out = call_error(call, "org.reeve.jobs.NoSuchGroup");
		json_out_member_int(out, "group", watch->id);
		call_error_end(call, "there is no group with this id",
			       "OpenGroup makes a new one");
	} else if (result) {
		watch_stop(watch);
		call_error_storage(call, "the database could not be read");
	} else {
		take_page(watch);
		go_on(watch);
	}
	if (!watch->reading)
		arena_fini(&watch->answer);
	call_release(call);
}

static void look(struct group_watch *watch)
{
	watch->asked = watch->line_n - watch->line_at;
	if (watch->catching_up)
		watch->asked = 0;
	if (watch->asked > GROUP_PAGE)
		watch->asked = GROUP_PAGE;
	if (watch->asked)
		memcpy(watch->ask, watch->line + watch->line_at,
		       watch->asked * sizeof(*watch->ask));
	arena_fini(&watch->answer);
	watch->next = 0;
	watch->told = false;
	watch->reading = true;
	watch->request.step = read_step;
	watch->request.done = read_done;
	call_hold(watch->call);
	reader_ask(&watch->call->broker->reader, &watch->request);
}

static void push_line(struct group_watch *watch, int64_t id)
{
	size_t room = watch->line_room ? watch->line_room * 2 : 1024;
	int64_t *line;

	if (watch->line_n == watch->line_room) {
		line = reallocarray(watch->line, room, sizeof(*line));
		if (!line)
			return; /* the counts at the end tell the truth */
		watch->line = line;
		watch->line_room = room;
	}
	watch->line[watch->line_n++] = id;
}

static void on_told(struct waiter *waiter, const struct store_row *row,
		    const struct store_group *group)
{
	struct group_watch *watch =
		(struct group_watch *)((char *)waiter -
				       offsetof(struct group_watch, waiter));

	if (group) {
		watch->told = true;
		watch->group.closed = group->closed;
		memcpy(watch->group.counts, group->counts,
		       sizeof(group->counts));
		flush(watch);
		go_on(watch);
		return;
	}
	if (!watch->call->more || watch->call->replied)
		return;
	if (watch->catching_up && !watch->reading && row->id > watch->after)
		return;
	if (watch->catching_up || call_full(watch->call) || watch->line_n)
		push_line(watch, row->id);
	else
		deliver(watch, row);
}

static void on_drained(struct call *call)
{
	go_on(call->state);
}

static void on_deaf(struct call *call)
{
	watch_stop(call->state);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct group_watch *watch = arg;

	(void)fd;
	(void)what;
	watch->expired = true;
	go_on(watch);
}

int group_watch_start(struct call *call, int64_t group, bool any, bool brief,
		      int64_t wait_ms)
{
	struct group_watch *watch = arena_alloc(&call->arena, sizeof(*watch));
	struct timeval delay = {
		.tv_sec = wait_ms / 1000,
		.tv_usec = wait_ms % 1000 * 1000,
	};

	if (!watch)
		return -ENOMEM;
	watch->call = call;
	watch->id = group;
	watch->any = any;
	watch->brief = brief;
	watch->waiter.call = call;
	watch->waiter.told = on_told;
	if (wait_ms >= 0)
		watch->timer = event_new(call->broker->base, -1, 0, on_timeout,
					 watch);
	if ((wait_ms >= 0 &&
	     (!watch->timer || event_add(watch->timer, &delay) < 0)) ||
	    waits_group(&call->broker->waits, group, &watch->waiter)) {
		watch_stop(watch);
		return -ENOMEM;
	}
	call->state = watch;
	call->deaf = on_deaf;
	call->drained = on_drained;
	watch->catching_up = true;
	look(watch);
	return 0;
}
