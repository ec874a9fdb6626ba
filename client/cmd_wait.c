/* reeve wait: until jobs have ended. */

#include "client/audience.h"
#include "client/clock.h"
#include "client/command.h"
#include "client/field.h"
#include "client/finish.h"
#include "client/glance.h"
#include "client/interrupt.h"
#include "client/job.h"
#include "client/progress.h"
#include "client/say.h"
#include "client/selector.h"
#include "client/stuck.h"
#include "client/words.h"
#include "proto/json_in.h"
#include "proto/limits.h"

#include <inttypes.h>
#include <stdio.h>

#define WAIT_NAMED 10 /* failures that are told one by one */

struct wait_options {
	int64_t timeout_ms;
	bool any, progress;
	const char *exit;
};

static const struct arg_flag flags[] = {
	{"timeout", 0, ARG_DURATION, offsetof(struct wait_options, timeout_ms),
	 "TIME", "give up after TIME, with code 124", 0, NULL},
	{"any", 0, ARG_ON, offsetof(struct wait_options, any), NULL,
	 "until the first of them has ended", 0, NULL},
	{"exit", 0, ARG_TEXT, offsetof(struct wait_options, exit), "none",
	 "exit with 0 although some failed", 0, NULL},
	{"progress", 0, ARG_ON, offsetof(struct wait_options, progress), NULL,
	 "a line each 10% or 30s, where stderr is no terminal", 0, NULL},
};

struct waiting {
	struct tool *tool;
	struct wait_options *options;
	struct progress progress;
	struct glance glance;
	const int64_t *ids; /* that were asked for; NULL: a group */
	size_t id_count;
	int64_t deadline_ms; /* -1: none */
	int64_t succeeded, failed;
	bool single; /* the exit code is the job's */
};

/* More jobs than one watch takes. */
struct crowd {
	struct reeve_watch **watches; /* NULL: told all it had to tell */
	size_t count, at;
};

static int64_t left_ms(const struct waiting *waiting, int64_t most_ms)
{
	int64_t left = most_ms;

	if (waiting->deadline_ms >= 0) {
		left = waiting->deadline_ms - clock_monotonic_ms();
		if (left < 0)
			left = 0;
		if (left > most_ms)
			left = most_ms;
	}
	return left;
}

/* The line of JSON at the end is all that there is to read. Where SIGPIPE is
 * ignored, the exit code is still worth waiting for. */
static bool is_heard(const struct waiting *waiting)
{
	return !waiting->tool->json ||
	       audience_wait(AUDIENCE_STDOUT, NULL, 0, 0) == 0;
}

static void draw_group(struct waiting *waiting)
{
	if (is_heard(waiting))
		progress_update(&waiting->progress, clock_monotonic_ms());
}

/* Only we end: that is said, and then done as the signal wants it. */
static int left_alone(struct waiting *waiting)
{
	progress_clear(&waiting->progress);
	if (waiting->single)
		say_note(waiting->tool,
			 "job %" PRId64 " goes on. To end it, too: reeve "
			 "cancel %" PRId64,
			 waiting->ids[0], waiting->ids[0]);
	else
		say_note(waiting->tool,
			 "they go on. To end them, too: reeve cancel");
	return interrupt_end();
}

/* What a call came to that was no end, no time-out and no interruption. */
static int broken_off(struct waiting *waiting)
{
	progress_clear(&waiting->progress);
	if (reeve_error(waiting->tool->r)->code == REEVE_E_INTERRUPTED)
		return left_alone(waiting);
	return say_error(waiting->tool);
}

static int timed_out(struct waiting *waiting)
{
	progress_clear(&waiting->progress);
	return say_fail(waiting->tool, EXIT_TIMEOUT,
			"They go on: wait again, or longer",
			"the time is over and not all have ended");
}

static void count(struct waiting *waiting, const struct reeve_job *job)
{
	char end[WORDS_BYTES];

	waiting->progress.done++;
	if (job->state == REEVE_SUCCEEDED) {
		waiting->succeeded++;
		return;
	}
	waiting->failed++;
	waiting->progress.failed++;
	if (waiting->tool->json || waiting->single ||
	    waiting->failed > WAIT_NAMED)
		return;
	progress_clear(&waiting->progress);
	words_end(job, end);
	say_note(waiting->tool, "job %" PRId64 " %s", job->id, end);
}

static int summary(struct waiting *waiting)
{
	bool forgiving = waiting->options->exit;

	progress_clear(&waiting->progress);
	if (waiting->failed > WAIT_NAMED && !waiting->tool->json)
		say_note(waiting->tool,
			 "%" PRId64 " did not succeed, %" PRId64 " did",
			 waiting->failed, waiting->succeeded);
	if (waiting->tool->json)
		printf("{\"v\":1,\"succeeded\":%" PRId64 ",\"failed\":%" PRId64
		       "}\n",
		       waiting->succeeded, waiting->failed);
	if (waiting->failed == 0 || forgiving)
		return EXIT_FINE;
	return EXIT_FAILED;
}

static void crowd_fini(struct crowd *crowd)
{
	for (size_t i = 0; i < crowd->count; i++)
		reeve_watch_free(crowd->watches[i]);
	free(crowd->watches);
	*crowd = (struct crowd){0};
}

static int crowd_init(struct waiting *waiting, struct crowd *crowd,
		      const int64_t *ids, size_t n)
{
	size_t count = (n + LIMIT_IDS_PER_CALL - 1) / LIMIT_IDS_PER_CALL;

	crowd->watches = calloc(count, sizeof(struct reeve_watch *));
	if (!crowd->watches)
		return say_memory(waiting->tool);
	while (n > 0) {
		size_t part = n < LIMIT_IDS_PER_CALL ? n : LIMIT_IDS_PER_CALL;
		struct reeve_watch **watch = &crowd->watches[crowd->count];

		if (reeve_watch_new(waiting->tool->r, ids, part, watch) != 0)
			return say_error(waiting->tool);
		crowd->count++;
		waiting->progress.total += (int64_t)reeve_watch_left(*watch);
		ids += part;
		n -= part;
	}
	waiting->single = waiting->progress.single = waiting->progress.total ==
						     1;
	return 0;
}

static void draw(struct waiting *waiting)
{
	struct progress *progress = &waiting->progress;
	int64_t now_ms = clock_monotonic_ms();

	if (!is_heard(waiting))
		return;
	if (waiting->single)
		glance_job(&waiting->glance, progress, waiting->ids[0], now_ms);
	else
		glance_jobs(&waiting->glance, progress, waiting->ids,
			    waiting->id_count, now_ms);
	progress_update(progress, now_ms);
}

/* Until there may be an end, or news of one that runs. */
static void rest(const struct waiting *waiting, const struct reeve_watch *watch,
		 int64_t most_ms)
{
	unsigned whom = waiting->tool->json ? AUDIENCE_STDOUT : 0;
	int fds[2] = {reeve_watch_fd(watch), glance_fd(&waiting->glance)};

	/* Where SIGPIPE is ignored, the exit code is still worth waiting for;
	 * but not awake. */
	if (audience_wait(whom, fds, fds[1] < 0 ? 1 : 2,
			  left_ms(waiting, most_ms)))
		clock_pause(left_ms(waiting, 50));
}

/*
 * The next end. All are wanted: one watch after the other, so that only one
 * has a connection. The first of any: each is looked at in turn.
 */
static int crowd_next(struct waiting *waiting, struct crowd *crowd,
		      struct reeve_job **ret)
{
	bool turns = waiting->options->any && crowd->count > 1;

	for (;;) {
		struct reeve_watch **watch = &crowd->watches[crowd->at];
		int result = reeve_watch_next(*watch, 0, ret);

		if (result == REEVE_E_TIMEOUT && left_ms(waiting, 1) > 0) {
			draw(waiting);
			rest(waiting, *watch, turns ? 50 : 500);
			if (turns)
				crowd->at = (crowd->at + 1) % crowd->count;
		} else if (result == REEVE_E_END &&
			   crowd->at + 1 < crowd->count) {
			reeve_watch_free(TAKE(*watch));
			crowd->at++;
		} else {
			return result;
		}
	}
}

static int wait_crowd(struct waiting *waiting, struct crowd *crowd)
{
	for (;;) {
		AUTO(reeve_job_free) struct reeve_job *job = NULL;
		int result = crowd_next(waiting, crowd, &job);

		if (result == REEVE_E_TIMEOUT)
			return timed_out(waiting);
		if (result == REEVE_E_END)
			return summary(waiting);
		if (result != 0)
			return broken_off(waiting);
		count(waiting, job);
		if (waiting->single || waiting->options->any) {
			progress_clear(&waiting->progress);
			result = finish_job(waiting->tool, job, false);
			return waiting->options->exit ? EXIT_FINE : result;
		}
		draw(waiting);
	}
}

static int wait_ids(struct waiting *waiting, const int64_t *ids, size_t n)
{
	struct crowd crowd = {0};
	int result = crowd_init(waiting, &crowd, ids, n);

	waiting->ids = ids;
	waiting->id_count = n;
	if (result == 0)
		result = wait_crowd(waiting, &crowd);
	crowd_fini(&crowd);
	return result;
}

/* The daemon answers when the group is complete; it is asked in between for
 * those who look at the progress. */
static int64_t group_wait_ms(const struct waiting *waiting)
{
	if (!progress_wanted(&waiting->progress))
		return left_ms(waiting, 3600 * 1000);
	return left_ms(waiting, waiting->progress.terminal ? 500 : 5000);
}

/* A group may hold any number of jobs and still grow: its counters are asked
 * for. */
static int wait_group(struct waiting *waiting, int64_t group)
{
	struct progress *progress = &waiting->progress;
	bool first = true;
	char params[96];

	for (;;) {
		struct slice facts, counts, value;
		const char *reply;
		bool complete = false;

		snprintf(params, sizeof(params), "{\"group\":%" PRId64 "}",
			 group);
		if (reeve_call(waiting->tool->r, "org.reeve.jobs.GetGroup",
			       params, &reply) != 0)
			return broken_off(waiting);
		if (!json_find(slice_of(reply), "group", &facts) ||
		    !json_find(facts, "counts", &counts))
			return say_fail(waiting->tool, EXIT_INTERNAL,
					"Are they of the same version? See: "
					"reeve doctor",
					"the daemon's answer to GetGroup has "
					"no counts");
		waiting->succeeded = field_int(counts, "succeeded");
		waiting->failed = field_int(counts, "failed") +
				  field_int(counts, "cancelled");
		progress->done = waiting->succeeded + waiting->failed;
		progress->failed = waiting->failed;
		progress->total = progress->done + field_int(facts, "pending");
		progress->part = glance_part(facts);
		if (first)
			progress->before = (double)progress->done +
					   progress->part;
		first = false;
		if (json_find(facts, "complete", &value) &&
		    json_bool(value, &complete) == 0 && complete) {
			if (field_bool(facts, "abandoned"))
				say_note(waiting->tool,
					 "who made group %" PRId64
					 " ended without "
					 "closing it: there may be items that "
					 "were never submitted",
					 group);
			return summary(waiting);
		}
		draw_group(waiting);
		if (left_ms(waiting, 1) == 0)
			return timed_out(waiting);
		snprintf(params, sizeof(params),
			 "{\"group\":%" PRId64 ",\"wait_ms\":%" PRId64 "}",
			 group, group_wait_ms(waiting));
		if (reeve_call(waiting->tool->r, "org.reeve.jobs.Wait", params,
			       NULL) != 0 &&
		    reeve_error(waiting->tool->r)->code != REEVE_E_TIMEOUT)
			return broken_off(waiting);
	}
}

/* Words for states are checked: nobody meant others. A name may be a slip. */
static int found_nothing(struct waiting *waiting,
			 const struct selector *selector)
{
	struct selector rest = *selector;

	rest.states = 0;
	rest.all = false;
	if (!selector_is_empty(&rest))
		return say_fail(waiting->tool, EXIT_MISSING,
				"See which there are: reeve ls -a",
				"no job matches, so there is none to wait for");
	say_note(waiting->tool, "no job matches: there is none to wait for");
	return summary(waiting);
}

static int wait_selected(struct waiting *waiting, struct selector *selector)
{
	struct tool *tool = waiting->tool;
	int result = selector_resolve(tool, selector);
	struct selector rest = *selector;

	if (result != 0)
		return result;
	rest.group = 0;
	if (selector->group && selector_is_empty(&rest)) {
		stuck_tell_group(tool, selector->group);
		return wait_group(waiting, selector->group);
	}
	/* A filter means the jobs that match now. */
	result = selector_find(tool, selector);
	if (result != 0)
		return result;
	if (selector->id_count == 0)
		return found_nothing(waiting, selector);
	stuck_tell(tool, selector->ids, selector->id_count);
	return wait_ids(waiting, selector->ids, selector->id_count);
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct waiting waiting = {.tool = tool, .options = options};
	struct selector selector = {0};
	int result;

	if (waiting.options->exit && strcmp(waiting.options->exit, "none") != 0)
		return say_usage(tool, "Like: reeve wait --exit none 1-5",
				 "--exit takes only 'none', not '%s'",
				 waiting.options->exit);
	result = selector_parse(tool, &selector, argc, argv);
	if (result == 0 && selector_is_empty(&selector))
		result = say_usage(tool,
				   "Like: reeve wait 42, or: reeve wait "
				   "last",
				   "which jobs?");
	if (result == 0)
		result = tool_connect(tool);
	if (result == 0) {
		reeve_set_interrupt(tool->r, interrupt_catch());
		progress_init(&waiting.progress, tool, clock_monotonic_ms());
		waiting.progress.lines = waiting.options->progress;
		waiting.deadline_ms = -1;
		if (waiting.options->timeout_ms)
			waiting.deadline_ms = waiting.progress.started_ms +
					      waiting.options->timeout_ms;
		result = wait_selected(&waiting, &selector);
	}
	glance_fini(&waiting.glance);
	selector_fini(&selector);
	return result;
}

const struct command command_wait = {
	.name = "wait",
	.group = "Work",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "Wait for jobs; exits with the code of one, or 1 if any "
		   "failed.",
	.text = "  reeve wait last\n"
		"  reeve wait 40-60 --timeout 10m\n"
		"  reeve wait group=7\n",
	COMMAND_FLAGS(flags),
	.job_exit = true,
	.options_bytes = sizeof(struct wait_options),
	.run = run,
};
