/* The part of a selector that no Filter can say: each job is looked at. */

#include "client/selector.h"

#include "client/field.h"
#include "client/job.h"
#include "client/say.h"
#include "proto/json_in.h"

#define ALL_STATES (SELECTOR_UNFINISHED | SELECTOR_ENDED)

static bool is_only_states(const struct selector *selector)
{
	struct selector rest = *selector;

	rest.states = 0;
	return selector->states && selector_is_empty(&rest);
}

int selector_add_not(struct tool *tool, struct selector *selector,
		     const char *word)
{
	struct selector other = {0};
	struct selector *nots;
	int result;

	if (strncmp(word, "not:", 4) == 0 || strcmp(word, "all") == 0 ||
	    strcmp(word, "last") == 0 || strcmp(word, "@last") == 0)
		return say_usage(tool,
				 "Like: not:failed, not:queue=mail, "
				 "not:1-5",
				 "'not:%s' says nothing", word);
	result = selector_add(tool, &other, word);
	if (result != 0) {
		selector_fini(&other);
		return result;
	}
	nots = realloc(selector->nots,
		       (selector->not_count + 1) * sizeof(*nots));
	if (!nots) {
		selector_fini(&other);
		return say_memory(tool);
	}
	selector->nots = nots;
	selector->nots[selector->not_count++] = other;
	return 0;
}

int selector_fold_nots(struct tool *tool, struct selector *selector)
{
	uint32_t states = selector->states ? selector->states : ALL_STATES;
	size_t kept = 0;

	for (size_t i = 0; i < selector->not_count; i++) {
		struct selector *other = &selector->nots[i];

		if (is_only_states(other)) {
			states &= ~other->states;
			selector->states = states;
			selector_fini(other);
		} else {
			selector->nots[kept++] = *other;
		}
	}
	selector->not_count = kept;
	if (states != 0)
		return 0;
	return say_usage(tool, "Leave one of the words out",
			 "no job can have all of this");
}

bool selector_is_exact(const struct selector *selector)
{
	return selector->not_count == 0 && selector->longer_ms == 0 &&
	       !selector->command;
}

bool selector_needs_spec(const struct selector *selector)
{
	bool needs = selector->command;

	for (size_t i = 0; !needs && i < selector->not_count; i++)
		needs = selector->nots[i].command;
	return needs;
}

static bool text_is(struct slice job, const char *member, const char *wanted)
{
	struct arena arena = {0};
	bool is = !wanted ||
		  strcmp(field_text(&arena, job, member), wanted) == 0;

	arena_fini(&arena);
	return is;
}

/* As listings show it. */
static bool has_command(struct slice job, const char *part)
{
	AUTO(reeve_job_free) struct reeve_job *decoded = NULL;

	return !part || (job_decode(job, &decoded) == 0 &&
			 strstr(decoded->command, part));
}

static bool has_id(const struct selector *selector, int64_t id)
{
	for (size_t i = 0; i < selector->id_count; i++) {
		if (selector->ids[i] == id)
			return true;
	}
	return selector->id_count == 0;
}

static bool has_tags(const struct selector *selector, struct slice job)
{
	struct slice tags = field_object(job, "tags");
	bool has = true;

	for (size_t i = 0; has && i < selector->tags.count; i++) {
		const char *equals = strchr(selector->tags.items[i], '=');
		struct slice name = {
			selector->tags.items[i],
			(size_t)(equals - selector->tags.items[i])};
		struct json_iter iter = json_enter(tags);
		struct arena arena = {0};
		struct slice key, value, text;

		has = false;
		while (!has && json_member(&iter, &key, &value))
			has = slice_equal(key, name) &&
			      json_string(&arena, value, &text) == 0 &&
			      slice_is(text, equals + 1);
		arena_fini(&arena);
	}
	return has;
}

/* A word of the job among those of a list of bits? */
static bool has_word(struct slice job, const char *member, uint32_t bits,
		     const char *(*word)(int), int count, const char *absent)
{
	struct arena arena = {0};
	const char *text = field_text(&arena, job, member);
	bool has = bits == 0;

	if (!text[0])
		text = absent;
	for (int i = 0; !has && i < count; i++)
		has = bits & (1u << i) && strcmp(text, word(i)) == 0;
	arena_fini(&arena);
	return has;
}

static const char *state_word(int i)
{
	return reeve_state_name((enum reeve_state)i);
}

static const char *cause_word(int i)
{
	return reeve_cause_name((enum reeve_cause)i);
}

static bool ran_longer(struct slice job, int64_t least_ms, int64_t now_ms)
{
	int64_t started_ms = field_int(job, "started_ms");
	int64_t finished_ms = field_int(job, "finished_ms");

	if (least_ms == 0)
		return true;
	return started_ms > 0 &&
	       (finished_ms ? finished_ms : now_ms) - started_ms >= least_ms;
}

static bool has_numbers(const struct selector *selector, struct slice job)
{
	struct slice value;

	return (!selector->group ||
		field_int(job, "group") == selector->group) &&
	       (!selector->follows ||
		field_int(job, "follows") == selector->follows) &&
	       (!selector->has_uid || field_int(job, "uid") == selector->uid) &&
	       (!selector->has_exit ||
		(json_find(job, "exit_code", &value) &&
		 field_int(job, "exit_code") == selector->exit_code));
}

/* Does it have all that the words say? */
static bool matches(const struct selector *selector, struct slice job,
		    int64_t now_ms)
{
	int64_t age_ms = now_ms - field_int(job, "created_ms");

	return has_id(selector, field_int(job, "id")) &&
	       has_word(job, "state", selector->states, state_word,
			REEVE_CANCELLED + 1, "") &&
	       has_word(job, "cause", selector->causes, cause_word,
			REEVE_CAUSE_OTHER, "none") &&
	       text_is(job, "queue", selector->queue) &&
	       text_is(job, "handler", selector->handler) &&
	       text_is(job, "name", selector->name) &&
	       text_is(job, "key", selector->key) && has_tags(selector, job) &&
	       has_numbers(selector, job) &&
	       (!selector->newer_ms || age_ms < selector->newer_ms) &&
	       (!selector->older_ms || age_ms > selector->older_ms) &&
	       ran_longer(job, selector->longer_ms, now_ms) &&
	       has_command(job, selector->command);
}

bool selector_takes(const struct selector *selector, struct slice job,
		    int64_t now_ms)
{
	if (!ran_longer(job, selector->longer_ms, now_ms) ||
	    !has_command(job, selector->command))
		return false;
	for (size_t i = 0; i < selector->not_count; i++) {
		if (matches(&selector->nots[i], job, now_ms))
			return false;
	}
	return true;
}
