#pragma once

/* Top filter: what `reeve top` shows of what there is. */

#include "client/selector.h"

#define TOP_TEXT 256

struct top;

/* What `/` says: filters as everywhere, any other word is part of a name. */
struct top_filter {
	char text[TOP_TEXT]; /* the words, behind each a 0 */
	struct selector jobs;
	const char *parts[TOP_TEXT / 2]; /* into text */
	size_t part_count;
	bool any; /* something is filtered at all */
};

/** top_filter_set() - make `filter` hold
 *
 * Return: 0; or -EINVAL, and `message` says what is wrong with it. */
must_check int top_filter_set(struct top *top);

/** top_filter_unfinished() - the states of the first list, as bits: that of the
 * running jobs, others if the filter names them or jobs */
uint32_t top_filter_unfinished(const struct top_filter *filter);

/** top_filter_takes() - whether the words let it through
 * @job:	checked JSON of type Job, of which @decoded was made */
bool top_filter_takes(const struct top *top, struct slice job,
		      const struct reeve_job *decoded);

/** top_arrange() - which queues are shown, busy and paused ones first */
void top_arrange(struct top *top);

/** top_filter_fini() - free what it holds */
void top_filter_fini(struct top_filter *filter);
