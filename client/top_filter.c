/* What `reeve top` shows: the words behind `/`, and the order of the queues. */

#include "client/top_filter.h"

#include "client/clock.h"
#include "client/top.h"
#include "client/words.h"

#include <errno.h>
#include <stdio.h>

void top_filter_fini(struct top_filter *filter)
{
	selector_fini(&filter->jobs);
	*filter = (struct top_filter){0};
}

/* Does every command know this word? */
static bool is_filter(struct tool *quiet, const char *word)
{
	struct selector one = {0};
	bool is = strpbrk(word, "=:") || (strcmp(word, "-") != 0 &&
					  selector_add(quiet, &one, word) == 0);

	selector_fini(&one);
	return is;
}

static int parse(struct tool *quiet, struct top_filter *filter)
{
	char *words[TOP_TEXT / 2], *rest = NULL;
	int count = 0;

	for (char *word = strtok_r(filter->text, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest)) {
		filter->any = true;
		if (is_filter(quiet, word))
			words[count++] = word;
		else
			filter->parts[filter->part_count++] = word;
	}
	if (count == 0)
		return 0;
	if (selector_parse(quiet, &filter->jobs, count, words) != 0)
		return -EINVAL;
	return selector_resolve(quiet, &filter->jobs) == 0 ? 0 : -EINVAL;
}

int top_filter_set(struct top *top)
{
	struct tool quiet = *top->tool;
	struct top_filter *fresh = calloc(1, sizeof(*fresh));
	char said[sizeof(top->message)] = "";
	int result = -EINVAL;

	if (!fresh)
		return -ENOMEM;
	quiet.said = said;
	quiet.said_bytes = sizeof(said);
	/* In its place: the words that are kept point into the text. */
	snprintf(fresh->text, sizeof(fresh->text), "%s", top->filter);
	result = parse(&quiet, fresh);
	selector_fini(&fresh->jobs);
	free(fresh);
	if (result != 0) {
		snprintf(top->message, sizeof(top->message), "%s", said);
		return result;
	}
	top_filter_fini(&top->by);
	snprintf(top->by.text, sizeof(top->by.text), "%s", top->filter);
	top->loaded_ms = 0;
	return parse(&quiet, &top->by);
}

uint32_t top_filter_unfinished(const struct top_filter *filter)
{
	if (filter->jobs.states)
		return filter->jobs.states & SELECTOR_UNFINISHED;
	return filter->jobs.id_count ? SELECTOR_UNFINISHED
				     : 1u << REEVE_RUNNING;
}

static bool has_parts(const struct top *top, const char *name,
		      const char *queue)
{
	for (size_t i = 0; i < top->by.part_count; i++) {
		const char *part = top->by.parts[i];

		if (!strcasestr(name, part) && !strcasestr(queue, part))
			return false;
	}
	return true;
}

bool top_filter_takes(const struct top *top, struct slice job,
		      const struct reeve_job *decoded)
{
	return selector_takes(&top->by.jobs, job, clock_wall_ms()) &&
	       has_parts(top, words_title(decoded), decoded->queue);
}

static bool has_queue(struct reeve_job *const *jobs, size_t count,
		      const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(jobs[i]->queue, name) == 0)
			return true;
	}
	return false;
}

/* Of a filter only those that it names, and those of the jobs it found. */
static bool is_shown(const struct top *top, const char *name)
{
	const struct top_filter *by = &top->by;

	if (!by->any || has_queue(top->running, top->running_count, name) ||
	    has_queue(top->ended, top->ended_count, name))
		return true;
	if (by->jobs.queue)
		return strcmp(by->jobs.queue, name) == 0;
	return by->part_count > 0 && has_parts(top, "", name);
}

static bool is_busy(const struct top_queue *queue)
{
	return queue->paused || queue->running > 0 || queue->waiting > 0;
}

void top_arrange(struct top *top)
{
	top->shown_count = 0;
	for (int busy = 1; busy >= 0; busy--) {
		for (size_t i = 0; i < top->queue_count; i++) {
			if (is_busy(&top->queues[i]) == busy &&
			    is_shown(top, top->queues[i].name))
				top->shown[top->shown_count++] = i;
		}
	}
}
