#include "client/wire_words.h"

#include <stdio.h>

/* @unit: of the numbers of its message. */
static const struct {
	const char *field, *words, *unit;
} fields[] = {
	{"queue", "--queue", ""},
	{"name", "--name", ""},
	{"priority", "--priority", ""},
	{"handler", "--handler", ""},
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
	{"delay_ms", "--in", " milliseconds"},
	{"timeout_ms", "--timeout", " milliseconds"},
	{"grace_ms", "--grace", " milliseconds"},
	{"expire_ms", "--expire", " milliseconds"},
	{"keep_ms", "--keep", " milliseconds"},
	{"retry.max_attempts", "--retry, and one", ""},
	{"retry.backoff_ms", "--backoff", " milliseconds"},
	{"retry.backoff_max_ms", "--backoff", " milliseconds"},
	{"retry.causes", "--retry-on", ""},
	{"retry.exit_codes", "--retry-exit", ""},
	{"retry", "--retry", ""},
	{"context.cwd", "--cwd", ""},
	{"context.env", "--env", ""},
	{"context.umask", "--umask", ""},
	{"context.nice", "--nice", ""},
	{"context.limits", "--limit", ""},
	{"max_length", "--max-length", ""},
};

/* Where the name of the field begins, behind whose it is. */
static const char *skip_owner(const char *message)
{
	static const char *const owners[] = {"job.", "defaults.", "jobs["};

	for (size_t i = 0; i < ARRAY_COUNT(owners); i++) {
		size_t n = strlen(owners[i]);

		if (strncmp(message, owners[i], n) != 0)
			continue;
		message += n;
		if (owners[i][n - 1] != '[')
			return message;
		message += strspn(message, "0123456789");
		return strncmp(message, "].", 2) == 0 ? message + 2 : NULL;
	}
	return NULL;
}

const char *wire_words(const char *message, char *buffer, size_t size)
{
	const char *at = skip_owner(message), *colon;

	if (!at)
		return message;
	colon = strstr(at, ": ");
	for (size_t i = 0; colon && i < ARRAY_COUNT(fields); i++) {
		size_t n = strlen(fields[i].field);

		/* Also an item of it, or a member: those that have a line of
		 * their own come before. */
		if (strncmp(at, fields[i].field, n) != 0 ||
		    !strchr(":.[", at[n]))
			continue;
		snprintf(buffer, size, "%s%s%s", fields[i].words, colon,
			 strstr(colon, " is not between ") ? fields[i].unit
							   : "");
		return buffer;
	}
	return message;
}
