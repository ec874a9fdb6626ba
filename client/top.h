#pragma once

/*
 * Top: what `reeve top` knows and how it looks. Loading asks the daemon, drawing
 * asks nobody.
 */

#include "client/counts.h"
#include "client/term.h"
#include "client/tool.h"
#include "client/top_filter.h"

#define TOP_QUEUES 1000
#define TOP_WORKERS 1024
#define TOP_POOLS 64
#define TOP_JOBS 200 /* running ones that are listed */
#define TOP_ENDED 60
#define TOP_RATES 30 /* seconds of the sparklines */
#define TOP_EVENTS 8

struct top_queue {
	char name[TOP_TEXT];
	bool paused, seen;
	int64_t waiting, running, ended;
	int64_t rated;		  /* `ended` at the last second; -1: none yet */
	int64_t oldest_ms;	  /* since the oldest is ready; 0: none is */
	bool counts_ends;	  /* the daemon tells how many have ended */
	int64_t rates[TOP_RATES]; /* ended in each second, oldest first */
};

struct top_pool {
	char name[32];
	bool degraded;
	int64_t waiting;
};

struct top_worker {
	char pool[32];
	char state; /* i idle, b busy, r retiring, s starting */
};

enum top_view { TOP_MAIN, TOP_DETAILS, TOP_LOGS, TOP_HELP };
enum top_prompt { TOP_NO_PROMPT, TOP_FILTER, TOP_ASK_CANCEL };
enum top_list { TOP_LIST_QUEUES, TOP_LIST_RUNNING, TOP_LIST_ENDED, TOP_LISTS };

struct top {
	struct tool *tool;
	size_t rows, columns;
	/* Told by the daemon. */
	char head[TOP_TEXT];
	struct counts counts;
	struct top_worker workers[TOP_WORKERS];
	size_t worker_count;
	struct top_pool pools[TOP_POOLS];
	size_t pool_count;
	struct top_queue queues[TOP_QUEUES];
	size_t queue_count;
	size_t shown[TOP_QUEUES]; /* of queues, in the order of the screen */
	size_t shown_count;
	struct reeve_job *running[TOP_JOBS]; /* owned */
	size_t running_count;
	struct reeve_job *ended[TOP_ENDED]; /* owned; the last to end first */
	size_t ended_count;
	char events[TOP_EVENTS]
		   [TOP_TEXT]; /* lines; the last one happened last */
	size_t event_count;
	int64_t rates[TOP_RATES];
	int64_t rated;	   /* ended at the last second; -1: none yet */
	int64_t second_ms; /* monotonic: when the last second was over */
	int64_t since_ms;  /* UTC: the daemon is in its state since then */
	int64_t connections;
	int64_t loaded_ms; /* monotonic; 0: to be asked at once */
	struct reeve_stream *events_stream; /* owned; NULL: none tells */
	bool deaf;			    /* the daemon tells of no events */
	bool news; /* something happened since it was asked */
	bool lost; /* the last time it did not answer */
	/* What the user does. */
	enum top_view view;
	enum top_prompt prompt;
	char filter[TOP_TEXT]; /* as it is typed */
	struct top_filter by;  /* as it holds */
	char message[512];
	int64_t selected_id;	       /* a job; 0: a queue or none */
	char selected_queue[TOP_TEXT]; /* when selected_id is 0 */
	bool choose_first;	       /* job, when they are loaded */
	bool marked;		       /* what is selected was drawn */
	size_t first[TOP_LISTS];       /* the row at the top of each list */
	int64_t asked_id;	       /* of TOP_ASK_CANCEL */
	char *page;		       /* owned; text of details and logs */
};

/** top_load() - ask for all of it; what it says of a failure is in `message` */
void top_load(struct top *top);

/** top_open_page() - details or the output of the selected job, into `page` */
void top_open_page(struct top *top, enum top_view view);

/** top_fini() - free what it holds */
void top_fini(struct top *top);

/** top_listen() - read what the daemon told of events, into `news` */
void top_listen(struct top *top);

/** top_seconds() - count what ended in each second that is over */
void top_seconds(struct top *top, int64_t now_ms);

/** top_draw() - show it */
void top_draw(struct top *top);
