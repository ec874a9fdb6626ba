#include "client/progress.h"

#include "client/duration.h"
#include "client/text.h"

#include <inttypes.h>
#include <stdio.h>

#define PROGRESS_TERMINAL_MS 100
#define PROGRESS_PIPE_MS 30000
#define PROGRESS_LEAST_MS 1000
#define PROGRESS_BAR 20
#define PROGRESS_LINE_BYTES 512

void progress_init(struct progress *progress, const struct tool *tool,
		   int64_t now_ms)
{
	*progress = (struct progress){
		.tool = tool,
		.started_ms = now_ms,
		.drawn_ms = now_ms,
	};
}

static void write_bar(char *ret, size_t bytes, int64_t done, int64_t total,
		      bool unicode)
{
	int filled = (int)(done * PROGRESS_BAR / total);
	size_t n = 0;

	for (int i = 0; i < PROGRESS_BAR; i++) {
		const char *full = unicode ? "\u2588" : "#";
		const char *empty = unicode ? "\u2591" : "-";

		n += (size_t)snprintf(ret + n, bytes - n, "%s",
				      i < filled ? full : empty);
	}
}

void progress_line(const struct progress *progress, int64_t now_ms,
		   size_t columns, bool unicode, char *ret, size_t bytes)
{
	int64_t elapsed_ms = now_ms - progress->started_ms;
	int64_t total = progress->total;
	double rate = elapsed_ms > 0 ? (double)progress->done * 1000 /
					       (double)elapsed_ms
				     : 0;
	char line[PROGRESS_LINE_BYTES], bar[PROGRESS_BAR * 4] = "";
	char time[DURATION_BYTES];
	size_t n = 0;

	if (total > 0) {
		write_bar(bar, sizeof(bar), progress->done, total, unicode);
		n += (size_t)snprintf(line, sizeof(line),
				      "%s %3d%%  %" PRId64 "/%" PRId64, bar,
				      (int)(progress->done * 100 / total),
				      progress->done, total);
	} else {
		n += (size_t)snprintf(line, sizeof(line), "%" PRId64 " done",
				      progress->done);
	}
	n += (size_t)snprintf(line + n, sizeof(line) - n,
			      rate >= 10 ? "  %.0f/s" : "  %.1f/s", rate);
	if (total > progress->done && rate > 0)
		n += (size_t)snprintf(
			line + n, sizeof(line) - n, "  %s left",
			duration_format(
				(int64_t)((double)(total - progress->done) *
					  1000 / rate),
				time));
	else
		n += (size_t)snprintf(line + n, sizeof(line) - n, "  %s",
				      duration_format(elapsed_ms, time));
	if (progress->failed > 0)
		snprintf(line + n, sizeof(line) - n, "  %" PRId64 " failed",
			 progress->failed);
	text_fit(line, columns, unicode, ret, bytes);
}

static bool is_due(const struct progress *progress, int64_t now_ms)
{
	int64_t since_ms = now_ms - progress->drawn_ms;
	int64_t step = progress->total / 10;

	if (progress->tool->err.terminal)
		return since_ms >= PROGRESS_TERMINAL_MS;
	if (since_ms >= PROGRESS_PIPE_MS)
		return true;
	if (since_ms < PROGRESS_LEAST_MS)
		return false;
	/* Each tenth; the last one is told by the summary. */
	return step > 0 && progress->done < progress->total &&
	       progress->done / step > progress->drawn_done / step;
}

void progress_update(struct progress *progress, int64_t now_ms)
{
	const struct screen *err = &progress->tool->err;
	char line[PROGRESS_LINE_BYTES];

	if (progress->tool->quiet || !is_due(progress, now_ms))
		return;
	progress->drawn_ms = now_ms;
	progress->drawn_done = progress->done;
	if (!err->terminal) {
		progress_line(progress, now_ms, sizeof(line), err->unicode,
			      line, sizeof(line));
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
