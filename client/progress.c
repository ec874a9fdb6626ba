#include "client/progress.h"

#include "client/bar.h"
#include "client/duration.h"
#include "client/text.h"
#include "proto/share.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define PROGRESS_TERMINAL_MS 100
#define PROGRESS_PIPE_MS 30000
#define PROGRESS_LEAST_MS 1000
#define PROGRESS_LINE_BYTES 1024
#define PROGRESS_PIPE_COLUMNS 300
#define PROGRESS_GAP 2

void progress_init(struct progress *progress, const struct tool *tool,
		   int64_t now_ms)
{
	const char *term = getenv("TERM");

	*progress = (struct progress){
		.tool = tool,
		.terminal = tool->err.terminal && term &&
			    strcmp(term, "dumb") != 0,
		.started_ms = now_ms,
		.drawn_ms = now_ms,
		.fraction = -1,
	};
}

bool progress_wanted(const struct progress *progress)
{
	return !progress->tool->quiet &&
	       (progress->terminal || progress->lines || !progress->single);
}

static double share_of(const struct progress *progress)
{
	double done = (double)progress->done + progress->part;
	double total = (double)progress->total;

	if (progress->single)
		return progress->fraction;
	/* Some of what had parts may have ended since. */
	return total > 0 ? (done < total ? done / total : 1) : -1;
}

/* Parts of a line, with gaps between; what is empty is left out. */
struct line {
	char text[PROGRESS_LINE_BYTES];
	size_t n;
};

static void add(struct line *line, const char *format, ...) printf_like(2, 3);

static void add(struct line *line, const char *format, ...)
{
	char part[PROGRESS_LINE_BYTES / 2];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(part, sizeof(part), format, arguments);
	va_end(arguments);
	if (n <= 0)
		return;
	n = snprintf(line->text + line->n, sizeof(line->text) - line->n, "%s%s",
		     line->n ? "  " : "", part);
	line->n += (size_t)n;
	if (line->n >= sizeof(line->text))
		line->n = sizeof(line->text) - 1;
}

static int bar_columns(size_t columns)
{
	return columns >= 120 ? BAR_COLUMNS_MAX : columns >= 60 ? 20 : 10;
}

static void add_bar(struct line *line, double share, size_t columns,
		    bool unicode)
{
	char bar[BAR_BYTES];

	if (share >= 0)
		add(line, "%s %3d%%",
		    bar_write(share, bar_columns(columns), unicode, bar),
		    bar_percent(share));
}

static void add_rate(struct line *line, double done, int64_t elapsed_ms)
{
	double rate = elapsed_ms > 0 ? done * 1000 / (double)elapsed_ms : 0;

	add(line, rate >= 10 ? "%.0f/s" : "%.1f/s", rate);
}

static void add_time(struct line *line, int64_t left_ms, int64_t elapsed_ms)
{
	char time[DURATION_BYTES];

	if (left_ms >= 0)
		add(line, "%s left", duration_format(left_ms, time));
	else
		add(line, "%s", duration_format(elapsed_ms, time));
}

/* What is left of what was still to do when we began to look. */
static int64_t left_of_many(const struct progress *progress, int64_t elapsed_ms)
{
	double all = (double)progress->total - progress->before;
	double done = share_of(progress) * (double)progress->total -
		      progress->before;

	if (progress->total <= progress->done)
		return -1;
	return bar_left_ms(done / all, elapsed_ms);
}

static void many(const struct progress *progress, int64_t now_ms,
		 size_t columns, bool unicode, struct line *line)
{
	int64_t elapsed_ms = now_ms - progress->started_ms;
	double ended = (double)progress->done - progress->before;

	add_bar(line, share_of(progress), columns, unicode);
	if (progress->total > 0)
		add(line, "%" PRId64 "/%" PRId64, progress->done,
		    progress->total);
	else
		add(line, "%" PRId64 " done", progress->done);
	add_rate(line, ended > 0 ? ended : 0, elapsed_ms);
	add_time(line, left_of_many(progress, elapsed_ms), elapsed_ms);
	if (progress->failed > 0)
		add(line, "%" PRId64 " failed", progress->failed);
}

/* Of a note like 30/100 the 30 has a rate. */
static bool counted(const struct progress *progress, double *ret)
{
	struct slice note = slice_of(progress->note);
	struct slice rest;
	double share;
	char *end;

	if (!share_read(note, &share, &rest) || !rest.n)
		return false;
	*ret = strtod(progress->note, &end);
	return *end == '/';
}

/* From what it had done when it spoke last; -1: it was to be over by now. */
static int64_t left_of_single(const struct progress *progress, int64_t now_ms)
{
	int64_t left_ms;

	if (progress->since_ms <= 0 || progress->fraction < 0)
		return -1;
	left_ms = bar_left_ms(progress->fraction,
			      progress->told_ms - progress->since_ms);
	if (left_ms < 0)
		return -1;
	left_ms -= now_ms - progress->told_ms;
	return left_ms < 0 ? -1 : left_ms;
}

/* The note gets what the rest leaves of the line. */
static void single(const struct progress *progress, int64_t now_ms,
		   size_t columns, bool unicode, struct line *line)
{
	int64_t since_ms = progress->since_ms > 0 ? progress->since_ms
						  : progress->started_ms;
	struct line behind = {0};
	char note[PROGRESS_LINE_BYTES / 2];
	double count;
	size_t used;

	add_bar(line, progress->fraction, columns, unicode);
	if (counted(progress, &count))
		add_rate(&behind, count, progress->told_ms - since_ms);
	add_time(&behind, left_of_single(progress, now_ms), now_ms - since_ms);
	if (progress->fraction < 0 && !progress->note[0])
		add(line, "%s", progress->state);
	used = text_width(line->text) + behind.n + 2 * PROGRESS_GAP;
	if (progress->note[0] && used < columns) {
		text_fit(progress->note, columns - used, unicode, note,
			 sizeof(note));
		add(line, "%s", note);
	}
	add(line, "%s", behind.text);
}

void progress_line(const struct progress *progress, int64_t now_ms,
		   size_t columns, bool unicode, char *ret, size_t bytes)
{
	struct line line = {0};

	if (progress->single)
		single(progress, now_ms, columns, unicode, &line);
	else
		many(progress, now_ms, columns, unicode, &line);
	text_fit(line.text, columns, unicode, ret, bytes);
}

static int tenth(const struct progress *progress)
{
	return bar_percent(share_of(progress)) / 10;
}

static bool is_due(const struct progress *progress, int64_t now_ms)
{
	int64_t since_ms = now_ms - progress->drawn_ms;

	if (progress->terminal)
		return since_ms >= PROGRESS_TERMINAL_MS;
	if (since_ms >= PROGRESS_PIPE_MS)
		return true;
	if (since_ms < PROGRESS_LEAST_MS)
		return false;
	/* Each tenth; the last one is told by the summary. */
	return tenth(progress) > progress->drawn_tenth && tenth(progress) < 10;
}

void progress_update(struct progress *progress, int64_t now_ms)
{
	const struct screen *err = &progress->tool->err;
	char line[PROGRESS_LINE_BYTES];

	if (!progress_wanted(progress) || !is_due(progress, now_ms))
		return;
	progress->drawn_ms = now_ms;
	progress->drawn_tenth = tenth(progress);
	if (!progress->terminal) {
		progress_line(progress, now_ms, PROGRESS_PIPE_COLUMNS,
			      err->unicode, line, sizeof(line));
		fprintf(stderr, "reeve: %s\n", line);
		return;
	}
	progress_line(progress, now_ms, (size_t)err->width - 1, err->unicode,
		      line, sizeof(line));
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
	progress->shown = true;
}

void progress_clear(struct progress *progress)
{
	if (!progress->shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->shown = false;
}
