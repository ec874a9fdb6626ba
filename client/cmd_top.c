/* reeve top: the whole terminal, kept up to date. */

#include "client/clock.h"
#include "client/command.h"
#include "client/field.h"
#include "client/say.h"
#include "client/top.h"
#include "proto/json_out.h"

#include <inttypes.h>
#include <stdio.h>

#define TOP_LEAST_MS 400      /* between two times that all is asked for */
#define TOP_DEAF_MS 1000      /* when nobody tells of events */
#define TOP_FALLBACK_MS 15000 /* for what no event tells of */
#define TOP_PATIENCE_MS 500

/* ---- What is selected ---- */

/* The rows that can be: queues, running jobs, ended jobs. */
static size_t row_count(const struct top *top)
{
	return top->shown_count + top->running_count + top->ended_count;
}

/* The job of a row; NULL: a queue. */
static const struct reeve_job *job_at(const struct top *top, size_t row)
{
	if (row < top->shown_count)
		return NULL;
	row -= top->shown_count;
	return row < top->running_count ? top->running[row]
					: top->ended[row - top->running_count];
}

static bool is_selected(const struct top *top, size_t row)
{
	const struct reeve_job *job = job_at(top, row);

	if (job)
		return top->selected_id == job->id;
	return !top->selected_id && strcmp(top->queues[top->shown[row]].name,
					   top->selected_queue) == 0;
}

static void choose(struct top *top, size_t row)
{
	const struct reeve_job *job = job_at(top, row);

	top->selected_id = job ? job->id : 0;
	if (!job)
		snprintf(top->selected_queue, sizeof(top->selected_queue), "%s",
			 top->queues[top->shown[row]].name);
}

static void move(struct top *top, int by)
{
	size_t count = row_count(top), at = 0;

	if (count == 0)
		return;
	while (at < count && !is_selected(top, at))
		at++;
	if (at == count)
		at = by > 0 ? count - 1 : 0; /* none: begin at the other end */
	choose(top, (at + count + (size_t)(by + (int)count)) % count);
}

static const struct reeve_job *selected_job(const struct top *top)
{
	for (size_t i = top->shown_count; i < row_count(top); i++) {
		if (is_selected(top, i))
			return job_at(top, i);
	}
	return NULL;
}

/* ---- What the keys do ---- */

/* A call; its error, or what it did, goes to the last line. */
static void act(struct top *top, const char *method, const char *parameters,
		const char *done)
{
	const char *reply;

	if (reeve_call(top->tool->r, method, parameters, &reply) == 0)
		snprintf(top->message, sizeof(top->message), "%s", done);
	else
		snprintf(top->message, sizeof(top->message), "%s",
			 reeve_error(top->tool->r)->message);
	top->loaded_ms = 0;
}

static void cancel(struct top *top)
{
	char parameters[128], done[64];

	snprintf(parameters, sizeof(parameters),
		 "{\"filter\":{\"ids\":[%" PRId64
		 "]},\"reason\":\"cancelled in reeve top\"}",
		 top->asked_id);
	snprintf(done, sizeof(done), "job %" PRId64 " is being cancelled",
		 top->asked_id);
	act(top, "org.reeve.jobs.Cancel", parameters, done);
}

static void retry(struct top *top)
{
	char parameters[96], done[64];

	snprintf(parameters, sizeof(parameters),
		 "{\"filter\":{\"ids\":[%" PRId64 "]},\"reset_attempts\":true}",
		 top->selected_id);
	snprintf(done, sizeof(done), "job %" PRId64 " runs again",
		 top->selected_id);
	act(top, "org.reeve.jobs.Retry", parameters, done);
}

static void pause_queue(struct top *top)
{
	const struct reeve_job *job = selected_job(top);
	const char *name = job ? job->queue : top->selected_queue;
	struct json_out out = {0};
	char done[TOP_TEXT + 32];
	bool paused = false;

	if (!name[0] || !top->marked) {
		snprintf(top->message, sizeof(top->message),
			 "choose a queue first: up, down");
		return;
	}
	for (size_t i = 0; i < top->queue_count; i++)
		paused |= top->queues[i].paused &&
			  strcmp(top->queues[i].name, name) == 0;
	json_out_object(&out);
	json_out_member_text(&out, "name", name);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	snprintf(done, sizeof(done), "queue %s %s", name,
		 paused ? "goes on" : "is paused");
	if (json_out_ok(&out))
		act(top,
		    paused ? "org.reeve.queues.Resume"
			   : "org.reeve.queues.Pause",
		    out.p, done);
	json_out_fini(&out);
}

static void edit_filter(struct top *top, int key)
{
	size_t n = strlen(top->filter);

	if (key == '\n' || key == '\r') {
		if (top_filter_set(top) != 0)
			return; /* it stays open, with what is wrong */
		top->prompt = TOP_NO_PROMPT;
		top->choose_first = top->filter[0];
		return;
	}
	if (key == TERM_KEY_ESCAPE) {
		top->prompt = TOP_NO_PROMPT;
		top->filter[0] = '\0';
	} else if ((key == 127 || key == '\b') && n > 0) {
		while (n > 1 && (top->filter[n - 1] & 0xc0) == 0x80)
			n--;
		top->filter[n - 1] = '\0';
	} else if (key >= ' ' && key < 256 && key != 127 &&
		   n + 1 < sizeof(top->filter)) {
		top->filter[n] = (char)key;
		top->filter[n + 1] = '\0';
	}
	/* Half a word may be none yet: it is told when it is meant. */
	if (top_filter_set(top) != 0)
		top->message[0] = '\0';
}

static void press_on_job(struct top *top, int key)
{
	if (!top->selected_id || !top->marked) {
		snprintf(top->message, sizeof(top->message),
			 "choose a job first: up, down");
		return;
	}
	switch (key) {
	case 'l':
		top_open_page(top, TOP_LOGS);
		break;
	case 'k':
		top->prompt = TOP_ASK_CANCEL;
		top->asked_id = top->selected_id;
		break;
	case 'r':
		retry(top);
		break;
	default:
		top_open_page(top, TOP_DETAILS);
		break;
	}
}

/* Return: false to leave. */
static bool press(struct top *top, int key)
{
	top->message[0] = '\0';
	if (top->prompt == TOP_FILTER) {
		edit_filter(top, key);
		return true;
	}
	if (top->prompt == TOP_ASK_CANCEL) {
		top->prompt = TOP_NO_PROMPT;
		if (key == 'y' || key == 'Y')
			cancel(top);
		return true;
	}
	if (top->view != TOP_MAIN) {
		top->view = TOP_MAIN;
		return true;
	}
	if (key == TERM_KEY_UP || key == TERM_KEY_DOWN)
		move(top, key == TERM_KEY_UP ? -1 : 1);
	else if (key == '/')
		top->prompt = TOP_FILTER;
	else if (key == 'p')
		pause_queue(top);
	else if (key == '?' || key == 'h')
		top->view = TOP_HELP;
	else if (key < 128 && key > 0 && strchr("lkr\n\r", key))
		press_on_job(top, key);
	return key != 'q';
}

/* ---- The loop ---- */

/* When all is to be asked for again. */
static int64_t next_load_ms(const struct top *top)
{
	if (top->loaded_ms == 0)
		return 0;
	if (top->news && !top->lost && top->events_stream)
		return top->loaded_ms + TOP_LEAST_MS;
	return top->loaded_ms +
	       (top->events_stream ? TOP_FALLBACK_MS : TOP_DEAF_MS);
}

static void load(struct top *top)
{
	top_load(top);
	top_listen(top);
	if (top->choose_first && row_count(top) > top->shown_count)
		choose(top, top->shown_count);
	top->choose_first = false;
}

static void loop(struct top *top)
{
	for (;;) {
		int64_t now_ms = clock_monotonic_ms(), wait_ms;
		int key;

		if (now_ms >= next_load_ms(top))
			load(top);
		now_ms = clock_monotonic_ms();
		top_seconds(top, now_ms);
		term_size(&top->rows, &top->columns);
		top_draw(top);
		/* Each second the times go on, without a question. */
		wait_ms = top->second_ms + 1000;
		if (next_load_ms(top) < wait_ms)
			wait_ms = next_load_ms(top);
		wait_ms = wait_ms > now_ms ? wait_ms - now_ms : 0;
		key = term_key((int)wait_ms,
			       top->events_stream && !top->news
				       ? reeve_stream_fd(top->events_stream)
				       : -1);
		if (top->events_stream && !top->news)
			top_listen(top);
		if (key == TERM_KEY_END ||
		    (key != TERM_KEY_NONE && !press(top, key)))
			return;
	}
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct top *top;
	int result;

	(void)options;
	(void)argv;
	if (argc > 0 || tool->json)
		return say_usage(tool, "For programs: reeve status --json",
				 "top takes no arguments and has no --json");
	result = tool_connect_only(tool, NULL);
	if (result != 0)
		return result;
	top = calloc(1, sizeof(*top));
	if (!top)
		return say_memory(tool);
	top->tool = tool;
	top->rated = -1;
	reeve_set_patience(tool->r, TOP_PATIENCE_MS);
	if (term_open())
		loop(top);
	else
		result = say_usage(tool, "In a pipe: reeve status",
				   "top needs a terminal");
	term_close();
	top_fini(top);
	free(top);
	return result;
}

const struct command command_top = {
	.name = "top",
	.group = "System",
	.synopsis = "",
	.summary = "Workers, queues and jobs on the whole terminal, kept up to "
		   "date.",
	.text = "  Keys: up, down, enter details, l logs, k cancel, r retry,\n"
		"  p pause queue, / filter, ? help, q quit\n",
	.run = run,
};
