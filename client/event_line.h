#pragma once

/* Event line: an event as a line, for people or for programs. */

#include "client/tool.h"
#include "proto/json_out.h"

/**
 * event_line() - append it, with its newline
 * @event:	checked JSON of type Event
 * @now_ms:	UTC: what is of today has no date
 */
void event_line(const struct tool *tool, struct json_out *out,
		struct slice event, int64_t now_ms);

/** event_line_lost() - events that could not be read any more */
void event_line_lost(const struct tool *tool, struct json_out *out,
		     int64_t from, int64_t to, int64_t now_ms);
