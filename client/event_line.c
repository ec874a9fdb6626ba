#include "client/event_line.h"

#include "client/bar.h"
#include "client/field.h"
#include "client/render.h"
#include "client/stamp.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define QUEUE_COLUMNS 10

static void put(struct json_out *out, const char *format, ...)
	printf_like(2, 3);

static void put(struct json_out *out, const char *format, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > (int)sizeof(text) - 1)
		n = sizeof(text) - 1;
	json_out_append(out, (struct slice){text, (size_t)n});
}

static enum render_colour colour_of(const char *kind)
{
	static const struct {
		const char *kind;
		enum render_colour colour;
	} colours[] = {
		{"started", RENDER_BLUE},	{"finished", RENDER_GREEN},
		{"failed", RENDER_RED},		{"retrying", RENDER_YELLOW},
		{"cancelled", RENDER_MAGENTA},	{"lost", RENDER_RED},
		{"worker_down", RENDER_YELLOW},
	};

	for (size_t i = 0; i < ARRAY_COUNT(colours); i++) {
		if (strcmp(colours[i].kind, kind) == 0)
			return colours[i].colour;
	}
	return RENDER_PLAIN;
}

/* "14:03:05.120", with the day before it if that is not today's. */
static void put_time(struct json_out *out, int64_t at_ms, int64_t now_ms)
{
	char at[STAMP_BYTES], today[STAMP_BYTES];

	stamp_local(at_ms, at);
	stamp_local(now_ms, today);
	put(out, "%s.%03d", strncmp(at, today, 11) == 0 ? at + 11 : at,
	    (int)(at_ms % 1000));
}

static void put_progress(struct json_out *out, struct slice detail,
			 struct arena *arena)
{
	const char *note = field_text(arena, detail, "note");
	struct slice value;
	double fraction;

	if (json_find(detail, "fraction", &value) &&
	    json_float(value, &fraction) == 0)
		put(out, "  %d%%", bar_percent(fraction));
	if (note[0])
		put(out, "  %s", note);
}

/* What is behind the queue. */
static void put_detail(struct json_out *out, const char *kind,
		       struct slice event, struct arena *arena)
{
	struct slice detail = field_object(event, "detail");
	const char *cause = field_text(arena, detail, "cause");
	int64_t attempt = field_int(detail, "attempt");

	if (strcmp(kind, "lost") == 0) {
		put(out,
		    "  %" PRId64 " to %" PRId64
		    ": this reader was too slow, or they are too old",
		    field_int(detail, "from"), field_int(detail, "to"));
	} else if (strcmp(kind, "progress") == 0) {
		put_progress(out, detail, arena);
	} else if (strncmp(kind, "worker_", 7) == 0) {
		put(out, "  %s/%" PRId64 "  pid %" PRId64,
		    field_text(arena, detail, "pool"),
		    field_int(detail, "slot"), field_int(event, "pid"));
	} else {
		if (attempt > 1)
			put(out, "  try %" PRId64, attempt);
		if (cause[0])
			put(out, "  %s", cause);
	}
}

static void put_people(const struct tool *tool, struct json_out *out,
		       struct slice event, int64_t now_ms)
{
	struct arena arena = {0};
	const char *kind = field_text(&arena, event, "kind");
	const char *queue = field_text(&arena, event, "queue");
	int64_t job = field_int(event, "job");
	int64_t group = field_int(event, "group");
	size_t from = out->n;

	put(out, "%8" PRId64 "  ", field_int(event, "seq"));
	put_time(out, field_int(event, "at_ms"), now_ms);
	put(out, "  %s%-13s%s", render_begin(&tool->out, colour_of(kind)), kind,
	    render_end(&tool->out));
	if (job)
		put(out, "  job %-6" PRId64, job);
	if (queue[0])
		put(out, "  %-*s", QUEUE_COLUMNS, queue);
	if (group)
		put(out, "  group %" PRId64, group);
	put_detail(out, kind, event, &arena);
	while (out->n > from && out->p[out->n - 1] == ' ')
		out->n--;
	json_out_byte(out, '\n');
	arena_fini(&arena);
}

void event_line(const struct tool *tool, struct json_out *out,
		struct slice event, int64_t now_ms)
{
	if (!tool->json) {
		put_people(tool, out, event, now_ms);
		return;
	}
	/* The event itself, with the version of what is printed. */
	json_out_append(out, SLICE("{\"v\":1,"));
	json_out_append(out, (struct slice){event.p + 1, event.n - 1});
	json_out_byte(out, '\n');
}

void event_line_lost(const struct tool *tool, struct json_out *out,
		     int64_t from, int64_t to, int64_t now_ms)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "{\"seq\":%" PRId64 ",\"at_ms\":%" PRId64
		 ",\"kind\":\"lost\",\"detail\":{\"from\":%" PRId64
		 ",\"to\":%" PRId64 "}}",
		 from - 1, now_ms, from, to);
	event_line(tool, out, slice_of(text), now_ms);
}
