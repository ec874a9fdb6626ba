#include "client/steer.h"

#include "client/clock.h"
#include "client/field.h"
#include "client/job.h"
#include "client/say.h"
#include "client/text.h"
#include "client/words.h"
#include "proto/json_in.h"
#include "proto/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static int write_params(const struct steer *steer, struct json_out *out,
			bool dry_run)
{
	struct selector selector = steer->selector;

	if (!selector.states)
		selector.states = steer->states;
	json_out_object(out);
	json_out_key(out, "filter");
	selector_write(&selector, out, clock_wall_ms());
	if (dry_run)
		json_out_member_bool(out, "dry_run", true);
	if (steer->options->reason)
		json_out_member_string(out, "reason",
				       slice_of(steer->options->reason));
	if (steer->options->grace_ms)
		json_out_member_int(out, "grace_ms", steer->options->grace_ms);
	if (steer->options->delay_ms)
		json_out_member_int(out, "delay_ms", steer->options->delay_ms);
	if (steer->options->reset)
		json_out_member_bool(out, "reset_attempts", true);
	if (steer->options->change_priority)
		json_out_member_int(out, "priority", steer->options->priority);
	if (steer->options->change_run_at)
		json_out_member_int(out, "run_at_ms",
				    steer->options->run_at_ms);
	if (steer->options->queue)
		json_out_member_string(out, "queue",
				       slice_of(steer->options->queue));
	json_out_object_end(out);
	json_out_byte(out, '\0');
	return json_out_ok(out) ? 0 : say_memory(steer->tool);
}

/* All slices of it; a dry run is one, because nothing changes between them. */
static int call_filter(struct steer *steer, bool dry_run)
{
	struct json_out out = {0};
	int result = write_params(steer, &out, dry_run);
	bool more = true;

	while (result == 0 && more) {
		const char *reply;

		if (reeve_call(steer->tool->r, steer->method, out.p, &reply) !=
		    0) {
			result = say_error(steer->tool);
			break;
		}
		steer->waiting += field_int(slice_of(reply), "count") +
				  field_int(slice_of(reply), "cancelled");
		steer->running += field_int(slice_of(reply), "signalled");
		more = !dry_run && field_bool(slice_of(reply), "left");
	}
	json_out_fini(&out);
	return result;
}

/*
 * What a Filter cannot say was looked up: those ids, as far as they still match
 * the rest of it.
 */
static int call(struct steer *steer, bool dry_run)
{
	struct selector *selector = &steer->selector;
	struct selector whole = *selector;
	int result = 0;

	steer->waiting = steer->running = 0;
	if (selector_is_exact(selector))
		return call_filter(steer, dry_run);
	for (size_t at = 0; result == 0 && at < whole.id_count;
	     at += LIMIT_IDS_PER_CALL) {
		size_t left = whole.id_count - at;

		selector->all = false;
		selector->ids = whole.ids + at;
		selector->id_count = left < LIMIT_IDS_PER_CALL
					     ? left
					     : LIMIT_IDS_PER_CALL;
		result = call_filter(steer, dry_run);
	}
	*selector = whole;
	return result;
}

#define STEER_SHOW 5 /* that are named before something is done to them */

/* Which they are: the first of them, for people. */
static void tell_which(const struct steer *steer)
{
	int64_t total = steer->waiting + steer->running, shown = 0;
	struct selector selector = steer->selector;
	struct tool *tool = steer->tool;
	struct json_out out = {0};
	struct json_iter iter;
	struct slice item;
	const char *reply;

	if (tool->json || tool->quiet || total == 0)
		return;
	if (!selector.states)
		selector.states = steer->states;
	if (selector.id_count > LIMIT_IDS_PER_CALL)
		selector.id_count = LIMIT_IDS_PER_CALL;
	json_out_object(&out);
	json_out_key(&out, "filter");
	selector_write(&selector, &out, clock_wall_ms());
	json_out_member_int(&out, "limit", STEER_SHOW);
	json_out_member_bool(&out, "with_spec", true);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	if (json_out_ok(&out) &&
	    reeve_call(tool->r, "org.reeve.jobs.List", out.p, &reply) == 0) {
		iter = json_enter(field_list(slice_of(reply), "jobs"));
		while (json_item(&iter, &item)) {
			AUTO(reeve_job_free) struct reeve_job *job = NULL;
			char title[256];

			if (job_decode(item, &job) != 0)
				break;
			text_fit(words_title(job), 50, tool->err.unicode, title,
				 sizeof(title));
			fprintf(stderr, "  %" PRId64 " %s: %s\n", job->id,
				words_state(job->state), title);
			shown++;
		}
		if (shown > 0 && total > shown)
			fprintf(stderr, "  and %" PRId64 " more\n",
				total - shown);
	}
	json_out_fini(&out);
}

/* Many at once are asked for by name: a question, or --yes. */
static int confirm(struct steer *steer, bool *ret)
{
	struct tool *tool = steer->tool;
	char line[16];
	int64_t total;
	int result;

	*ret = true;
	if (steer->options->yes || selector_is_ids(&steer->selector))
		return 0;
	if (isatty(STDIN_FILENO) != 1 || tool->json)
		return say_usage(tool,
				 "Add --yes, or look first with "
				 "--dry-run",
				 "a filter may find many jobs");
	result = call(steer, true);
	if (result != 0)
		return result;
	total = steer->waiting + steer->running;
	tell_which(steer);
	fprintf(stderr, "%" PRId64 " %s will be %s. Go on? [y/N] ", total,
		total == 1 ? "job" : "jobs", steer->verb);
	fflush(stderr);
	*ret = fgets(line, sizeof(line), stdin) &&
	       (line[0] == 'y' || line[0] == 'Y');
	return 0;
}

static int report(const struct steer *steer)
{
	const struct tool *tool = steer->tool;
	int64_t total = steer->waiting + steer->running;
	bool dry_run = steer->options->dry_run;

	if (tool->json) {
		printf("{\"v\":1,\"count\":%" PRId64 ",\"running\":%" PRId64
		       ",\"dry_run\":%s}\n",
		       total, steer->running, dry_run ? "true" : "false");
		return 0;
	}
	if (steer->running)
		printf("%" PRId64 " %s%s, %" PRId64 " of them running\n", total,
		       dry_run ? "would be " : "", steer->verb, steer->running);
	else
		printf("%" PRId64 " %s%s\n", total, dry_run ? "would be " : "",
		       steer->verb);
	return 0;
}

#define STEER_TELL_MAX 10

/* Who names a job by its number and sees nothing happen wants to know why. */
static int tell_refused(const struct steer *steer)
{
	bool retry = strcmp(steer->method, "org.reeve.jobs.Retry") == 0;
	const struct selector *selector = &steer->selector;
	struct tool *tool = steer->tool;

	if (steer->waiting + steer->running > 0 || steer->options->dry_run ||
	    !selector_is_ids(selector) || !selector_is_exact(selector) ||
	    selector->id_count > STEER_TELL_MAX)
		return 0;
	for (size_t i = 0; i < selector->id_count; i++) {
		AUTO(reeve_job_free) struct reeve_job *job = NULL;

		if (reeve_get(tool->r, selector->ids[i], &job) != 0)
			return say_error(tool);
		if (retry && (job->state == REEVE_FAILED ||
			      job->state == REEVE_CANCELLED))
			say_note(tool,
				 "job %" PRId64
				 " cannot be tried again: it was "
				 "to start only once or came with descriptors, "
				 "or another job has its unique word",
				 job->id);
		else if (retry && job->state == REEVE_SUCCEEDED)
			say_note(tool,
				 "job %" PRId64
				 " succeeded. To run it again all the same: "
				 "reeve retry %" PRId64,
				 job->id, job->id);
		else
			say_note(tool, "job %" PRId64 " is %s", job->id,
				 words_state(job->state));
	}
	return EXIT_FAILED;
}

/* An id that is not there is an error; one that has ended is none. */
static int check_ids(struct steer *steer)
{
	struct json_out out = {0};
	int result = 0;

	if (steer->selector.id_count == 0)
		return 0;
	json_out_object(&out);
	json_out_key(&out, "ids");
	json_out_array(&out);
	for (size_t i = 0; i < steer->selector.id_count; i++)
		json_out_int(&out, steer->selector.ids[i]);
	json_out_array_end(&out);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	if (!json_out_ok(&out))
		result = say_memory(steer->tool);
	else if (reeve_call(steer->tool->r, "org.reeve.jobs.Get", out.p,
			    NULL) != 0)
		result = say_error(steer->tool);
	json_out_fini(&out);
	return result;
}

int steer_run(struct steer *steer, int argc, char **argv)
{
	struct tool *tool = steer->tool;
	bool sure = true;
	int result = selector_parse(tool, &steer->selector, argc, argv);

	if (result == 0 && selector_is_empty(&steer->selector))
		result = say_usage(tool,
				   "Name ids or a filter; 'all' means "
				   "all",
				   "which jobs?");
	if (result == 0)
		result = tool_connect(tool);
	if (result == 0)
		result = selector_resolve(tool, &steer->selector);
	/* One alone is meant as it is. */
	if (selector_is_ids(&steer->selector) && steer->selector.id_count == 1)
		steer->states = 0;
	if (result == 0)
		result = check_ids(steer);
	if (result == 0 && !selector_is_exact(&steer->selector))
		result = selector_find(tool, &steer->selector);
	if (result == 0 && !steer->options->dry_run)
		result = confirm(steer, &sure);
	if (result == 0 && !sure)
		result = EXIT_FAILED;
	if (result == 0)
		result = call(steer, steer->options->dry_run);
	if (result == 0 && steer->options->dry_run)
		tell_which(steer);
	if (result == 0)
		result = report(steer);
	if (result == 0)
		result = tell_refused(steer);
	selector_fini(&steer->selector);
	return result;
}
