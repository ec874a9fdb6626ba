#include "client/listing.h"

#include "client/bar.h"
#include "client/clock.h"
#include "client/duration.h"
#include "client/job.h"
#include "client/say.h"
#include "client/stamp.h"
#include "client/words.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

#define LISTING_PAGE 500
#define LISTING_CURSOR_BYTES 256
#define LISTING_BAR 10

void listing_fini(struct listing *listing)
{
	for (size_t i = 0; i < listing->count; i++)
		reeve_job_free(listing->jobs[i]);
	free(listing->jobs);
	*listing = (struct listing){0};
}

static bool add(struct listing *listing, struct reeve_job *job)
{
	if (listing->count == listing->capacity) {
		size_t capacity = listing->capacity ? listing->capacity * 2
						    : 64;
		struct reeve_job **jobs = realloc(listing->jobs,
						  capacity * sizeof(*jobs));

		if (!jobs)
			return false;
		listing->jobs = jobs;
		listing->capacity = capacity;
	}
	listing->jobs[listing->count++] = job;
	return true;
}

static int take_page(struct tool *tool, struct listing *listing,
		     const struct selector *selector, const char *reply,
		     char cursor[LISTING_CURSOR_BYTES])
{
	struct arena arena = {0};
	struct slice jobs, item, value, text;
	struct json_iter iter;
	int result = 0;

	cursor[0] = '\0';
	if (json_find(slice_of(reply), "cursor", &value) &&
	    json_string(&arena, value, &text) == 0 &&
	    text.n < LISTING_CURSOR_BYTES)
		snprintf(cursor, LISTING_CURSOR_BYTES, "%.*s", (int)text.n,
			 text.p);
	arena_fini(&arena);
	if (!json_find(slice_of(reply), "jobs", &jobs))
		return 0;
	iter = json_enter(jobs);
	while (result == 0 && json_item(&iter, &item)) {
		struct reeve_job *job;

		if (!selector_takes(selector, item, clock_wall_ms()))
			continue;
		result = job_decode(item, &job);
		if (result > 0)
			return say_fail(tool, EXIT_INTERNAL,
					"Are they of the same version? See: "
					"reeve doctor",
					"the daemon's answer to List holds "
					"something that is not a job");
		if (result == 0 && !add(listing, job)) {
			reeve_job_free(job);
			return say_memory(tool);
		}
	}
	return result < 0 ? say_memory(tool) : 0;
}

static int load_page(struct tool *tool, struct listing *listing,
		     const struct selector *selector, size_t limit,
		     char cursor[LISTING_CURSOR_BYTES])
{
	struct json_out out = {0};
	const char *reply;
	int result;

	json_out_object(&out);
	json_out_key(&out, "filter");
	selector_write(selector, &out, clock_wall_ms());
	json_out_member_int(&out, "limit", (int64_t)limit);
	json_out_member_bool(&out, "newest_first", true);
	json_out_member_bool(&out, "with_spec", true);
	if (cursor[0])
		json_out_member_text(&out, "cursor", cursor);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	if (!json_out_ok(&out))
		return say_memory(tool);
	result = reeve_call(tool->r, "org.reeve.jobs.List", out.p, &reply);
	json_out_fini(&out);
	if (result != 0)
		return say_error(tool);
	return take_page(tool, listing, selector, reply, cursor);
}

int listing_load(struct tool *tool, struct listing *listing,
		 const struct selector *selector, size_t limit)
{
	char cursor[LISTING_CURSOR_BYTES] = "";
	size_t target = listing->count + limit;

	do {
		/* What does not come through is no reason for small pages. */
		size_t left = selector_is_exact(selector)
				      ? target - listing->count
				      : LISTING_PAGE;
		int result = load_page(
			tool, listing, selector,
			left < LISTING_PAGE ? left : LISTING_PAGE, cursor);

		if (result != 0)
			return result;
	} while (cursor[0] && listing->count < target);
	listing->more |= cursor[0] != '\0';
	return 0;
}

static int compare_jobs(const void *a, const void *b)
{
	const struct reeve_job *x = *(struct reeve_job *const *)a;
	const struct reeve_job *y = *(struct reeve_job *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

void listing_sort(struct listing *listing)
{
	size_t n = 0;

	if (listing->count == 0)
		return;
	qsort(listing->jobs, listing->count, sizeof(*listing->jobs),
	      compare_jobs);
	for (size_t i = 1; i < listing->count; i++) {
		/* It ended between two pages: the later word counts. */
		if (listing->jobs[i]->id == listing->jobs[n]->id) {
			reeve_job_free(listing->jobs[n]);
			listing->jobs[n] = listing->jobs[i];
		} else {
			listing->jobs[++n] = listing->jobs[i];
		}
	}
	listing->count = n + 1;
}

#define HIDDEN RENDER_WIDE

static const struct render_column columns[] = {
	{"ID", true, 0, 0},
	{"STATE", false, 0, 0},
	{"QUEUE", false, 4, 8},
	{"NAME", false, 0, 12},
	{"TRY", true, 5, 0},
	{"TIME", true, 2, 0},
	{"PROGRESS", false, 1, 0},
	{"NOTE", false, 3, 16},
	{"PRIORITY", true, HIDDEN, 0},
	{"GROUP", true, HIDDEN, 0},
	{"USER", true, HIDDEN, 0},
	{"EXIT", true, HIDDEN, 0},
	{"CAUSE", false, HIDDEN, 0},
	{"CREATED", true, HIDDEN, 0},
	{"STARTED", true, HIDDEN, 0},
	{"ENDED", true, HIDDEN, 0},
	{"COMMAND", false, HIDDEN, 12},
};

enum {
	ID,
	STATE,
	QUEUE,
	NAME,
	TRY,
	TIME,
	PROGRESS,
	NOTE,
	PRIORITY,
	GROUP,
	USER,
	EXIT,
	CAUSE,
	CREATED,
	STARTED,
	ENDED,
	COMMAND,
};

static void write_note(struct render *render, const struct reeve_job *job,
		       int64_t now_ms)
{
	char text[WORDS_BYTES], time[DURATION_BYTES];

	if (job->state == REEVE_FAILED) {
		words_end(job, text);
		render_cell(render, NOTE, RENDER_PLAIN, "%s", text);
	} else if (job->state == REEVE_SCHEDULED && job->run_at_ms) {
		render_cell(render, NOTE, RENDER_DIM, "due in %s",
			    duration_format(job->run_at_ms > now_ms
						    ? job->run_at_ms - now_ms
						    : 0,
					    time));
	} else if (job->state == REEVE_RUNNING && job->note[0]) {
		render_cell(render, NOTE, RENDER_PLAIN, "%s", job->note);
	} else if (words_left_ms(job, now_ms) >= 0) {
		render_cell(render, NOTE, RENDER_DIM, "%s left",
			    duration_format(words_left_ms(job, now_ms), time));
	} else if (job->group) {
		render_cell(render, NOTE, RENDER_DIM, "group %" PRId64,
			    job->group);
	}
}

/* A bar for people, a number for programs. */
static void write_progress(const struct tool *tool, struct render *render,
			   const struct reeve_job *job)
{
	char bar[BAR_BYTES];

	if (job->state != REEVE_RUNNING || job->progress < 0)
		return;
	if (tool->out.terminal)
		render_cell(render, PROGRESS, RENDER_PLAIN, "%s %3d%%",
			    bar_write(job->progress, LISTING_BAR,
				      tool->out.unicode, bar),
			    bar_percent(job->progress));
	else
		render_cell(render, PROGRESS, RENDER_PLAIN, "%.4g",
			    job->progress);
	render_key(render, PROGRESS, (int64_t)(job->progress * 1e6));
}

static void write_time(const struct tool *tool, struct render *render,
		       size_t column, int64_t utc_ms)
{
	char stamp[STAMP_BYTES];

	if (utc_ms == 0)
		return;
	render_cell(render, column, RENDER_PLAIN, "%s",
		    tool->out.terminal ? stamp_local(utc_ms, stamp)
				       : stamp_utc(utc_ms, stamp));
	render_key(render, column, utc_ms);
}

static void write_wide(const struct tool *tool, struct render *render,
		       const struct reeve_job *job)
{
	render_number(render, PRIORITY, job->priority);
	if (job->group)
		render_number(render, GROUP, job->group);
	render_number(render, USER, job->uid);
	if (job->exit_code >= 0)
		render_number(render, EXIT, job->exit_code);
	if (job->cause != REEVE_CAUSE_NONE)
		render_cell(render, CAUSE, RENDER_PLAIN, "%s",
			    reeve_cause_name(job->cause));
	write_time(tool, render, CREATED, job->created_ms);
	write_time(tool, render, STARTED, job->started_ms);
	write_time(tool, render, ENDED, job->finished_ms);
	render_cell(render, COMMAND, RENDER_PLAIN, "%s", job->command);
}

static void write_row(struct table *table, const struct reeve_job *job,
		      int64_t now_ms)
{
	const struct tool *tool = table->tool;
	struct render *render = &table->render;
	int64_t time_ms = words_time_ms(job, now_ms);
	enum render_colour colour;
	const char *glyph = words_glyph(job->state, tool->out.unicode, &colour);
	char time[DURATION_BYTES];

	table_row(table, slice_of(job->json));
	render_number(render, ID, job->id);
	if (tool->out.terminal)
		render_cell(render, STATE, colour, "%s %s", glyph,
			    words_state(job->state));
	else
		render_cell(render, STATE, colour, "%s",
			    reeve_state_name(job->state));
	render_cell(render, QUEUE, RENDER_PLAIN, "%s", job->queue);
	render_cell(render, NAME, RENDER_PLAIN, "%s", words_title(job));
	if (job->attempt > 1 || !tool->out.terminal)
		render_number(render, TRY, job->attempt);
	render_cell(render, TIME, RENDER_PLAIN, "%s",
		    duration_format(time_ms, time));
	render_key(render, TIME, time_ms);
	write_progress(tool, render, job);
	write_note(render, job, now_ms);
	write_wide(tool, render, job);
}

const char *listing_column(size_t i)
{
	return i < ARRAY_COUNT(columns) ? columns[i].title : NULL;
}

int listing_table(struct table *table, struct tool *tool,
		  const struct table_args *args)
{
	int result = table_init(table, tool, args, columns,
				ARRAY_COUNT(columns), "id");

	/* On a terminal it is only there when one has said something; lines that
	 * programs read keep the columns that they have. */
	if (result == 0 && !args->columns &&
	    (table->format == TABLE_TSV || table->format == TABLE_CSV))
		render_hide(&table->render, PROGRESS);
	return result;
}

void listing_fill(const struct listing *listing, struct table *table,
		  int64_t now_ms)
{
	for (size_t i = 0; i < listing->count; i++)
		write_row(table, listing->jobs[i], now_ms);
}
