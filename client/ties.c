#include "client/ties.h"

#include "client/field.h"
#include "client/job.h"
#include "client/text.h"
#include "client/words.h"
#include "proto/callback.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

#define TIES_SHOWN 8 /* callbacks, each with a call */

struct ties {
	struct tool *tool;
	const struct reeve_job *job;
	void (*row)(const struct tool *tool, const char *label,
		    const char *value);
};

static void say_words(struct slice argv, char ret[TIES_TEXT_BYTES])
{
	struct arena arena = {0};
	struct json_iter iter = json_enter(argv);
	struct slice item, word;
	size_t n = 0;

	while (n + 1 < TIES_TEXT_BYTES && json_item(&iter, &item)) {
		if (json_string(&arena, item, &word) != 0)
			continue;
		n += (size_t)snprintf(ret + n, TIES_TEXT_BYTES - n, "%s%.*s",
				      n ? " " : "", (int)word.n, word.p);
	}
	arena_fini(&arena);
}

void ties_text(struct slice spec, char ret[TIES_TEXT_BYTES])
{
	struct arena arena = {0};
	const char *handler = field_text(&arena, spec, "handler");
	const char *shell = field_text(&arena, spec, "shell");
	struct slice args = field_object(spec, "args");

	ret[0] = '\0';
	if (strcmp(handler, "http") == 0)
		snprintf(ret, TIES_TEXT_BYTES, "%s",
			 field_text(&arena, args, "url"));
	else if (handler[0] && strcmp(handler, "exec") != 0)
		snprintf(ret, TIES_TEXT_BYTES, "call %s", handler);
	else if (shell[0])
		snprintf(ret, TIES_TEXT_BYTES, "%s", shell);
	else
		say_words(field_list(spec, "argv"), ret);
	text_clean(ret);
	arena_fini(&arena);
}

static void follows_job(const struct ties *ties, int64_t id)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	char text[WORDS_BYTES + 64], end[WORDS_BYTES];

	if (reeve_get(ties->tool->r, id, &job) != 0) {
		snprintf(text, sizeof(text),
			 "job %" PRId64 ", which is not remembered any more",
			 id);
	} else {
		words_end(job, end);
		/* It was tried again since. */
		snprintf(text, sizeof(text), "job %" PRId64 ", which %s%s", id,
			 job->state == REEVE_FAILED ? "failed: "
			 : reeve_job_ended(job)	    ? ""
						    : "goes on: ",
			 end);
	}
	ties->row(ties->tool, "follows", text);
}

static void follows_group(const struct ties *ties, int64_t id)
{
	char params[64], text[256];
	const char *reply;
	struct slice group, counts;

	snprintf(params, sizeof(params), "{\"group\":%" PRId64 "}", id);
	if (reeve_call(ties->tool->r, "org.reeve.jobs.GetGroup", params,
		       &reply) != 0) {
		snprintf(text, sizeof(text),
			 "group %" PRId64 ", which is not remembered any more",
			 id);
	} else {
		group = field_object(slice_of(reply), "group");
		counts = field_object(group, "counts");
		snprintf(text, sizeof(text),
			 "group %" PRId64 ", of which %" PRId64
			 " succeeded, %" PRId64 " failed, %" PRId64
			 " were cancelled",
			 id, field_int(counts, "succeeded"),
			 field_int(counts, "failed"),
			 field_int(counts, "cancelled"));
	}
	ties->row(ties->tool, "follows", text);
}

static void print_callback(const struct ties *ties, const char *label,
			   int64_t id)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	char text[WORDS_BYTES + 160], end[WORDS_BYTES], title[96];

	if (reeve_get(ties->tool->r, id, &job) != 0)
		return;
	words_end(job, end);
	text_fit(words_title(job), 40, ties->tool->out.unicode, title,
		 sizeof(title));
	snprintf(text, sizeof(text), "job %" PRId64 " %s: %s%s", id, title,
		 job->state == REEVE_FAILED ? "failed: " : "", end);
	ties->row(ties->tool, label, text);
}

static void print_callbacks(const struct ties *ties, struct slice list)
{
	struct json_iter iter = json_enter(list);
	const char *label = "callbacks";
	struct slice item;
	size_t shown = 0, count = json_count(list);
	char text[96];
	int64_t id;

	while (shown < TIES_SHOWN && json_item(&iter, &item)) {
		shown++;
		if (json_int(item, &id) != 0)
			continue;
		print_callback(ties, label, id);
		label = "";
	}
	if (shown == count)
		return;
	snprintf(text, sizeof(text),
		 "and %zu more: reeve ls -a follows=%" PRId64, count - shown,
		 ties->job->id);
	ties->row(ties->tool, label, text);
}

/* What is to come. */
static void print_owed(const struct ties *ties)
{
	struct slice spec, item;
	const char *reply;
	char params[64], text[TIES_TEXT_BYTES];

	snprintf(params, sizeof(params), "{\"id\":%" PRId64 "}", ties->job->id);
	if (reeve_call(ties->tool->r, "org.reeve.jobs.GetSpec", params,
		       &reply) != 0)
		return;
	spec = field_object(slice_of(reply), "job");
	for (size_t when = 0; when < CALLBACK_WHEN_COUNT; when++) {
		const char *name = callback_when_name((enum callback_when)when);
		struct json_iter iter = json_enter(field_list(spec, name));

		while (json_item(&iter, &item)) {
			ties_text(item, text);
			ties->row(ties->tool, name, text);
		}
	}
}

void ties_print(struct tool *tool, const struct reeve_job *job,
		void (*row)(const struct tool *tool, const char *label,
			    const char *value))
{
	struct ties ties = {tool, job, row};
	struct slice json = slice_of(job->json);

	if (field_int(json, "follows"))
		follows_job(&ties, field_int(json, "follows"));
	if (field_int(json, "follows_group"))
		follows_group(&ties, field_int(json, "follows_group"));
	print_callbacks(&ties, field_list(json, "callbacks"));
	if (!reeve_job_ended(job))
		print_owed(&ties);
}
