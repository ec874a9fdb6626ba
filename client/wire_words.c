#include "client/wire_words.h"

#include "proto/callback.h"

#include <stdio.h>

/* Of milliseconds: so that their numbers say what they are. */
#define MS " milliseconds"

/* @unit: of the numbers of its message. An item of a field, or a member, has
 * its words: those that have a line of their own come before. */
struct wire_field {
	const char *field, *words, *unit;
};

/* What stands below these is a field of a submission, or of any call: where two
 * have the same name their flags have, too. */
static const char *const owners[] = {"job.", "defaults.", "jobs["};

static const struct wire_field fields[] = {
	{"queue", "--queue", ""},
	{"queues", "--queue", ""},
	{"name", "--name", ""},
	{"priority", "--priority", ""},
	{"handler", "--handler", ""},
	{"handlers", "the handler", ""},
	{"args", "--args", ""},
	{"argv", "the command", ""},
	{"shell", "--sh", ""},
	{"stdin", "what it is given on stdin", ""},
	{"stdin64", "what it is given on stdin", ""},
	{"tags", "--tag", ""},
	{"group", "--group", ""},
	{"key", "--key", ""},
	{"unique", "--unique", ""},
	{"on_conflict", "--on-conflict", ""},
	{"durability", "--durability", ""},
	{"once", "--once", ""},
	{"orphans", "--keep-orphans", ""},
	{"crash_limit", "--crash-limit", ""},
	{"run_at_ms", "--at", ""},
	{"delay_ms", "--in", MS},
	{"timeout_ms", "--timeout", MS},
	{"wait_ms", "--timeout", MS},
	{"grace_ms", "--grace", MS},
	{"expire_ms", "--expire", MS},
	{"keep_ms", "--keep", MS},
	{"lease_ms", "--lease", MS},
	{"retry.max_attempts", "--retry, and one", ""},
	{"retry.backoff_ms", "--backoff", MS},
	{"retry.backoff_max_ms", "--backoff", MS},
	{"retry.jitter", "--retry-jitter", ""},
	{"retry.causes", "--retry-on", ""},
	{"retry.exit_codes", "--retry-exit", ""},
	{"retry", "--retry", ""},
	{"context.cwd", "--cwd", ""},
	{"context.env", "--env", ""},
	{"context.umask", "--umask", ""},
	{"context.nice", "--nice", ""},
	{"context.limits", "--limit", ""},
	{"max_length", "--max-length", ""},
	{"reason", "--reason", ""},
	{"attempt", "--attempt", ""},
	{"kinds", "--kind", ""},
	{"since", "--since", ""},
	{"note", "the note", ""},
};

static const struct wire_field callback_fields[] = {
	{"retry.max_attempts", "--callback-retry, and one", ""},
	{"queue", "--callback-queue", ""},
	{"timeout_ms", "--callback-timeout", MS},
};

static const struct wire_field filter_fields[] = {
	{"queue", "queue=", ""},
	{"handler", "handler=", ""},
	{"states", "state=", ""},
	{"causes", "cause=", ""},
	{"exit_code", "exit=", ""},
	{"name", "name=", ""},
	{"uid", "user=", ""},
	{"group", "group=", ""},
	{"key", "key=", ""},
	{"tags", "tag:", ""},
	{"older_than_ms", "older=", MS},
	{"newer_than_ms", "newer=", MS},
	{"follows", "follows=", ""},
	{"ids", "the numbers of jobs", ""},
};

/* Behind "[17]." of a list; NULL: there is none. */
static const char *skip_index(const char *at)
{
	if (*at++ != '[')
		return NULL;
	at += strspn(at, "0123456789");
	return strncmp(at, "].", 2) == 0 ? at + 2 : NULL;
}

/* Behind what the field belongs to. */
static const char *skip_owner(const char *message)
{
	for (size_t i = 0; i < ARRAY_COUNT(owners); i++) {
		size_t n = strlen(owners[i]);
		const char *rest = message + n;

		if (strncmp(message, owners[i], n) != 0)
			continue;
		if (owners[i][n - 1] == '[')
			rest = skip_index(rest - 1);
		return rest ? rest : message;
	}
	return message;
}

/* Behind "on_done[0]."; NULL: it is not of a callback. */
static const char *skip_callback(const char *at)
{
	for (size_t i = 0; i < CALLBACK_WHEN_COUNT; i++) {
		const char *when = callback_when_name((enum callback_when)i);
		size_t n = strlen(when);

		if (strncmp(at, when, n) == 0 && skip_index(at + n))
			return skip_index(at + n);
	}
	return NULL;
}

static const struct wire_field *find(const struct wire_field *list,
				     size_t count, const char *at)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(list[i].field);

		if (strncmp(at, list[i].field, n) == 0 && strchr(":.[", at[n]))
			return &list[i];
	}
	return NULL;
}

const char *wire_words(const char *message, char *buffer, size_t size)
{
	/* Of a queue, or of a group: no flag there, or not for sure. */
	static const struct wire_field own_name = {"name", "the name", ""};
	const char *at = skip_owner(message), *colon = strstr(message, ": ");
	const char *callback = skip_callback(at);
	const struct wire_field *field;
	const char *rest = colon;

	if (!colon)
		return message;
	if (strncmp(at, "filter.", 7) == 0)
		field = find(filter_fields, ARRAY_COUNT(filter_fields), at + 7);
	else if (callback)
		field = find(callback_fields, ARRAY_COUNT(callback_fields),
			     callback);
	else if (at == message && find(&own_name, 1, at))
		field = &own_name;
	else
		field = find(fields, ARRAY_COUNT(fields), at);
	if (!field)
		return message;
	/* Of arguments it is told which. */
	if (strncmp(at, "args.", 5) == 0)
		rest = at + 4;
	snprintf(buffer, size, "%s%s%s", field->words, rest,
		 strstr(colon, " is not between ") ? field->unit : "");
	return buffer;
}
