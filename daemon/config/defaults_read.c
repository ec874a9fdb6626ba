#include "daemon/config/defaults_read.h"

#include "daemon/config/layers.h"
#include "proto/retry.h"

#include <errno.h>
#include <stdio.h>

/* What the files say of one queue, or of all. */
struct said {
	const struct named_entry *of[NAMED_KEYS];
	const struct said *all; /* of all queues; NULL: it is that */
};

struct reading {
	struct settings *settings;
	struct said *said; /* [0]: of all */
};

/* The same of all queues. */
static enum named_key default_of(enum named_key key)
{
	return key - NAMED_QUEUE_PRIORITY + NAMED_DEFAULT_PRIORITY;
}

/* What holds: of the queue, else of all; NULL: no file says it. */
static const struct named_entry *holds(const struct said *said,
				       enum named_key key)
{
	if (said->of[key])
		return said->of[key];
	return (said->all ? said->all : said)->of[default_of(key)];
}

static struct named_value value(const struct said *said, enum named_key key)
{
	const struct named_entry *entry = holds(said, key);
	const struct named_row *row = &named_rows[default_of(key)];
	char fault[NAMED_FAULT_BYTES];
	struct named_value ret;

	require(named_read(row, entry ? entry->items[0] : row->fallback, &ret,
			   fault));
	return ret;
}

static struct named_value own_value(const struct said *said, enum named_key key)
{
	char fault[NAMED_FAULT_BYTES];
	struct named_value ret;

	require(named_read(&named_rows[key], said->of[key]->items[0], &ret,
			   fault));
	return ret;
}

/* Of those that are in the table, too, or of queues only. */
static int64_t own(const struct said *said, enum named_key key)
{
	return said->of[key] ? own_value(said, key).min : -1;
}

static uint32_t read_causes(const struct said *said)
{
	const struct named_entry *entry = holds(said, NAMED_QUEUE_RETRY_ON);
	uint32_t bits = 0;

	if (!entry)
		return RETRY_CAUSES_DEFAULT;
	for (char **item = entry->items; *item; item++) {
		enum job_cause cause;

		/* It is one of the words of its row. */
		require(cause_parse(slice_of(*item), &cause));
		bits |= 1u << cause;
	}
	return bits;
}

/* Of one section only. */
static void says_twice(const struct reading *reading, const struct said *said)
{
	enum named_key key = NAMED_QUEUE_RETRY_BACKOFF;
	enum named_key max = NAMED_QUEUE_RETRY_BACKOFF_MAX;

	if (!said->all) {
		key = default_of(key);
		max = default_of(max);
	}
	if (said->of[key] && said->of[max] &&
	    value(said, NAMED_QUEUE_RETRY_BACKOFF).word)
		layers_problem_at(
			reading->settings, said->of[max],
			"retry.backoff says it already, as TIME..TIME");
}

/* As of a rule on the wire: the one that is not said gives way. */
static void read_backoff(const struct reading *reading, const struct said *said,
			 struct job_defaults *ret)
{
	const struct named_entry *first = holds(said,
						NAMED_QUEUE_RETRY_BACKOFF),
				 *last = holds(said,
					       NAMED_QUEUE_RETRY_BACKOFF_MAX);
	const struct said *all = said->all ? said->all : said;
	struct named_value both = value(said, NAMED_QUEUE_RETRY_BACKOFF);
	struct named_value of_all = value(all, NAMED_QUEUE_RETRY_BACKOFF);

	ret->backoff_ms = both.min;
	ret->backoff_max_ms = value(said, NAMED_QUEUE_RETRY_BACKOFF_MAX).min;
	says_twice(reading, said);
	/* A range says the longest one, too; what is nearer holds. */
	if (both.word && !said->of[NAMED_QUEUE_RETRY_BACKOFF_MAX])
		ret->backoff_max_ms = both.max;
	else if (of_all.word && !last)
		ret->backoff_max_ms = of_all.max;
	if (ret->backoff_ms <= ret->backoff_max_ms)
		return;
	if (!last)
		ret->backoff_max_ms = ret->backoff_ms;
	else if (!first)
		ret->backoff_ms = ret->backoff_max_ms;
	else if (!said->all || said->of[NAMED_QUEUE_RETRY_BACKOFF] ||
		 said->of[NAMED_QUEUE_RETRY_BACKOFF_MAX])
		/* Of all queues it is told once. */
		layers_problem_at(
			reading->settings,
			said->of[NAMED_QUEUE_RETRY_BACKOFF_MAX] ? last : first,
			"retry.backoff is more than retry.backoff_max");
}

static void read_one(const struct reading *reading, const struct said *said,
		     struct job_defaults *ret)
{
	ret->timeout_ms = own(said, NAMED_QUEUE_TIMEOUT);
	ret->grace_ms = own(said, NAMED_QUEUE_GRACE);
	ret->crash_limit = own(said, NAMED_QUEUE_CRASH_LIMIT);
	ret->priority = value(said, NAMED_QUEUE_PRIORITY).min;
	ret->expire_ms = value(said, NAMED_QUEUE_EXPIRE).min;
	ret->orphans_keep = value(said, NAMED_QUEUE_ORPHANS).word;
	ret->max_attempts = value(said, NAMED_QUEUE_RETRY_ATTEMPTS).min;
	ret->jitter = (double)value(said, NAMED_QUEUE_RETRY_JITTER).min / 1000;
	ret->cause_bits = read_causes(said);
	ret->max_length = own(said, NAMED_QUEUE_MAX_LENGTH);
	ret->overflow =
		said->of[NAMED_QUEUE_OVERFLOW]
			? (int64_t)own_value(said, NAMED_QUEUE_OVERFLOW).word
			: -1;
	read_backoff(reading, said, ret);
}

/* Return: where the queue is in the list; SIZE_MAX: one too many. */
static size_t place(struct reading *reading, const struct named_entry *entry)
{
	struct defaults_config *defaults = &reading->settings->defaults;
	struct job_defaults *new;

	for (size_t i = 1; i < defaults->count; i++) {
		if (strcmp(defaults->list[i].queue, entry->name) == 0)
			return i;
	}
	if (defaults->count > DEFAULTS_QUEUES_MAX) {
		layers_problem_at(reading->settings, entry,
				  "there are more than 1000 queues");
		return SIZE_MAX;
	}
	new = &defaults->list[defaults->count];
	snprintf(new->queue, sizeof(new->queue), "%s", entry->name);
	reading->said[defaults->count].all = reading->said;
	return defaults->count++;
}

static void gather(struct reading *reading)
{
	const struct named *named = &reading->settings->named;

	for (size_t i = 0; i < named->count; i++) {
		const struct named_entry *entry = &named->list[i];
		size_t at = 0;

		if (named_of(entry->key, "queues."))
			at = place(reading, entry);
		else if (!named_of(entry->key, "defaults."))
			continue;
		if (at == SIZE_MAX)
			return;
		reading->said[at].of[entry->key] = entry;
	}
}

int defaults_read(struct settings *settings)
{
	struct defaults_config *defaults = &settings->defaults;
	struct reading reading = {
		.settings = settings,
		.said = calloc(1 + DEFAULTS_QUEUES_MAX, sizeof(*reading.said)),
	};

	defaults->list = calloc(1 + DEFAULTS_QUEUES_MAX,
				sizeof(*defaults->list));
	if (!defaults->list || !reading.said) {
		free(reading.said);
		return -ENOMEM;
	}
	defaults->count = 1;
	gather(&reading);
	for (size_t i = 0; i < defaults->count; i++)
		read_one(&reading, &reading.said[i], &defaults->list[i]);
	free(reading.said);
	return 0;
}
