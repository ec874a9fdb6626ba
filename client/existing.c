#include "client/existing.h"

#include "client/field.h"
#include "client/interrupt.h"
#include "client/job.h"
#include "client/say.h"
#include "client/words.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

#define WORD_BYTES 64

static bool is_text(struct arena *arena, struct slice job, const char *name,
		    const char *given)
{
	struct slice value, text;

	return json_find(job, name, &value) &&
	       json_string(arena, value, &text) == 0 && slice_is(text, given);
}

static bool is_list(struct arena *arena, struct slice job,
		    const char *const *given)
{
	struct json_iter iter = json_enter(field_list(job, "argv"));
	struct slice item, text;

	while (json_item(&iter, &item)) {
		if (!*given || json_string(arena, item, &text) != 0 ||
		    !slice_is(text, *given++))
			return false;
	}
	return !*given;
}

static bool is_args(struct slice job, const char *given)
{
	struct slice value = SLICE("{}");

	(void)json_find(job, "args", &value);
	return slice_equal(json_trim(value),
			   json_trim(slice_of(given ? given : "{}")));
}

/* Does it run what was submitted? What cannot be told counts as the same. */
static bool is_same(struct tool *tool, const struct reeve_spec *spec,
		    int64_t id)
{
	struct arena arena = {0};
	struct slice job;
	const char *reply;
	char params[64];
	bool same = true;

	snprintf(params, sizeof(params), "{\"id\":%" PRId64 "}", id);
	if (reeve_call(tool->r, "org.reeve.jobs.GetSpec", params, &reply) != 0)
		return true;
	job = field_object(slice_of(reply), "job");
	if (spec->handler)
		same = is_text(&arena, job, "handler", spec->handler) &&
		       is_args(job, spec->args);
	else if (spec->shell)
		same = is_text(&arena, job, "shell", spec->shell);
	else
		same = is_list(&arena, job, spec->argv);
	arena_fini(&arena);
	return same;
}

static void name_word(const struct reeve_spec *spec, char ret[WORD_BYTES])
{
	const char *word = spec->key ? spec->key : spec->unique;

	if (spec->key && spec->unique)
		snprintf(ret, WORD_BYTES, "that key or unique word");
	else
		snprintf(ret, WORD_BYTES, "the %s '%.30s'",
			 spec->key ? "key" : "unique word", word ? word : "");
}

void existing_tell(struct tool *tool, const struct reeve_spec *spec, int64_t id,
		   bool attached)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	char word[WORD_BYTES];

	if (tool->quiet || reeve_get(tool->r, id, &job) != 0)
		return;
	name_word(spec, word);
	if (attached)
		say_note(tool,
			 "attached to job %" PRId64 " (%s), which has %s: "
			 "nothing new was submitted, and a signal does not "
			 "cancel it",
			 id, words_state(job->state), word);
	else
		say_note(tool,
			 "job %" PRId64 " (%s) has %s: nothing new was "
			 "submitted",
			 id, words_state(job->state), word);
	if (!is_same(tool, spec, id))
		say_note(tool,
			 "what job %" PRId64 " runs is something else: %s. To "
			 "have this one: --on-conflict replace",
			 id, job->command[0] ? job->command : job->handler);
}

int existing_left(struct tool *tool, int64_t id)
{
	say_note(tool,
		 "job %" PRId64 " goes on. To end it, too: reeve cancel "
		 "%" PRId64,
		 id, id);
	return interrupt_end();
}
