#include "daemon/broker/callback_file.h"

#include <errno.h>
#include <unistd.h>

#include "daemon/broker/callback.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/queue_file.h"
#include "daemon/broker/state.h"

/* Lists of somebody else do not become the daemon's. */
static bool is_own(struct slice text)
{
	struct slice value;
	int64_t uid;

	return text.n && json_find(text, "uid", &value) &&
	       json_int(value, &uid) == 0 && uid == (int64_t)geteuid();
}

/* The object of a queue among those that were told. */
static bool find_queue(const struct broker *broker, struct slice queue,
		       struct slice *ret)
{
	struct json_iter iter = json_enter(slice_of(
		broker->callback_queues ? broker->callback_queues : "[]"));
	struct arena arena = {0};
	struct slice value, name;
	bool found = false;

	while (!found && json_item(&iter, ret))
		found = json_find(*ret, "queue", &value) &&
			json_string(&arena, value, &name) == 0 &&
			slice_equal(name, queue);
	arena_fini(&arena);
	return found;
}

bool callback_file_holds(const struct broker *broker, struct slice queue,
			 enum callback_when when)
{
	struct slice said, list;

	return find_queue(broker, queue, &said) &&
	       json_find(said, callback_when_name(when), &list);
}

/* What is said, and what was there of the lists that are not. */
static void write_text(struct json_out *out, struct slice said,
		       struct slice before)
{
	size_t count = 0;

	json_out_object(out);
	json_out_member_int(out, "uid", geteuid());
	json_out_member_int(out, "gid", getegid());
	for (int i = 0; i < CALLBACK_WHEN_COUNT; i++) {
		const char *name = callback_when_name((enum callback_when)i);
		struct slice list = {NULL, 0};

		if (!json_find(said, name, &list) && is_own(before))
			list = callback_lists(before).lists[i];
		if (!list.n || !json_count(list))
			continue;
		json_out_member_raw(out, name, list);
		count++;
	}
	json_out_object_end(out);
	if (!count)
		json_out_reset(out);
}

static void apply_one(struct broker *broker, struct slice said,
		      struct slice name)
{
	struct store_queue set = queue_settings(&broker->queues, name);
	struct json_out text = {0};
	int r = 0;

	write_text(&text, said, set.callbacks);
	if (!json_out_ok(&text))
		r = -ENOMEM;
	else if (text.n != set.callbacks.n ||
		 (text.n && memcmp(text.p, set.callbacks.p, text.n) != 0)) {
		set.name = name;
		set.callbacks = json_out_slice(&text);
		r = queue_file_set(broker, &set);
	}
	if (r)
		log_error("a queue has not the callbacks that the "
			  "configuration says: too many have settings, or no "
			  "memory queue=%.*s",
			  (int)name.n, name.p);
	json_out_fini(&text);
}

void callback_file_apply(struct broker *broker)
{
	struct json_iter iter = json_enter(slice_of(
		broker->callback_queues ? broker->callback_queues : "[]"));
	struct arena arena = {0};
	struct slice said, value, name;

	/* Before it, a paused queue would be written as one that is not. */
	if (!broker->queues.loaded)
		return;
	while (json_item(&iter, &said)) {
		if (json_find(said, "queue", &value) &&
		    json_string(&arena, value, &name) == 0)
			apply_one(broker, said, name);
	}
	arena_fini(&arena);
	cycle_kick(broker);
}

void callback_file_take(struct broker *broker, struct slice text)
{
	struct schema_fault fault = {0};
	struct slice rules, queues;
	char *copy;
	int r;

	if (!json_find(text, "rules", &rules) ||
	    !json_find(text, "queues", &queues) ||
	    json_kind(queues) != JSON_ARRAY) {
		log_error("the callbacks of the configuration cannot be read");
		return;
	}
	r = callback_rules(broker, rules, &fault);
	if (r)
		log_error("the callbacks of the configuration cannot be taken "
			  "over, the last ones stay error=%d why=%s %s",
			  r, fault.path, fault.message);
	copy = strndup(queues.p, queues.n);
	if (!copy)
		return;
	free(broker->callback_queues);
	broker->callback_queues = copy;
	callback_file_apply(broker);
}
