#include "client/selector.h"

#include "client/duration.h"
#include "client/say.h"
#include "client/suggest.h"
#include "proto/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>

#define HELP_FILTERS "See: reeve help filters"

static const struct {
	const char *word;
	uint32_t states;
} state_words[] = {
	{"held", 1u << REEVE_HELD},
	{"blocked", 1u << REEVE_BLOCKED},
	{"scheduled", 1u << REEVE_SCHEDULED},
	{"ready", 1u << REEVE_READY},
	{"waiting", SELECTOR_WAITING},
	{"running", 1u << REEVE_RUNNING},
	{"unfinished", SELECTOR_UNFINISHED},
	{"succeeded", 1u << REEVE_SUCCEEDED},
	{"done", 1u << REEVE_SUCCEEDED},
	{"failed", 1u << REEVE_FAILED},
	{"cancelled", 1u << REEVE_CANCELLED},
	{"ended", SELECTOR_ENDED},
};

void selector_fini(struct selector *selector)
{
	free(selector->ids);
	free(selector->tags.items);
	for (size_t i = 0; i < selector->not_count; i++)
		selector_fini(&selector->nots[i]);
	free(selector->nots);
	*selector = (struct selector){0};
}

int selector_add_id(struct tool *tool, struct selector *selector, int64_t id)
{
	if (selector->id_count == selector->id_capacity) {
		size_t capacity = selector->id_capacity
					  ? selector->id_capacity * 2
					  : 16;
		int64_t *ids = realloc(selector->ids, capacity * sizeof(*ids));

		if (!ids)
			return say_memory(tool);
		selector->ids = ids;
		selector->id_capacity = capacity;
	}
	selector->ids[selector->id_count++] = id;
	return 0;
}

/* A number at *text, which is moved behind it. */
static bool read_id(const char **text, int64_t *ret)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*ret = strtoll(*text, &end, 10);
	if (errno != 0 || *ret <= 0 || *ret >= INT64_C(1) << 53)
		return false;
	*text = end;
	return true;
}

static int add_ids(struct tool *tool, struct selector *selector,
		   const char *word)
{
	const char *at = word;

	for (;;) {
		int64_t first, last, step = 1;
		int result = 0;

		if (!read_id(&at, &first))
			break;
		last = first;
		if (*at == '-') {
			at++;
			if (!read_id(&at, &last) || last < first)
				break;
			if (*at == ':') {
				at++;
				if (!read_id(&at, &step))
					break;
			}
		}
		for (int64_t id = first; result == 0 && id <= last;
		     id += step) {
			if (selector->id_count == LIMIT_IDS_PER_CALL)
				return say_usage(
					tool, "Use a group or a filter instead",
					"more than %d ids", LIMIT_IDS_PER_CALL);
			result = selector_add_id(tool, selector, id);
		}
		if (result != 0 || !*at)
			return result;
		if (*at != ',')
			break;
		at++;
	}
	return say_usage(tool, "Write ids like 42, 40-60, 40-60:2 or 1-5,8",
			 "'%s' is not a job id", word);
}

static bool find_state(const char *word, size_t n, uint32_t *ret)
{
	for (size_t i = 0; i < ARRAY_COUNT(state_words); i++) {
		if (slice_is((struct slice){word, n}, state_words[i].word)) {
			*ret = state_words[i].states;
			return true;
		}
	}
	return false;
}

static int unknown_word(struct tool *tool, const char *what, const char *word,
			size_t n)
{
	static const char *const others[] = {
		"all",	   "last",   "state=",	 "queue=",   "name=",
		"group=",  "cause=", "exit=",	 "uid=",     "user=",
		"newer=",  "older=", "key=",	 "tag:",     "handler=",
		"longer=", "not:",   "follows=", "command=",
	};
	struct suggest suggest;
	char hint[128] = HELP_FILTERS;

	suggest_init(&suggest, word, n);
	for (size_t i = 0; i < ARRAY_COUNT(state_words); i++)
		suggest_try(&suggest, state_words[i].word);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		suggest_try(&suggest, others[i]);
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean %s?", suggest.best);
	return say_usage(tool, hint, "'%.*s' is not %s", (int)n, word, what);
}

static int add_states(struct tool *tool, struct selector *selector,
		      const char *value)
{
	while (true) {
		size_t n = strcspn(value, ",");
		uint32_t states;

		if (!find_state(value, n, &states))
			return unknown_word(tool, "a state", value, n);
		selector->states |= states;
		if (!value[n])
			return 0;
		value += n + 1;
	}
}

/* All there are: nobody guesses them. */
static int no_cause(struct tool *tool, const struct suggest *suggest)
{
	char hint[256] = "They are: ";

	for (int i = 1; i < REEVE_CAUSE_OTHER; i++) {
		size_t n = strlen(hint);

		snprintf(hint + n, sizeof(hint) - n, "%s%s", i > 1 ? ", " : "",
			 reeve_cause_name((enum reeve_cause)i));
	}
	return say_usage(tool, hint, "'%.*s' is not a cause%s%s%s",
			 (int)suggest->typed.n, suggest->typed.p,
			 suggest->best ? ", did you mean " : "",
			 suggest->best ? suggest->best : "",
			 suggest->best ? "?" : "");
}

static int add_cause(struct tool *tool, struct selector *selector,
		     const char *value)
{
	struct suggest suggest;

	suggest_init(&suggest, value, strlen(value));
	for (int i = 0; i < REEVE_CAUSE_OTHER; i++) {
		const char *name = reeve_cause_name((enum reeve_cause)i);

		if (strcmp(name, value) == 0) {
			selector->causes |= 1u << i;
			return 0;
		}
		suggest_try(&suggest, name);
	}
	return no_cause(tool, &suggest);
}

static int add_user(struct tool *tool, struct selector *selector,
		    const char *value)
{
	const struct passwd *user;

	selector->has_uid = true;
	if (args_int(value, &selector->uid) && selector->uid >= 0)
		return 0;
	user = getpwnam(value);
	if (!user)
		return say_usage(tool, "A name or a number, as id(1) says it",
				 "there is no user '%s'", value);
	selector->uid = (int64_t)user->pw_uid;
	return 0;
}

static int add_number(struct tool *tool, const char *word, const char *value,
		      int64_t *ret)
{
	if (!args_int(value, ret) || *ret < 0)
		return say_usage(tool, HELP_FILTERS,
				 "'%s': '%s' is not a number", word, value);
	return 0;
}

static int add_age(struct tool *tool, const char *word, const char *value,
		   int64_t *ret)
{
	if (!duration_parse(value, ret) || *ret == 0)
		return say_usage(tool, "Write it like 90s, 5m, 2h30m or 1d",
				 "'%s' is not a time", word);
	return 0;
}

static int add_pair(struct tool *tool, struct selector *selector,
		    const char *word, size_t n)
{
	const char *value = word + n + 1;
	struct slice key = {word, n};

	if (!*value)
		return say_usage(tool, HELP_FILTERS, "'%s' has no value", word);
	if (slice_is(key, "state"))
		return add_states(tool, selector, value);
	if (slice_is(key, "cause"))
		return add_cause(tool, selector, value);
	if (strcmp(word, "group=last") == 0) {
		selector->group_last = true;
		return 0;
	}
	if (slice_is(key, "group"))
		return add_number(tool, word, value, &selector->group);
	if (slice_is(key, "follows"))
		return add_number(tool, word, value, &selector->follows);
	if (slice_is(key, "exit")) {
		selector->has_exit = true;
		return add_number(tool, word, value, &selector->exit_code);
	}
	if (slice_is(key, "uid") || slice_is(key, "user"))
		return add_user(tool, selector, value);
	if (slice_is(key, "newer"))
		return add_age(tool, word, value, &selector->newer_ms);
	if (slice_is(key, "older"))
		return add_age(tool, word, value, &selector->older_ms);
	if (slice_is(key, "longer"))
		return add_age(tool, word, value, &selector->longer_ms);
	if (slice_is(key, "queue"))
		selector->queue = value;
	else if (slice_is(key, "handler"))
		selector->handler = value;
	else if (slice_is(key, "name"))
		selector->name = value;
	else if (slice_is(key, "key"))
		selector->key = value;
	else if (slice_is(key, "command"))
		selector->command = value;
	else
		return unknown_word(tool, "a filter", word, n + 1);
	return 0;
}

int selector_add(struct tool *tool, struct selector *selector, const char *word)
{
	size_t n = strcspn(word, "=");
	uint32_t states;

	if (word[0] >= '0' && word[0] <= '9')
		return add_ids(tool, selector, word);
	if (strncmp(word, "not:", 4) == 0)
		return selector_add_not(tool, selector, word + 4);
	if (strncmp(word, "tag:", 4) == 0) {
		/* A tag has a name; its value may be empty. */
		if (!strchr(word + 4, '=') || word[4] == '=')
			return say_usage(tool, "Write tag:key=value",
					 "'%s' has no name or no value", word);
		if (!args_add(&selector->tags, word + 4))
			return say_memory(tool);
		return 0;
	}
	if (word[n])
		return add_pair(tool, selector, word, n);
	if (word[0] == '@') {
		word++;
		n--;
	}
	if (strcmp(word, "last") == 0)
		selector->last = true;
	else if (strcmp(word, "all") == 0)
		selector->all = true;
	else if (find_state(word, n, &states))
		selector->states |= states;
	else
		return unknown_word(tool, "a job, state or filter", word, n);
	return 0;
}

static int read_stdin(struct tool *tool, struct selector *selector)
{
	char *line = NULL;
	size_t room = 0;
	int result = 0;

	/* The first word of each line, so that a listing will do. */
	while (result == 0 && getline(&line, &room, stdin) >= 0) {
		line[strcspn(line, " \t\r\n")] = '\0';
		if (line[0])
			result = add_ids(tool, selector, line);
	}
	if (result == 0 && ferror(stdin))
		result = say_fail(tool, EXIT_FAILED,
				  "Give it a file or a pipe with one job in a "
				  "line",
				  "cannot read stdin: %s", strerror(errno));
	free(line);
	return result;
}

int selector_parse(struct tool *tool, struct selector *selector, int argc,
		   char **argv)
{
	for (int i = 0; i < argc; i++) {
		int result;

		if (strcmp(argv[i], "-") == 0)
			result = read_stdin(tool, selector);
		else
			result = selector_add(tool, selector, argv[i]);
		if (result != 0)
			return result;
	}
	return selector_fold_nots(tool, selector);
}

bool selector_is_empty(const struct selector *selector)
{
	return !selector->last && !selector->all && selector->id_count == 0 &&
	       !selector->states && !selector->causes && !selector->queue &&
	       !selector->handler && !selector->name && !selector->key &&
	       selector->tags.count == 0 && !selector->group &&
	       !selector->group_last && !selector->newer_ms &&
	       !selector->older_ms && !selector->longer_ms &&
	       !selector->command && !selector->not_count &&
	       !selector->follows && !selector->has_exit && !selector->has_uid;
}

bool selector_is_ids(const struct selector *selector)
{
	struct selector rest = *selector;

	rest.id_count = 0;
	rest.last = false;
	return selector_is_empty(&rest) &&
	       (selector->id_count > 0 || selector->last);
}

static void write_words(struct json_out *out, const char *name, uint32_t bits,
			const char *(*word)(int))
{
	if (bits == 0)
		return;
	json_out_key(out, name);
	json_out_array(out);
	for (int i = 0; i < 32; i++) {
		if (bits & (1u << i))
			json_out_string(out, slice_of(word(i)));
	}
	json_out_array_end(out);
}

static const char *state_word(int i)
{
	return reeve_state_name((enum reeve_state)i);
}

static const char *cause_word(int i)
{
	return reeve_cause_name((enum reeve_cause)i);
}

static void write_text(struct json_out *out, const char *name, const char *text)
{
	if (text)
		json_out_member_text(out, name, text);
}

static void write_tags(struct json_out *out, const struct arg_list *tags)
{
	if (tags->count == 0)
		return;
	json_out_key(out, "tags");
	json_out_object(out);
	for (size_t i = 0; i < tags->count; i++) {
		const char *equals = strchr(tags->items[i], '=');
		struct slice name = {tags->items[i],
				     (size_t)(equals - tags->items[i])};

		json_out_key_slice(out, name);
		json_out_string(out, slice_of(equals + 1));
	}
	json_out_object_end(out);
}

void selector_write(const struct selector *selector, struct json_out *out,
		    int64_t now_ms)
{
	json_out_object(out);
	if (selector->all)
		json_out_member_bool(out, "all", true);
	if (selector->id_count > 0) {
		json_out_key(out, "ids");
		json_out_array(out);
		for (size_t i = 0; i < selector->id_count; i++)
			json_out_int(out, selector->ids[i]);
		json_out_array_end(out);
	}
	write_words(out, "states", selector->states, state_word);
	write_words(out, "causes", selector->causes, cause_word);
	write_text(out, "queue", selector->queue);
	write_text(out, "handler", selector->handler);
	write_text(out, "name", selector->name);
	write_text(out, "key", selector->key);
	write_tags(out, &selector->tags);
	if (selector->group)
		json_out_member_int(out, "group", selector->group);
	if (selector->follows)
		json_out_member_int(out, "follows", selector->follows);
	if (selector->has_exit)
		json_out_member_int(out, "exit_code", selector->exit_code);
	if (selector->has_uid)
		json_out_member_int(out, "uid", selector->uid);
	if (selector->newer_ms)
		json_out_member_int(out, "newer_than_ms",
				    now_ms - selector->newer_ms);
	if (selector->older_ms)
		json_out_member_int(out, "older_than_ms",
				    now_ms - selector->older_ms);
	json_out_object_end(out);
}
