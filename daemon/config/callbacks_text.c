#include "daemon/config/callbacks_text.h"

#include "daemon/config/callback_rule.h"
#include "proto/json_in.h"

#include <errno.h>
#include <stdio.h>

static const enum named_key of_queue[CALLBACK_WHEN_COUNT] = {
	[CALLBACK_SUCCESS] = NAMED_QUEUE_ON_SUCCESS,
	[CALLBACK_FAILURE] = NAMED_QUEUE_ON_FAILURE,
	[CALLBACK_DONE] = NAMED_QUEUE_ON_DONE,
};

static void folder_of(const struct settings *settings,
		      const struct named_entry *entry,
		      char ret[CONFIG_PATH_BYTES])
{
	const char *file = settings->files[entry->file];
	const char *slash = strrchr(file, '/');

	snprintf(ret, CONFIG_PATH_BYTES, "%.*s",
		 slash && slash != file ? (int)(slash - file) : 0, file);
}

/* Those of an entry that are due at @when; -1: all. */
static int write_items(struct json_out *out, const struct settings *settings,
		       const struct named_entry *entry, int when)
{
	char folder[CONFIG_PATH_BYTES];
	int r = 0;

	folder_of(settings, entry, folder);
	json_out_array(out);
	for (char **item = entry->items; r >= 0 && *item; item++) {
		struct callback_rule_fault fault;
		struct json_out spec = {0};
		unsigned whens = 0;

		/* Each was checked when it was read. */
		r = callback_rule(slice_of(*item), when >= 0, folder, &spec,
				  &whens, &fault);
		if (r == 0 && (when < 0 || whens & 1u << when))
			json_out_raw(out, json_out_slice(&spec));
		json_out_fini(&spec);
	}
	json_out_array_end(out);
	return r < 0 ? r : 0;
}

static int write_rules(struct json_out *out, const struct settings *settings)
{
	const struct named_entry *entry = named_get(&settings->named,
						    NAMED_CALLBACKS_ALL, "");
	int r = 0;

	json_out_object(out);
	for (int when = 0; r == 0 && entry && when < CALLBACK_WHEN_COUNT;
	     when++) {
		json_out_key(out, callback_when_name((enum callback_when)when));
		r = write_items(out, settings, entry, when);
	}
	json_out_object_end(out);
	return r;
}

static bool is_first_of_queue(const struct settings *settings, size_t at)
{
	const struct named_entry *list = settings->named.list;

	if (list[at].key < NAMED_QUEUE_ON_SUCCESS ||
	    list[at].key > NAMED_QUEUE_ON_DONE)
		return false;
	for (size_t i = 0; i < at; i++) {
		if (list[i].key >= NAMED_QUEUE_ON_SUCCESS &&
		    list[i].key <= NAMED_QUEUE_ON_DONE &&
		    strcmp(list[i].name, list[at].name) == 0)
			return false;
	}
	return true;
}

static int write_queue(struct json_out *out, const struct settings *settings,
		       const char *name)
{
	int r = 0;

	json_out_object(out);
	json_out_member_text(out, "queue", name);
	for (int when = 0; r == 0 && when < CALLBACK_WHEN_COUNT; when++) {
		const struct named_entry *entry =
			named_get(&settings->named, of_queue[when], name);

		if (!entry)
			continue;
		json_out_key(out, callback_when_name((enum callback_when)when));
		r = write_items(out, settings, entry, -1);
	}
	json_out_object_end(out);
	return r;
}

int callbacks_text_write(struct json_out *out, const struct settings *settings)
{
	int r;

	json_out_object(out);
	json_out_key(out, "rules");
	r = write_rules(out, settings);
	json_out_key(out, "queues");
	json_out_array(out);
	for (size_t i = 0; r == 0 && i < settings->named.count; i++) {
		if (is_first_of_queue(settings, i))
			r = write_queue(out, settings,
					settings->named.list[i].name);
	}
	json_out_array_end(out);
	json_out_object_end(out);
	return r == 0 && !json_out_ok(out) ? -ENOMEM : r;
}
