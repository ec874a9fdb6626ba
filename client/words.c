#include "client/words.h"

#include "client/bar.h"
#include "client/duration.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
	const char *word;
	const char *glyph; /* unicode */
	const char *ascii;
	enum render_colour colour;
} looks[] = {
	[REEVE_HELD] = {"held", "\u25a1", "-", RENDER_DIM},
	[REEVE_BLOCKED] = {"blocked", "\u25cb", "-", RENDER_YELLOW},
	[REEVE_SCHEDULED] = {"scheduled", "\u25f7", "@", RENDER_YELLOW},
	[REEVE_READY] = {"waiting", "\u25cb", "o", RENDER_YELLOW},
	[REEVE_RUNNING] = {"running", "\u25cf", "*", RENDER_BLUE},
	[REEVE_SUCCEEDED] = {"done", "\u2713", "+", RENDER_GREEN},
	[REEVE_FAILED] = {"failed", "\u2717", "x", RENDER_RED},
	[REEVE_CANCELLED] = {"cancelled", "\u2298", "/", RENDER_MAGENTA},
};

const char *words_glyph(enum reeve_state state, bool unicode,
			enum render_colour *ret_colour)
{
	*ret_colour = looks[state].colour;
	return unicode ? looks[state].glyph : looks[state].ascii;
}

const char *words_state(enum reeve_state state)
{
	return looks[state].word;
}

const char *words_title(const struct reeve_job *job)
{
	if (job->name[0])
		return job->name;
	return job->command[0] ? job->command : job->handler;
}

int64_t words_time_ms(const struct reeve_job *job, int64_t now_ms)
{
	int64_t from = job->started_ms ? job->started_ms : job->created_ms;
	int64_t to = job->finished_ms ? job->finished_ms : now_ms;

	if (reeve_job_ended(job) && !job->started_ms)
		return -1;
	return from && to >= from ? to - from : -1;
}

void words_progress(const struct reeve_job *job, char ret[WORDS_BYTES])
{
	ret[0] = '\0';
	if (reeve_job_ended(job))
		return;
	if (job->progress >= 0)
		snprintf(ret, WORDS_BYTES, "%d%%%s%s",
			 bar_percent(job->progress), job->note[0] ? ", " : "",
			 job->note);
	else
		snprintf(ret, WORDS_BYTES, "%s", job->note);
}

int64_t words_left_ms(const struct reeve_job *job, int64_t now_ms)
{
	if (job->state != REEVE_RUNNING || !job->started_ms)
		return -1;
	return bar_left_ms(job->progress, now_ms - job->started_ms);
}

static void say_signal(const struct reeve_job *job, char ret[WORDS_BYTES])
{
	const char *name = sigabbrev_np((int)job->signal);

	if (name)
		snprintf(ret, WORDS_BYTES,
			 "killed by SIG%s (signal %" PRId64 ")", name,
			 job->signal);
	else
		snprintf(ret, WORDS_BYTES, "killed by signal %" PRId64,
			 job->signal);
}

static void say_text(char ret[WORDS_BYTES], const char *text,
		     const char *otherwise)
{
	snprintf(ret, WORDS_BYTES, "%s", text[0] ? text : otherwise);
}

static void say_handler(const struct reeve_job *job, char ret[WORDS_BYTES])
{
	const char *type = job->failure_type ? job->failure_type : "";
	const char *message = job->failure ? job->failure : "";

	if (!type[0] && !message[0])
		say_text(ret, "", "its handler reported an error");
	else
		snprintf(ret, WORDS_BYTES, "%s %s%s%s",
			 type[0] ? "raised" : "failed:", type,
			 type[0] && message[0] ? ": " : "", message);
}

static void say_failure(const struct reeve_job *job, char ret[WORDS_BYTES])
{
	switch (job->cause) {
	case REEVE_CAUSE_EXIT:
		snprintf(ret, WORDS_BYTES, "exited with code %" PRId64,
			 job->exit_code);
		break;
	case REEVE_CAUSE_SIGNAL:
		say_signal(job, ret);
		break;
	case REEVE_CAUSE_TIMEOUT:
		say_text(ret, "", "ran longer than its timeout and was ended");
		break;
	case REEVE_CAUSE_MEMORY:
		say_text(ret, "", "ended because it used too much memory");
		break;
	case REEVE_CAUSE_DEPENDENCY:
		say_text(ret, job->failure, "a job that it follows failed");
		break;
	case REEVE_CAUSE_WORKER_LOST:
		snprintf(ret, WORDS_BYTES,
			 "its worker was lost (%" PRId64 " %s so far)",
			 job->crashes, job->crashes == 1 ? "time" : "times");
		break;
	case REEVE_CAUSE_HOST_LOST:
		say_text(ret, "", "the machine went down while it ran");
		break;
	case REEVE_CAUSE_EXEC:
		say_text(ret, job->failure, "could not be started");
		break;
	case REEVE_CAUSE_HANDLER:
		say_handler(job, ret);
		break;
	case REEVE_CAUSE_REJECTED:
		say_text(ret, job->failure, "was refused");
		break;
	case REEVE_CAUSE_CANCELLED:
	case REEVE_CAUSE_EXPIRED:
	case REEVE_CAUSE_NONE:
	case REEVE_CAUSE_OTHER:
	default:
		say_text(ret, job->failure, "failed");
		break;
	}
}

void words_end(const struct reeve_job *job, char ret[WORDS_BYTES])
{
	switch (job->state) {
	case REEVE_SUCCEEDED:
		say_text(ret, "", "succeeded");
		break;
	case REEVE_CANCELLED:
		if (job->cause == REEVE_CAUSE_EXPIRED)
			say_text(ret, "", "waited longer than it was allowed");
		else
			say_text(ret, job->failure, "was cancelled");
		break;
	case REEVE_FAILED:
		say_failure(job, ret);
		break;
	case REEVE_HELD:
		say_text(ret, "", "held until it is released");
		break;
	case REEVE_SCHEDULED:
		say_text(ret, "", "waits for its time");
		break;
	case REEVE_BLOCKED:
		say_text(ret, "", "waits for other jobs");
		break;
	case REEVE_READY:
		say_text(ret, "", "waits for a free worker");
		break;
	case REEVE_RUNNING:
	default:
		if (job->worker_pid)
			snprintf(ret, WORDS_BYTES, "runs under worker %" PRId64,
				 job->worker_pid);
		else
			say_text(ret, "", "runs");
		break;
	}
}

static void hint_failure(const struct reeve_job *job, char ret[WORDS_BYTES])
{
	switch (job->cause) {
	case REEVE_CAUSE_EXEC:
		say_text(ret, "",
			 "Check the spelling, PATH and the working directory "
			 "of the submission");
		break;
	case REEVE_CAUSE_TIMEOUT:
		say_text(ret, "", "Submit it with a longer --timeout");
		break;
	case REEVE_CAUSE_WORKER_LOST:
		say_text(
			ret, "",
			"Something killed the worker from outside: look at the "
			"daemon's log");
		break;
	case REEVE_CAUSE_HOST_LOST:
		say_text(ret, "", "Submit it again");
		break;
	case REEVE_CAUSE_HANDLER:
		snprintf(ret, WORDS_BYTES, "Once more: reeve retry %" PRId64,
			 job->id);
		break;
	case REEVE_CAUSE_NONE:
	case REEVE_CAUSE_EXIT:
	case REEVE_CAUSE_SIGNAL:
	case REEVE_CAUSE_MEMORY:
	case REEVE_CAUSE_CANCELLED:
	case REEVE_CAUSE_DEPENDENCY:
	case REEVE_CAUSE_REJECTED:
	case REEVE_CAUSE_EXPIRED:
	case REEVE_CAUSE_OTHER:
	default:
		snprintf(ret, WORDS_BYTES, "All it wrote: reeve logs %" PRId64,
			 job->id);
		break;
	}
}

void words_hint(const struct reeve_job *job, char ret[WORDS_BYTES])
{
	long long id = (long long)job->id;

	ret[0] = '\0';
	switch (job->state) {
	case REEVE_FAILED:
		hint_failure(job, ret);
		break;
	case REEVE_HELD:
		snprintf(ret, WORDS_BYTES, "Let it go on: reeve release %lld",
			 id);
		break;
	case REEVE_RUNNING:
		snprintf(ret, WORDS_BYTES,
			 "Follow it: reeve logs -f %lld; end it: reeve cancel "
			 "%lld",
			 id, id);
		break;
	case REEVE_READY:
		snprintf(ret, WORDS_BYTES,
			 "See what the workers do: reeve worker ls");
		break;
	case REEVE_SCHEDULED:
	case REEVE_BLOCKED:
	case REEVE_SUCCEEDED:
	case REEVE_CANCELLED:
	default:
		break;
	}
}
