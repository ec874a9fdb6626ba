/* What `reeve top` asks the daemon. */

#include "client/clock.h"
#include "client/duration.h"
#include "client/event_line.h"
#include "client/field.h"
#include "client/job.h"
#include "client/stamp.h"
#include "client/tail.h"
#include "client/top.h"
#include "client/words.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

#define SUBSCRIBE "org.reeve.events.Subscribe"
#define FILTERED 1000 /* jobs that are looked at when the filter does it */

static void drop_jobs(struct reeve_job **jobs, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		reeve_job_free(jobs[i]);
	*count = 0;
}

void top_fini(struct top *top)
{
	drop_jobs(top->running, &top->running_count);
	drop_jobs(top->ended, &top->ended_count);
	free(TAKE(top->page));
	top_filter_fini(&top->by);
	reeve_stream_close(TAKE(top->events_stream));
}

static bool ask(struct top *top, const char *method, const char *parameters,
		const char **ret)
{
	int result = reeve_call(top->tool->r, method, parameters, ret);

	top->lost |= result == REEVE_E_UNREACHABLE || result == REEVE_E_LOST;
	return result == 0;
}

static void push_rate(int64_t rates[TOP_RATES], int64_t n)
{
	memmove(rates, rates + 1, (TOP_RATES - 1) * sizeof(*rates));
	rates[TOP_RATES - 1] = n > 0 ? n : 0;
}

static int64_t ended_of(const struct counts *counts)
{
	return counts->of[REEVE_SUCCEEDED] + counts->of[REEVE_FAILED] +
	       counts->of[REEVE_CANCELLED];
}

static void load_status(struct top *top)
{
	struct arena arena = {0};
	const char *reply;
	struct slice status;

	if (!ask(top, "org.reeve.admin.Status", NULL, &reply))
		return;
	status = slice_of(reply);
	counts_parse(&top->counts, field_object(status, "counts"));
	snprintf(top->head, sizeof(top->head), "reeved %s  %s",
		 field_text(&arena, status, "version"),
		 field_text(&arena, status, "state"));
	top->since_ms = field_int(status, "since_ms");
	top->connections = field_int(status, "connections");
	arena_fini(&arena);
}

static void load_workers(struct top *top)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice item;
	const char *reply;

	if (!ask(top, "org.reeve.admin.Workers", NULL, &reply))
		return;
	top->worker_count = 0;
	iter = json_enter(field_list(slice_of(reply), "workers"));
	while (json_item(&iter, &item) && top->worker_count < TOP_WORKERS) {
		struct top_worker *worker = &top->workers[top->worker_count++];
		const char *state = field_text(&arena, item, "state");

		snprintf(worker->pool, sizeof(worker->pool), "%s",
			 field_text(&arena, item, "pool"));
		worker->state = 'r';
		if (strcmp(state, "idle") == 0 || strcmp(state, "busy") == 0)
			worker->state = state[0];
		else if (strcmp(state, "starting") == 0)
			worker->state = 's';
	}
	arena_fini(&arena);
}

static void load_pools(struct top *top)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice item;
	const char *reply;

	if (!ask(top, "org.reeve.admin.Pools", NULL, &reply))
		return;
	top->pool_count = 0;
	iter = json_enter(field_list(slice_of(reply), "pools"));
	while (json_item(&iter, &item) && top->pool_count < TOP_POOLS) {
		struct top_pool *pool = &top->pools[top->pool_count++];

		snprintf(pool->name, sizeof(pool->name), "%s",
			 field_text(&arena, item, "name"));
		pool->degraded = strcmp(field_text(&arena, item, "state"),
					"degraded") == 0;
		pool->waiting = field_int(item, "waiting");
	}
	arena_fini(&arena);
}

static struct top_queue *queue_named(struct top *top, const char *name)
{
	struct top_queue *queue;

	for (size_t i = 0; i < top->queue_count; i++) {
		if (strcmp(top->queues[i].name, name) == 0)
			return &top->queues[i];
	}
	if (top->queue_count == TOP_QUEUES)
		return NULL;
	queue = &top->queues[top->queue_count++];
	*queue = (struct top_queue){.rated = -1};
	snprintf(queue->name, sizeof(queue->name), "%s", name);
	return queue;
}

static void take_queue(struct top *top, struct slice item, struct arena *arena)
{
	struct top_queue *queue = queue_named(top,
					      field_text(arena, item, "name"));
	struct counts counts;

	if (!queue)
		return;
	counts_parse(&counts, field_object(item, "counts"));
	queue->seen = true;
	queue->paused = field_bool(item, "paused");
	queue->running = counts.of[REEVE_RUNNING];
	queue->waiting = counts.of[REEVE_HELD] + counts.of[REEVE_BLOCKED] +
			 counts.of[REEVE_SCHEDULED] + counts.of[REEVE_READY];
	queue->oldest_ms = field_int(item, "oldest_ready_ms");
	queue->counts_ends |= ended_of(&counts) > 0;
	queue->ended = ended_of(&counts);
}

static void load_queues(struct top *top)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice item;
	const char *reply;
	size_t n = 0;

	if (!ask(top, "org.reeve.queues.List", NULL, &reply))
		return;
	for (size_t i = 0; i < top->queue_count; i++)
		top->queues[i].seen = false;
	iter = json_enter(field_list(slice_of(reply), "queues"));
	while (json_item(&iter, &item))
		take_queue(top, item, &arena);
	for (size_t i = 0; i < top->queue_count; i++) {
		if (top->queues[i].seen)
			top->queues[n++] = top->queues[i];
	}
	top->queue_count = n;
	arena_fini(&arena);
}

/* Return: false: no memory. */
static bool write_list(const struct top *top, uint32_t states, bool newest,
		       size_t limit, struct json_out *out)
{
	struct selector jobs = top->by.jobs;

	jobs.states = states;
	if (top->by.part_count || !selector_is_exact(&jobs))
		limit = FILTERED;
	json_out_object(out);
	json_out_key(out, "filter");
	selector_write(&jobs, out, clock_wall_ms());
	json_out_member_int(out, "limit", (int64_t)limit);
	json_out_member_raw(out, "newest_first",
			    newest ? SLICE("true") : SLICE("false"));
	json_out_member_raw(out, "with_spec", SLICE("true"));
	json_out_object_end(out);
	json_out_byte(out, '\0');
	return json_out_ok(out);
}

static void load_jobs(struct top *top, uint32_t states, bool newest,
		      struct reeve_job **jobs, size_t *count, size_t limit)
{
	struct json_out out = {0};
	struct json_iter iter;
	struct slice item;
	const char *reply;

	if (!states)
		drop_jobs(jobs, count);
	if (!states || !write_list(top, states, newest, limit, &out) ||
	    !ask(top, "org.reeve.jobs.List", out.p, &reply)) {
		json_out_fini(&out);
		return;
	}
	json_out_fini(&out);
	drop_jobs(jobs, count);
	iter = json_enter(field_list(slice_of(reply), "jobs"));
	while (*count < limit && json_item(&iter, &item)) {
		if (job_decode(item, &jobs[*count]) != 0)
			continue;
		if (top_filter_takes(top, item, jobs[*count]))
			(*count)++;
		else
			reeve_job_free(jobs[*count]);
	}
}

/* Those that run; those that wait when the filter asks for them. */
static void load_lists(struct top *top)
{
	load_jobs(top, top_filter_unfinished(&top->by), false, top->running,
		  &top->running_count, TOP_JOBS);
	if (!top->lost)
		load_jobs(top,
			  top->by.jobs.states
				  ? top->by.jobs.states & SELECTOR_ENDED
				  : SELECTOR_ENDED,
			  true, top->ended, &top->ended_count, TOP_ENDED);
}

static int last_end_first(const void *a, const void *b)
{
	const struct reeve_job *x = *(struct reeve_job *const *)a;
	const struct reeve_job *y = *(struct reeve_job *const *)b;

	if (x->finished_ms != y->finished_ms)
		return x->finished_ms < y->finished_ms ? 1 : -1;
	return (x->id < y->id) - (x->id > y->id);
}

/* What happened last; a daemon that tells of no events has none. */
static void load_events(struct top *top)
{
	struct tool plain = *top->tool;
	struct json_out line = {0};
	int64_t now_ms = clock_wall_ms();
	struct json_iter iter;
	struct slice item;
	char parameters[32];
	const char *reply;

	plain.out.colour = plain.json = false;
	top->event_count = 0;
	snprintf(parameters, sizeof(parameters), "{\"since\":-%d}", TOP_EVENTS);
	if (!ask(top, "org.reeve.events.Subscribe", parameters, &reply))
		return;
	iter = json_enter(field_list(slice_of(reply), "events"));
	while (json_item(&iter, &item) && top->event_count < TOP_EVENTS) {
		char *text = top->events[top->event_count];

		json_out_reset(&line);
		event_line(&plain, &line, item, now_ms);
		if (!json_out_ok(&line) || line.n == 0)
			break;
		snprintf(text, TOP_TEXT, "%.*s", (int)line.n - 1, line.p);
		top->event_count++;
	}
	json_out_fini(&line);
}

void top_load(struct top *top)
{
	top->lost = top->news = false;
	load_status(top);
	if (!top->lost)
		load_workers(top);
	if (!top->lost)
		load_pools(top);
	if (!top->lost)
		load_queues(top);
	if (!top->lost)
		load_lists(top);
	if (!top->lost)
		load_events(top);
	qsort(top->ended, top->ended_count, sizeof(*top->ended),
	      last_end_first);
	top_arrange(top);
	top->loaded_ms = clock_monotonic_ms();
}

static void open_stream(struct top *top)
{
	if (top->lost || top->deaf)
		return;
	if (reeve_stream_open(top->tool->r, SUBSCRIBE, NULL,
			      &top->events_stream) != 0)
		top->events_stream = NULL;
}

void top_listen(struct top *top)
{
	const char *reply;
	int result;

	if (!top->events_stream)
		open_stream(top);
	if (!top->events_stream)
		return;
	while ((result = reeve_stream_next(top->events_stream, 0, &reply)) ==
	       0) {
		struct json_iter iter =
			json_enter(field_list(slice_of(reply), "events"));
		struct slice event;

		top->news |= json_item(&iter, &event);
	}
	if (result == REEVE_E_TIMEOUT || result == REEVE_E_INTERRUPTED)
		return;
	/* Gone: what is not there is asked for again; what is refused is not. */
	top->deaf = result != REEVE_E_LOST && result != REEVE_E_UNREACHABLE &&
		    result != REEVE_E_END;
	top->news = true;
	reeve_stream_close(TAKE(top->events_stream));
}

static void rate(int64_t rates[TOP_RATES], int64_t *rated, int64_t ended)
{
	if (*rated >= 0)
		push_rate(rates, ended - *rated);
	*rated = ended;
}

void top_seconds(struct top *top, int64_t now_ms)
{
	if (now_ms - top->second_ms > TOP_RATES * 1000)
		top->second_ms = now_ms - 1000;
	while (now_ms - top->second_ms >= 1000) {
		top->second_ms += 1000;
		rate(top->rates, &top->rated, ended_of(&top->counts));
		for (size_t i = 0; i < top->queue_count; i++)
			rate(top->queues[i].rates, &top->queues[i].rated,
			     top->queues[i].ended);
	}
}

/* ---- One job ---- */

static void write_details(FILE *out, const struct reeve_job *job)
{
	char text[WORDS_BYTES], span[DURATION_BYTES], stamp[STAMP_BYTES];

	words_end(job, text);
	fprintf(out, "job %" PRId64 "  %s  %s\n", job->id, words_title(job),
		words_state(job->state));
	fprintf(out, "  %s\n", text);
	fprintf(out, "  command    %s\n", job->command);
	fprintf(out, "  queue      %s, priority %" PRId64 "\n", job->queue,
		job->priority);
	if (job->group)
		fprintf(out, "  group      %" PRId64 "\n", job->group);
	fprintf(out, "  submitted  %s\n", stamp_local(job->created_ms, stamp));
	fprintf(out, "  started    %s\n", stamp_local(job->started_ms, stamp));
	fprintf(out, "  ended      %s\n", stamp_local(job->finished_ms, stamp));
	words_progress(job, text);
	if (text[0])
		fprintf(out, "  progress   %s\n", text);
	fprintf(out, "  time       %s, attempt %" PRId64 "\n",
		duration_format(words_time_ms(job, clock_wall_ms()), span),
		job->attempt);
}

static bool load_job(struct top *top, struct reeve_job **ret)
{
	char parameters[96];
	struct json_iter iter;
	struct slice item;
	const char *reply;

	snprintf(parameters, sizeof(parameters),
		 "{\"ids\":[%" PRId64 "],\"with_spec\":true}",
		 top->selected_id);
	if (!ask(top, "org.reeve.jobs.Get", parameters, &reply))
		return false;
	iter = json_enter(field_list(slice_of(reply), "jobs"));
	return json_item(&iter, &item) && job_decode(item, ret) == 0;
}

void top_open_page(struct top *top, enum top_view view)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	struct tail tail;
	size_t bytes;
	FILE *out;

	if (!load_job(top, &job)) {
		snprintf(top->message, sizeof(top->message),
			 "job %" PRId64 " is not there any more",
			 top->selected_id);
		top->view = TOP_MAIN;
		return;
	}
	free(TAKE(top->page));
	out = open_memstream(&top->page, &bytes);
	if (!out)
		return;
	if (view == TOP_DETAILS)
		write_details(out, job);
	else
		fprintf(out, "output of job %" PRId64 "  %s\n", job->id,
			words_title(job));
	if (tail_load(top->tool, job->id, 0, top->rows, &tail) == 0)
		fprintf(out, "\n%s%s", tail.cut ? "[...]\n" : "", tail.text);
	fclose(out);
	top->view = view;
}
