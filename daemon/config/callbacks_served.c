#include "daemon/config/callbacks_served.h"

#include "daemon/config/callback_rule.h"
#include "daemon/config/layers.h"
#include "proto/json_in.h"

#include <errno.h>
#include <stdio.h>

/* Of the Spec that a rule stands for; without a handler it is a command. */
static int look(struct settings *settings, const struct named_entry *entry,
		struct slice spec)
{
	struct arena arena = {0};
	struct slice value, name;
	char text[400];
	int r = 0;

	if (json_find(spec, "handler", &value))
		r = json_string(&arena, value, &name);
	else
		name = (struct slice){NULL, 0};
	if (r == 0 && name.n && !pools_config_server(&settings->pools, name)) {
		snprintf(text, sizeof(text),
			 "a callback calls '%.*s', which no pool serves: it "
			 "waits until a pool or a consumer does",
			 (int)name.n, name.p);
		layers_warning_at(settings, entry, text);
	}
	arena_fini(&arena);
	return r;
}

static int look_at_all(struct settings *settings,
		       const struct named_entry *entry)
{
	bool has_on = entry->key == NAMED_CALLBACKS_ALL;
	int r = 0;

	for (char **item = entry->items; r == 0 && *item; item++) {
		struct callback_rule_fault fault;
		struct json_out spec = {0};
		unsigned whens;

		/* Each was checked when it was read. */
		r = callback_rule(slice_of(*item), has_on, "/", &spec, &whens,
				  &fault);
		require(r <= 0);
		if (r == 0)
			r = look(settings, entry, json_out_slice(&spec));
		json_out_fini(&spec);
	}
	return r;
}

int callbacks_served(struct settings *settings)
{
	const struct named *named = &settings->named;
	int r = 0;

	for (size_t i = 0; r == 0 && i < named->count; i++) {
		const struct named_entry *entry = &named->list[i];

		if (entry->key >= NAMED_QUEUE_ON_SUCCESS &&
		    entry->key <= NAMED_CALLBACKS_ALL)
			r = look_at_all(settings, entry);
	}
	return r;
}
