/* reeve edit: another job in place of one that waits, or a change of many. */

#include "client/clock.h"
#include "client/command.h"
#include "client/duration.h"
#include "client/editor.h"
#include "client/field.h"
#include "client/form.h"
#include "client/job.h"
#include "client/say.h"
#include "client/sole.h"
#include "client/stamp.h"
#include "client/start.h"
#include "client/steer.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

struct edit_options {
	struct steer_options steer;
	const char *priority, *in, *at;
};

#define EDIT_AT(member) offsetof(struct edit_options, member)

static const struct arg_flag flags[] = {
	{"priority", 'p', ARG_TEXT, EDIT_AT(priority), "N",
	 "higher runs first within its queue", 0, NULL},
	{"queue", 'q', ARG_TEXT, EDIT_AT(steer.queue), "NAME",
	 "wait in this queue", 0, NULL},
	{"in", 0, ARG_TEXT, EDIT_AT(in), "TIME",
	 "start so much later from now; 0: at once", 0, NULL},
	{"at", 0, ARG_TEXT, EDIT_AT(at), "WHEN",
	 "not before: 14:30, 'tomorrow 9:00', friday, 2026-11-22T09:00Z", 0,
	 NULL},
	{"dry-run", 0, ARG_ON, EDIT_AT(steer.dry_run), NULL,
	 "only say how many and which it would be", 0, NULL},
	{"yes", 'y', ARG_ON, EDIT_AT(steer.yes), NULL,
	 "do not ask before changing what a filter finds", 0, NULL},
};

/* ---- By flags ---- */

static int read_start(struct tool *tool, struct edit_options *options)
{
	struct steer_options *steer = &options->steer;
	int64_t now_ms = clock_wall_ms(), delay_ms = 0;
	char stamp[STAMP_BYTES];
	struct when when;
	int result;

	if (options->in && options->at)
		return say_usage(tool, "Give one of them",
				 "--at and --in exclude each other");
	steer->change_run_at = options->in || options->at;
	if (options->in && !duration_parse(options->in, &delay_ms))
		return say_usage(tool, "Write it like 90s, 5m, 2h30m or 1d",
				 "--in: '%s' is not a time", options->in);
	if (options->in && delay_ms > 0)
		steer->run_at_ms = now_ms + delay_ms;
	if (steer->run_at_ms)
		say_note(tool, "not before %s",
			 stamp_zoned(steer->run_at_ms, stamp));
	if (!options->at)
		return 0;
	result = start_read(tool, options->at, now_ms, &when);
	if (result != 0)
		return result;
	steer->run_at_ms = when.ms;
	if (steer->run_at_ms <= now_ms)
		return say_usage(tool, "To start it at once: --in 0",
				 "'%s' is over: %s", options->at,
				 stamp_zoned(steer->run_at_ms, stamp));
	start_tell_odd(tool, options->at, &when);
	say_note(tool, "not before %s", stamp_zoned(steer->run_at_ms, stamp));
	return 0;
}

static int run_change(struct tool *tool, struct edit_options *options, int argc,
		      char **argv)
{
	struct steer_options *change = &options->steer;
	struct steer steer = {
		.tool = tool,
		.options = change,
		.method = "org.reeve.jobs.Change",
		.verb = "changed",
	};
	int result = read_start(tool, options);

	change->change_priority = options->priority != NULL;
	if (result == 0 && options->priority &&
	    !args_int(options->priority, &change->priority))
		result = say_usage(tool, "Like: --priority 5",
				   "--priority takes a whole number, not '%s'",
				   options->priority);
	return result == 0 ? steer_run(&steer, argc, argv) : result;
}

/* ---- In an editor ---- */

struct edit {
	struct tool *tool;
	int64_t id;
	bool hold; /* by this command: to be released again */
	bool held; /* before: it stays so */
	struct editor editor;
	struct json_out base;	/* what it is, of GetSpec */
	struct json_out before; /* what the form says of that */
	struct json_out text;	/* the form, ... */
	int64_t written_ms;	/* ... and when it was written */
	bool changed;
};

static int say_state(struct edit *edit, const char *state)
{
	const char *hint = "It has ended: submit another one";

	if (strcmp(state, "running") == 0)
		hint = "Cancel it, or let it end";
	return say_fail(edit->tool, EXIT_REFUSED, hint,
			"job %" PRId64 " is %s: only a job that waits can "
			"be edited",
			edit->id, state);
}

static int steer_one(struct edit *edit, const char *method, int64_t *ret_count)
{
	char params[64];
	const char *reply;

	snprintf(params, sizeof(params), "{\"filter\":{\"ids\":[%" PRId64 "]}}",
		 edit->id);
	if (reeve_call(edit->tool->r, method, params, &reply) != 0)
		return say_error(edit->tool);
	*ret_count = field_int(slice_of(reply), "count");
	return 0;
}

/* It is not to start while somebody types. */
static int hold(struct edit *edit)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	int64_t count = 0;
	int result;

	if (reeve_get(edit->tool->r, edit->id, &job) != 0)
		return say_error(edit->tool);
	edit->held = job->state == REEVE_HELD;
	if (edit->held)
		return 0;
	if (job->state != REEVE_RUNNING && !reeve_job_ended(job)) {
		result = steer_one(edit, "org.reeve.jobs.Hold", &count);
		edit->hold = count == 1;
		/* At once: whoever is killed in the editor says nothing more. */
		if (edit->hold)
			say_note(edit->tool,
				 "job %" PRId64
				 " is held until the editor ends; if that goes "
				 "wrong: reeve release %" PRId64,
				 edit->id, edit->id);
		if (result != 0 || edit->hold)
			return result;
	}
	/* It started a moment ago, or it was never a waiting one. */
	reeve_job_free(TAKE(job));
	if (reeve_get(edit->tool->r, edit->id, &job) != 0)
		return say_error(edit->tool);
	return say_state(edit, reeve_state_name(job->state));
}

static int release(struct edit *edit, int result)
{
	int64_t count;
	int failed;

	if (!edit->hold)
		return result;
	failed = steer_one(edit, "org.reeve.jobs.Release", &count);
	if (failed != 0)
		say_note(edit->tool,
			 "job %" PRId64 " is still held: reeve release "
			 "%" PRId64,
			 edit->id, edit->id);
	return result != 0 ? result : failed;
}

/* What the job is, as a text, and that text as a job again: only what differs
 * from this was changed by somebody. */
static int load(struct edit *edit)
{
	struct tool quiet = *edit->tool;
	const char *reply;
	char params[64];

	snprintf(params, sizeof(params), "{\"id\":%" PRId64 "}", edit->id);
	if (reeve_call(edit->tool->r, "org.reeve.jobs.GetSpec", params,
		       &reply) != 0)
		return say_error(edit->tool);
	edit->written_ms = clock_wall_ms();
	json_out_raw(&edit->base, field_object(slice_of(reply), "job"));
	if (!json_out_ok(&edit->base) ||
	    form_write(&edit->text, edit->id, json_out_slice(&edit->base),
		       edit->written_ms) != 0)
		return say_memory(edit->tool);
	quiet.quiet = true;
	return form_spec(&quiet, json_out_slice(&edit->text), edit->written_ms,
			 &edit->before);
}

static int send_edit(struct edit *edit, struct slice after)
{
	struct json_out out = {0};
	int result = 0;

	json_out_object(&out);
	json_out_member_int(&out, "id", edit->id);
	json_out_key(&out, "job");
	form_merge(&out, json_out_slice(&edit->base),
		   json_out_slice(&edit->before), after);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	if (!json_out_ok(&out))
		result = say_memory(edit->tool);
	else if (reeve_call(edit->tool->r, "org.reeve.jobs.Edit", out.p,
			    NULL) != 0)
		result = say_error(edit->tool);
	json_out_fini(&out);
	return result;
}

/* One look into the editor. */
static int edit_once(struct edit *edit)
{
	struct json_out after = {0};
	struct slice text;
	int result = editor_run(edit->tool, &edit->editor);

	if (result != 0)
		return result;
	text = (struct slice){edit->editor.text, edit->editor.bytes};
	if (form_is_empty(text))
		return 0;
	result = form_spec(edit->tool, text, edit->written_ms, &after);
	edit->changed = result == 0 &&
			!slice_equal(json_out_slice(&after),
				     json_out_slice(&edit->before));
	if (edit->changed)
		result = send_edit(edit, json_out_slice(&after));
	json_out_fini(&after);
	return result;
}

/* Nobody types it all again because of one mistake. */
static bool ask_again(const struct tool *tool)
{
	char answer[16];

	if (isatty(STDIN_FILENO) != 1 || tool->json)
		return false;
	fprintf(stderr, "Edit it again? [Y/n] ");
	fflush(stderr);
	return fgets(answer, sizeof(answer), stdin) && answer[0] != 'n' &&
	       answer[0] != 'N';
}

static int edit_until_right(struct edit *edit)
{
	char stem[48];
	bool typed;
	int result;

	snprintf(stem, sizeof(stem), "job-%" PRId64, edit->id);
	result = editor_begin(edit->tool, &edit->editor, stem,
			      json_out_slice(&edit->text));
	if (result != 0)
		return result;
	do {
		result = edit_once(edit);
		typed = edit->editor.text &&
			!slice_equal((struct slice){edit->editor.text,
						    edit->editor.bytes},
				     json_out_slice(&edit->text));
	} while (result != 0 && typed && ask_again(edit->tool));
	if (result != 0 && typed)
		say_note(edit->tool,
			 "the job is as it was; the text is kept in %s",
			 edit->editor.path);
	editor_end(&edit->editor, result != 0 && typed);
	return result;
}

static int edit_whole(struct edit *edit)
{
	int result = load(edit);

	return result == 0 ? edit_until_right(edit) : result;
}

static int report(const struct edit *edit)
{
	/* Perhaps by an edit that was killed. */
	if (edit->held)
		say_note(edit->tool,
			 "job %" PRId64
			 " stays held, as it was; to let it go: reeve release "
			 "%" PRId64,
			 edit->id, edit->id);
	if (edit->tool->json)
		printf("{\"v\":1,\"id\":%" PRId64 ",\"changed\":%s}\n",
		       edit->id, edit->changed ? "true" : "false");
	else if (edit->changed)
		printf("job %" PRId64 " changed\n", edit->id);
	else
		printf("nothing changed\n");
	return 0;
}

static int run_editor(struct tool *tool, int argc, char **argv)
{
	struct edit edit = {.tool = tool};
	struct selector selector = {0};
	int sole = -1;
	int result = selector_parse(tool, &selector, argc, argv);

	if (result == 0 && !selector_is_empty(&selector) &&
	    !selector_is_ids(&selector))
		result = say_usage(tool,
				   "Name the job, or say what is to change: "
				   "--priority, --queue, --in, --at",
				   "a filter does not fit into an editor");
	else if (result == 0 &&
		 selector.id_count + (selector.last ? 1 : 0) != 1)
		result = say_usage(tool,
				   "Like: reeve edit 42; many are changed by "
				   "--priority, --queue, --in, --at",
				   "an editor takes one job");
	if (result == 0)
		result = tool_connect(tool);
	if (result == 0)
		result = selector_resolve(tool, &selector);
	if (result == 0) {
		edit.id = selector.ids[0];
		result = sole_take(tool, edit.id, &sole);
	}
	if (result == 0)
		result = hold(&edit);
	if (result == 0)
		result = release(&edit, edit_whole(&edit));
	if (result == 0)
		result = report(&edit);
	if (sole >= 0)
		close(sole);
	json_out_fini(&edit.base);
	json_out_fini(&edit.before);
	json_out_fini(&edit.text);
	selector_fini(&selector);
	return result;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct edit_options *edit = options;

	if (edit->priority || edit->steer.queue || edit->in || edit->at)
		return run_change(tool, edit, argc, argv);
	if (edit->steer.dry_run || edit->steer.yes)
		return say_usage(tool, "Add --priority, --queue, --in or --at",
				 "there is nothing to change");
	return run_editor(tool, argc, argv);
}

const struct command command_edit = {
	.name = "edit",
	.group = "Work",
	.synopsis = "[FLAG]... JOB|FILTER...",
	.summary = "Change what waits: one job in your editor, many by flags.",
	.text = "  reeve edit 42                in $VISUAL or $EDITOR\n"
		"  reeve edit waiting queue=mail --priority 5\n"
		"  reeve edit last --at 'tomorrow 9:00'\n",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct edit_options),
	.states = SELECTOR_WAITING,
	.run = run,
};
