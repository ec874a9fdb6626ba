/* Completion of what filters and lists of columns take. */

#include "client/complete.h"

#include "client/field.h"
#include "client/listing.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void offer(const char *typed, const char *word, const char *what)
{
	if (begins(word, typed))
		printf("%s\t%s\n", word, what);
}

/* Behind a comma of the word: the next of a list. */
static void offer_next(const char *typed, const char *before, const char *next,
		       const char *what)
{
	const char *comma = strrchr(typed, ',');
	size_t n = comma ? (size_t)(comma - typed) + 1 : strlen(before);
	char word[512];

	snprintf(word, sizeof(word), "%.*s%s", (int)n, comma ? typed : before,
		 next);
	offer(typed, word, what);
}

/* "state=" and "cause=" have words of their own. */
static bool offer_named(const char *typed)
{
	if (begins(typed, "state=")) {
		for (int i = 0; i <= REEVE_CANCELLED; i++)
			offer_next(typed, "state=",
				   reeve_state_name((enum reeve_state)i),
				   "state");
		return true;
	}
	if (!begins(typed, "cause="))
		return false;
	for (int i = 0; i < REEVE_CAUSE_OTHER; i++)
		offer_next(typed,
			   "cause=", reeve_cause_name((enum reeve_cause)i),
			   "cause");
	return true;
}

/* What the newest jobs have, each once as long as they come in a row. */
static bool offer_had(struct tool *tool, const char *typed)
{
	bool tags = begins(typed, "tag:");
	struct json_iter iter, members;
	struct arena arena = {0};
	struct slice job, object, key, value;
	char word[512] = "", last[512] = "";
	const char *reply;

	if (!tags && !begins(typed, "group="))
		return false;
	if (!tags)
		offer(typed, "group=last", "of the newest map");
	if (!complete_reach(tool) ||
	    reeve_call(tool->r, "org.reeve.jobs.List",
		       "{\"limit\":100,\"newest_first\":true}", &reply) != 0)
		return true;
	iter = json_enter(field_list(slice_of(reply), "jobs"));
	while (json_item(&iter, &job)) {
		int64_t group = field_int(job, "group");

		snprintf(word, sizeof(word), "group=%" PRId64, group);
		if (!tags && group > 0 && strcmp(word, last) != 0)
			offer(typed, memcpy(last, word, sizeof(last)), "group");
		if (!tags || !json_find(job, "tags", &object))
			continue;
		members = json_enter(object);
		while (json_member(&members, &key, &value)) {
			if (json_string(&arena, value, &value) != 0)
				continue;
			snprintf(word, sizeof(word), "tag:%.*s=%.*s",
				 (int)key.n, key.p, (int)value.n, value.p);
			if (strcmp(word, last) != 0 && json_utf8(value) &&
			    !strpbrk(word, "\n\t\033"))
				offer(typed, memcpy(last, word, sizeof(last)),
				      "tag");
		}
	}
	arena_fini(&arena);
	return true;
}

void complete_columns(const char *typed, const char *flag)
{
	bool sort = strcmp(flag, "sort") == 0;
	const char *title;

	for (size_t i = 0; (title = listing_column(i)); i++) {
		char word[32];
		size_t n = 0;

		for (; title[n] && n + 1 < sizeof(word); n++)
			word[n] = (char)(title[n] | 0x20);
		word[n] = '\0';
		if (sort)
			offer(typed, word, "column");
		else
			offer_next(typed, "", word, "column");
	}
}

bool complete_value(struct tool *tool, const char *word)
{
	return offer_named(word) || offer_had(tool, word);
}
