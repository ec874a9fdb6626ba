#include "daemon/broker/refusal.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/broker/call.h"
#include "daemon/broker/state.h"
#include "proto/spec.h"
#include "proto/utf8.h"

printf_like(2, 3) static void say(struct refusal *refusal, const char *format,
				  ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(refusal->message, sizeof(refusal->message), format, args);
	va_end(args);
}

/* Names are cut for people: at a character, and not too long. */
static int cut(struct slice text, size_t max)
{
	return (int)utf8_cut(text, max);
}

/* Nobody gave the key that a client made for itself. */
static bool is_keyed(const struct store_entry *entry)
{
	return entry->key.n &&
	       (!entry->unique.n || !spec_key_is_made(entry->key));
}

static struct slice taken_word(const struct store_entry *entry)
{
	return is_keyed(entry) ? entry->key : entry->unique;
}

static void say_taken(struct refusal *refusal, const struct store_entry *entry)
{
	struct slice word = taken_word(entry);
	bool keyed = is_keyed(entry);

	refusal->error = "org.reeve.jobs.Duplicate";
	refusal->field = keyed ? "key" : "unique";
	refusal->hint = entry->on_conflict == CONFLICT_REPLACE
				? "it runs: cancel it first, or wait for it"
				: "on_conflict return_existing gives its id";
	if (keyed && entry->unique.n)
		say(refusal,
		    "job %lld has the key '%.*s' or the unique word '%.*s'",
		    (long long)entry->id, cut(word, 30), word.p,
		    cut(entry->unique, 30), entry->unique.p);
	else
		say(refusal, "job %lld has the %s '%.*s' already",
		    (long long)entry->id, keyed ? "key" : "unique word",
		    cut(word, 60), word.p);
}

static void say_full(const struct broker *broker, struct refusal *refusal,
		     struct slice queue)
{
	int64_t limit = queue_settings(&broker->queues, queue).max_length;

	refusal->error = "org.reeve.jobs.QueueFull";
	refusal->field = "queue";
	refusal->hint = "submit again later, or raise its max_length (reeve "
			"queue set)";
	say(refusal, "queue '%.*s' holds %lld waiting %s, its limit",
	    cut(queue, 60), queue.p, (long long)limit,
	    limit == 1 ? "job" : "jobs");
}

struct refusal refusal_of(const struct broker *broker,
			  const struct store_entry *entry, struct slice queue)
{
	struct refusal refusal = {0};

	switch (entry->what) {
	case STORE_REFUSED_GROUP:
		refusal.error = "org.reeve.jobs.NoSuchGroup";
		refusal.field = "group";
		refusal.hint = "OpenGroup makes a new one";
		say(&refusal, "there is no group with this id");
		break;
	case STORE_REFUSED_CLOSED:
		refusal.error = "org.reeve.jobs.GroupClosed";
		refusal.field = "group";
		refusal.hint = "OpenGroup makes a new one";
		say(&refusal, "the group is closed: it takes no more jobs");
		break;
	case STORE_REFUSED_FULL:
		say_full(broker, &refusal, queue);
		break;
	case STORE_REFUSED_TAKEN:
		say_taken(&refusal, entry);
		break;
	case STORE_REFUSED_DEPENDS:
	case STORE_NEW:
	case STORE_EXISTING:
		break;
	}
	return refusal;
}

void refusal_answer(struct call *call, const struct store_entry *entry,
		    struct slice queue)
{
	const struct broker *broker = call->broker;
	struct refusal refusal = refusal_of(broker, entry, queue);
	struct json_out *out;

	require(refusal.error);
	out = call_error(call, refusal.error);
	if (entry->what == STORE_REFUSED_FULL) {
		json_out_member_string(out, "queue", queue);
		json_out_member_int(
			out, "limit",
			queue_settings(&broker->queues, queue).max_length);
		json_out_member_int(out, "retry_after_ms",
				    REFUSAL_RETRY_AFTER_MS);
	} else if (entry->what == STORE_REFUSED_TAKEN) {
		json_out_member_string(out, "key", taken_word(entry));
		json_out_member_int(out, "id", entry->id);
	} else {
		json_out_member_int(out, "group", entry->group);
	}
	call_error_end(call, refusal.message, refusal.hint);
}
