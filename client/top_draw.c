/* How `reeve top` looks: lines of text from what it knows. */

#include "client/bar.h"
#include "client/clock.h"
#include "client/duration.h"
#include "client/render.h"
#include "client/text.h"
#include "client/top.h"
#include "client/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define LINE_BYTES 8192
#define TOP_TICKER_ROWS 30 /* on fewer rows no events are shown */
/* On fewer columns something of a line is left out. */
#define TOP_WIDE 100
#define TOP_NARROW 60
#define TOP_RATE_COLUMNS 76
#define TOP_LATENCY_COLUMNS 62
#define TOP_KEYS_COLUMNS 75
#define TOP_NOTE_MOST 30 /* of a failure, behind the name */
#define TOP_LONG_BAR_COLUMNS 140
#define TOP_LEFT 14 /* "59m59s left  " */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

struct page {
	struct top *top;
	char *lines[TERM_ROWS_MAX]; /* owned */
	size_t count;
	/* The line that is being made. */
	char text[LINE_BYTES];
	size_t bytes, columns;
};

/* Text at the end of the line, cut where the terminal ends. */
static void add(struct page *page, enum render_colour colour,
		const char *format, ...) printf_like(3, 4);

static void add(struct page *page, enum render_colour colour,
		const char *format, ...)
{
	const struct screen *screen = &page->top->tool->out;
	size_t room = page->top->columns - page->columns;
	char *text, cut[LINE_BYTES / 2];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (n < 0)
		return;
	text_fit(text, room, screen->unicode, cut, sizeof(cut));
	free(text);
	n = snprintf(page->text + page->bytes, LINE_BYTES - page->bytes,
		     "%s%s%s", colour ? render_begin(screen, colour) : "", cut,
		     colour ? render_end(screen) : "");
	if (n > 0 && page->bytes + (size_t)n < LINE_BYTES)
		page->bytes += (size_t)n;
	page->text[page->bytes] = '\0';
	page->columns += text_width(cut);
}

/* A cell of that many columns, cut in the middle. */
static void add_cell(struct page *page, enum render_colour colour, int width,
		     bool right, const char *text)
{
	char cut[LINE_BYTES / 2];
	int pad;

	text_fit(text, (size_t)width, page->top->tool->out.unicode, cut,
		 sizeof(cut));
	pad = width - (int)text_width(cut);
	if (right)
		add(page, RENDER_PLAIN, "%*s", pad, "");
	add(page, colour, "%s", cut);
	/* Blanks that do not fit are no reason for the mark of a cut. */
	pad = (int)least((right ? 0 : (size_t)pad) + 2,
			 page->top->columns - page->columns);
	add(page, RENDER_PLAIN, "%*s", pad, "");
}

static void add_number(struct page *page, int width, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	add_cell(page, RENDER_PLAIN, width, true, text);
}

static void end_line(struct page *page)
{
	if (page->count < page->top->rows) {
		free(page->lines[page->count]);
		page->lines[page->count++] = strdup(page->text);
	}
	page->bytes = page->columns = 0;
	page->text[0] = '\0';
}

/* What is marked is what the keys act on, so it is known whether it is seen. */
static void begin_row(struct page *page, bool selected)
{
	bool unicode = page->top->tool->out.unicode;

	page->top->marked |= selected && page->count + 1 < page->top->rows;

	add(page, RENDER_PLAIN, "%s",
	    selected ? (unicode ? "\u25b8 " : "> ") : "  ");
}

/* ASCII; what does not fit is left out at its end. */
static void add_title(struct page *page, const char *title)
{
	add(page, RENDER_DIM, "%.*s", (int)page->top->columns, title);
	end_line(page);
}

static void add_sparkline(struct page *page, const int64_t rates[TOP_RATES],
			  int width)
{
	static const char *const bars[] = {" ",	     "\u2581", "\u2582",
					   "\u2583", "\u2584", "\u2585",
					   "\u2586", "\u2587", "\u2588"};
	static const char ascii[] = " .:-=+*#@";
	char text[TOP_RATES * 4] = "";
	int64_t most = 1;
	size_t n = 0;

	for (int i = TOP_RATES - width; i < TOP_RATES; i++)
		most = rates[i] > most ? rates[i] : most;
	for (int i = TOP_RATES - width; i < TOP_RATES; i++) {
		int64_t level = (rates[i] * 8 + most - 1) / most;

		if (page->top->tool->out.unicode)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s",
					      bars[level]);
		else
			text[n++] = ascii[level];
	}
	add(page, RENDER_GREEN, "%s", text);
}

static void draw_head(struct page *page)
{
	const struct top *top = page->top;
	char counts[COUNTS_BYTES], time[DURATION_BYTES];

	add(page, RENDER_PLAIN, "%s for %s", top->head,
	    duration_format(clock_wall_ms() - top->since_ms, time));
	if (top->columns >= TOP_NARROW)
		add(page, RENDER_PLAIN, "  %" PRId64 " connected",
		    top->connections);
	end_line(page);
	counts_say(&top->counts, counts);
	add(page, RENDER_PLAIN, "jobs   %s  ", counts);
	add_sparkline(page, top->rates, 20);
	add(page, RENDER_PLAIN, " %" PRId64 "/s", top->rates[TOP_RATES - 1]);
	end_line(page);
}

static void draw_worker(struct page *page, char state)
{
	bool unicode = page->top->tool->out.unicode;

	if (state == 'b')
		add(page, RENDER_BLUE, "%s", unicode ? "\u2588" : "#");
	else if (state == 'i')
		add(page, RENDER_GREEN, "%s", unicode ? "\u2591" : ".");
	else
		add(page, RENDER_YELLOW, "%s",
		    unicode ? "\u2592" : (state == 's' ? "+" : "-"));
}

static void draw_pool(struct page *page, const struct top_pool *pool)
{
	const struct top *top = page->top;
	size_t busy = 0, idle = 0, other = 0;

	for (size_t i = 0; i < top->worker_count; i++) {
		if (strcmp(top->workers[i].pool, pool->name) != 0)
			continue;
		busy += top->workers[i].state == 'b';
		idle += top->workers[i].state == 'i';
		other += !strchr("bi", top->workers[i].state);
	}
	add(page, RENDER_PLAIN, "%-6s %zu busy, %zu idle", pool->name, busy,
	    idle);
	if (other > 0)
		add(page, RENDER_YELLOW, ", %zu retiring", other);
	if (pool->waiting > 0 && strcmp(pool->name, "exec") != 0)
		add(page, RENDER_PLAIN, ", %" PRId64 " waiting", pool->waiting);
	if (pool->degraded)
		add(page, RENDER_RED, ", degraded");
	add(page, RENDER_PLAIN, "  ");
	for (size_t i = 0; i < top->worker_count; i++) {
		if (strcmp(top->workers[i].pool, pool->name) == 0)
			draw_worker(page, top->workers[i].state);
	}
	end_line(page);
}

/* A bar for each pool, a place in it for each worker. */
static void draw_pools(struct page *page, size_t most)
{
	const struct top *top = page->top;

	for (size_t i = 0; i < top->pool_count && i < most; i++)
		draw_pool(page, &top->pools[i]);
}

/*
 * The rows of a list that are shown: those around the selected one.
 *
 * @at:		the selected one; @count: none
 * Return: the first.
 */
static size_t scroll(struct top *top, enum top_list list, size_t at,
		     size_t count, size_t most)
{
	size_t *first = &top->first[list];

	if (at < count && at < *first)
		*first = at;
	if (at < count && at >= *first + most)
		*first = at - most + 1;
	if (at == count)
		*first = 0;
	if (*first + most > count)
		*first = count > most ? count - most : 0;
	return *first;
}

/* Below a list that does not fit. */
static void add_more(struct page *page, size_t first, size_t count, size_t most)
{
	if (first > 0)
		add(page, RENDER_DIM, "  %zu to %zu of %zu", first + 1,
		    first + most, count);
	else if (count > most)
		add(page, RENDER_DIM, "  and %zu more", count - most);
}

static bool is_selected_queue(const struct top *top,
			      const struct top_queue *queue)
{
	return !top->selected_id &&
	       strcmp(top->selected_queue, queue->name) == 0;
}

/* The columns that are left for the name. */
static int queue_name_width(const struct top *top)
{
	int most = top->columns >= TOP_WIDE ? 40 : 20;
	int used = 2 + 8 + 10 + 8 + 2;

	if (top->columns >= TOP_LATENCY_COLUMNS)
		used += 10;
	if (top->columns >= TOP_RATE_COLUMNS)
		used += 14;
	if (top->columns >= (size_t)used + (size_t)most)
		return most;
	return top->columns > (size_t)used + 8 ? (int)top->columns - used : 8;
}

static void draw_queue(struct page *page, const struct top_queue *queue,
		       int name)
{
	const struct top *top = page->top;
	char time[DURATION_BYTES];

	begin_row(page, is_selected_queue(page->top, queue));
	add_cell(page, RENDER_PLAIN, name, false, queue->name);
	add_cell(page, queue->paused ? RENDER_YELLOW : RENDER_GREEN, 6, false,
		 queue->paused ? "paused" : "open");
	add_number(page, 8, queue->waiting);
	add_number(page, 8, queue->running);
	if (top->columns >= TOP_LATENCY_COLUMNS)
		add_cell(page, RENDER_PLAIN, 8, true,
			 duration_format(queue->oldest_ms
						 ? clock_wall_ms() -
							   queue->oldest_ms
						 : -1,
					 time));
	if (queue->counts_ends && top->columns >= TOP_RATE_COLUMNS)
		add_sparkline(page, queue->rates,
			      top->columns >= TOP_WIDE ? TOP_RATES : 12);
	end_line(page);
}

static void draw_queues(struct page *page, size_t most)
{
	struct top *top = page->top;
	size_t count = top->shown_count, at = 0, first;
	int name = queue_name_width(top);
	char title[128];

	if (count == 0)
		return;
	while (at < count &&
	       !is_selected_queue(top, &top->queues[top->shown[at]]))
		at++;
	first = scroll(top, TOP_LIST_QUEUES, at, count, most);
	snprintf(title, sizeof(title), "  %-*s  %-6s  %8s  %8s%s%s", name,
		 "QUEUE", "STATE", "WAITING", "RUNNING",
		 top->columns >= TOP_LATENCY_COLUMNS ? "   LATENCY" : "",
		 top->columns >= TOP_RATE_COLUMNS ? "  RATE" : "");
	add_title(page, title);
	for (size_t i = first; i < count && i < first + most; i++)
		draw_queue(page, &top->queues[top->shown[i]], name);
	add_more(page, first, count, most);
	end_line(page);
}

static int bar_width(const struct top *top)
{
	if (top->columns < TOP_NARROW)
		return 0;
	return top->columns < TOP_LONG_BAR_COLUMNS ? 10 : 20;
}

/* What a running job says of itself, and when it would be done. */
static void add_progress(struct page *page, const struct reeve_job *job)
{
	const struct top *top = page->top;
	int64_t left_ms = words_left_ms(job, clock_wall_ms());
	bool wide = top->columns >= TOP_WIDE;
	char bar[BAR_BYTES], time[DURATION_BYTES];

	if (job->progress >= 0 && bar_width(top))
		add(page, RENDER_BLUE, "%s ",
		    bar_write(job->progress, bar_width(top),
			      top->tool->out.unicode, bar));
	if (job->progress >= 0)
		add(page, RENDER_BLUE, "%3d%%", bar_percent(job->progress));
	if (left_ms >= 0 && wide)
		add(page, RENDER_DIM, "  %s left",
		    duration_format(left_ms, time));
	if (job->note[0] && (wide || job->progress < 0))
		add(page, RENDER_PLAIN, "%s%s", job->progress < 0 ? "" : "  ",
		    job->note);
}

/* The columns that what follows the name of a job needs. */
static size_t tail_width(const struct top *top, const struct reeve_job *job)
{
	bool wide = top->columns >= TOP_WIDE;
	char note[WORDS_BYTES] = "";
	size_t n = 0;

	if (job->state == REEVE_RUNNING && job->progress >= 0)
		n = (size_t)bar_width(top) + 1 + 4 + (wide ? TOP_LEFT : 0);
	if (job->state == REEVE_FAILED)
		words_end(job, note);
	else if (job->state == REEVE_RUNNING && (wide || job->progress < 0))
		snprintf(note, sizeof(note), "%s", job->note);
	return n + least(text_width(note), TOP_NOTE_MOST);
}

/* The same for all that are shown, so that what follows stands in line. It may
 * take half of the room. */
static int title_width(const struct top *top, struct reeve_job *const *jobs,
		       size_t count)
{
	size_t used = 2 + 10 + 9 + (top->columns >= TOP_WIDE ? 35 : 23);
	size_t tail = 0, room;

	if (top->columns < TOP_NARROW)
		used = 2 + 10 + 9 + 3;
	room = top->columns > used + 16 ? top->columns - used : 16;
	for (size_t i = 0; i < count; i++) {
		size_t n = tail_width(top, jobs[i]);

		tail = n > tail ? n : tail;
	}
	return (int)(room - least(tail ? tail + 2 : 0, room / 2));
}

static void draw_job(struct page *page, const struct reeve_job *job, int title)
{
	const struct top *top = page->top;
	char id[24], time[DURATION_BYTES], state[64], note[WORDS_BYTES] = "";
	enum render_colour colour;
	const char *glyph = words_glyph(job->state, top->tool->out.unicode,
					&colour);
	bool wide = top->columns >= TOP_WIDE;
	bool narrow = top->columns < TOP_NARROW;

	begin_row(page, top->selected_id == job->id);
	snprintf(id, sizeof(id), "%" PRId64, job->id);
	add_cell(page, RENDER_PLAIN, 8, true, id);
	snprintf(state, sizeof(state), "%s %s", glyph, words_state(job->state));
	add_cell(page, colour, narrow ? 1 : 11, false, narrow ? glyph : state);
	if (!narrow)
		add_cell(page, RENDER_PLAIN, wide ? 20 : 8, false, job->queue);
	add_cell(page, RENDER_PLAIN, 7, true,
		 duration_format(words_time_ms(job, clock_wall_ms()), time));
	add_cell(page, RENDER_PLAIN, title, false, words_title(job));
	if (job->state == REEVE_RUNNING)
		add_progress(page, job);
	if (job->state == REEVE_FAILED)
		words_end(job, note);
	add(page, RENDER_RED, "%s", note);
	end_line(page);
}

static void draw_jobs(struct page *page, const char *title, enum top_list list,
		      struct reeve_job *const *jobs, size_t count, size_t most)
{
	struct top *top = page->top;
	char line[128];
	size_t at = 0, first;
	int width;

	if (top->columns < TOP_NARROW)
		snprintf(line, sizeof(line), "  %8s     %7s  %s", "ID", "TIME",
			 title);
	else
		snprintf(line, sizeof(line), "  %8s  %-11s  %-*s  %7s  %s",
			 "ID", title, top->columns >= TOP_WIDE ? 20 : 8,
			 "QUEUE", "TIME", "NAME");
	add_title(page, line);
	while (at < count && jobs[at]->id != top->selected_id)
		at++;
	first = scroll(top, list, at, count, most);
	width = title_width(top, jobs + first, least(most, count - first));
	for (size_t i = first; i < count && i < first + most; i++)
		draw_job(page, jobs[i], width);
	if (top->by.any && top->running_count + top->ended_count == 0 &&
	    list == TOP_LIST_RUNNING) {
		add(page, RENDER_YELLOW, "  nothing matches '%s'", top->filter);
		end_line(page);
	}
}

/* With its title; only where there is more than the jobs need. */
static size_t ticker_rows(const struct top *top)
{
	size_t most = top->rows < TOP_TICKER_ROWS
			      ? 0
			      : (top->rows - TOP_TICKER_ROWS) / 3 + 3;

	return most > TOP_EVENTS + 1 ? TOP_EVENTS + 1 : most;
}

static void draw_events(struct page *page, size_t rows)
{
	const struct top *top = page->top;
	size_t from = 0;

	if (rows == 0)
		return;
	while (page->count + rows + 1 < top->rows)
		end_line(page);
	add_title(page, "       #  EVENTS");
	if (top->event_count > rows - 1)
		from = top->event_count - (rows - 1);
	for (size_t i = from; i < top->event_count; i++) {
		add(page, RENDER_PLAIN, "%s", top->events[i]);
		end_line(page);
	}
}

static void draw_main(struct page *page)
{
	const struct top *top = page->top;
	bool waiting = top_filter_unfinished(&top->by) & SELECTOR_WAITING;
	size_t body = top->rows > 8 ? top->rows - 8 : 1;
	size_t ended = body / 3, queues = body / 4 + 1, used, ticker;

	draw_head(page);
	draw_pools(page, body / 8 + 1);
	end_line(page);
	draw_queues(page, queues);
	ticker = ticker_rows(top);
	used = page->count + 1 + ended + 2 + ticker;
	draw_jobs(page, waiting ? "UNFINISHED" : "RUNNING", TOP_LIST_RUNNING,
		  top->running, top->running_count,
		  top->rows > used ? top->rows - used : 1);
	while (page->count + ended + 2 + ticker < top->rows)
		end_line(page);
	draw_jobs(page, "ENDED", TOP_LIST_ENDED, top->ended, top->ended_count,
		  ended);
	draw_events(page, ticker);
}

static void draw_text(struct page *page, const char *text)
{
	while (text && *text && page->count + 1 < page->top->rows) {
		size_t n = strcspn(text, "\n");

		add(page, RENDER_PLAIN, "%.*s", (int)n, text);
		end_line(page);
		text += n;
		text += *text == '\n';
	}
}

static const char help[] =
	"reeve top\n"
	"\n"
	"  up, down   choose a queue or a job\n"
	"  enter      details of the job, with the end of its output\n"
	"  l          its output\n"
	"  k          cancel it (asks)\n"
	"  r          run it again\n"
	"  p          pause the queue, or let it go on\n"
	"  /          show only some jobs: queue=mail newer=1h, failed, "
	"waiting,\n"
	"             or a part of the name or of the queue\n"
	"  q          out of here\n"
	"\n"
	"Drawn when something happened.\n";

static void draw_prompt(struct page *page)
{
	add(page, RENDER_PLAIN, "/%s_", page->top->filter);
	if (page->top->message[0])
		add(page, RENDER_YELLOW, "  %s", page->top->message);
}

/* The filter gets what is left of the line. */
static void draw_keys(struct page *page)
{
	static const char last[] = "  ? help  q quit";
	const struct top *top = page->top;
	const char *keys = top->columns < TOP_KEYS_COLUMNS
				   ? ""
				   : "l logs  k cancel  r retry  p pause  / "
				     "filter";
	size_t used = strlen(keys) + sizeof(last) + 2;
	char cut[TOP_TEXT * 2] = "";

	if (!top->filter[0]) {
		add(page, RENDER_DIM, "%s%s%s",
		    top->columns < TOP_NARROW ? "keys:" : "enter details  ",
		    keys,
		    last + (keys[0] || top->columns < TOP_NARROW ? 0 : 2));
		return;
	}
	text_fit(top->filter, top->columns > used + 1 ? top->columns - used : 1,
		 top->tool->out.unicode, cut, sizeof(cut));
	add(page, RENDER_DIM, "%s%s", keys, keys[0] ? ": " : "/");
	add(page, RENDER_YELLOW, "%s", cut);
	add(page, RENDER_DIM, "%s", last);
}

static void draw_foot(struct page *page)
{
	const struct top *top = page->top;

	while (page->count + 1 < top->rows)
		end_line(page);
	if (top->prompt == TOP_FILTER)
		draw_prompt(page);
	else if (top->prompt == TOP_ASK_CANCEL)
		add(page, RENDER_YELLOW, "Cancel job %" PRId64 "? [y/N]",
		    top->asked_id);
	else if (top->lost)
		add(page, RENDER_RED, "the daemon does not answer");
	else if (top->message[0])
		add(page, RENDER_YELLOW, "%s", top->message);
	else if (top->view != TOP_MAIN)
		add(page, RENDER_DIM, "any key: back");
	else
		draw_keys(page);
	end_line(page);
}

void top_draw(struct top *top)
{
	struct page *page = calloc(1, sizeof(*page));

	if (!page)
		return;
	page->top = top;
	top->marked = false;
	if (top->view == TOP_MAIN)
		draw_main(page);
	else
		draw_text(page, top->view == TOP_HELP ? help : top->page);
	page->count = page->count < top->rows ? page->count : top->rows - 1;
	draw_foot(page);
	term_draw(page->lines, page->count);
	for (size_t i = 0; i < TERM_ROWS_MAX; i++)
		free(page->lines[i]);
	free(page);
}
