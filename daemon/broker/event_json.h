#pragma once

/*
 * Event JSON: events as Subscribe tells them (type Event of org.reeve.events),
 * and which of them a subscriber asked for. Used by the loop and by the
 * reader's thread: nothing here is shared.
 */

#include "daemon/store/store.h"
#include "proto/json_out.h"

/* What a subscriber asked for; all that is given must hold. */
struct event_filter {
	uint32_t kinds;	     /* bits 1 << enum event_kind; 0: all */
	struct slice queue;  /* n 0: any */
	int64_t group;	     /* 0: any */
	const int64_t *jobs; /* ascending; NULL: any */
	size_t job_count;
};

/* One that has no number: it is told to who listens, and gone. */
struct told_event {
	enum event_kind kind;
	int64_t job, group, pid; /* 0: none */
	struct slice queue;	 /* n 0: none */
	struct slice detail;	 /* a JSON object; n 0: none */
};

/** event_filter_takes() - did he ask for this one? LOST is for everybody */
bool event_filter_takes(const struct event_filter *filter, enum event_kind kind,
			struct slice queue, int64_t group, int64_t job);

/** event_json() - a numbered one, as an object */
void event_json(struct json_out *out, const struct store_event *event);

/** event_json_told() - one without a number, behind number @seq */
void event_json_told(struct json_out *out, const struct told_event *event,
		     int64_t seq, int64_t at_ms);

/** event_json_lost() - numbers that a subscriber was not told, both included */
void event_json_lost(struct json_out *out, int64_t from, int64_t to,
		     int64_t at_ms);
