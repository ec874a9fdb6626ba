#include "daemon/broker/config_link.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/broker/callback_file.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/methods.h"
#include "daemon/broker/queue_file.h"
#include "daemon/broker/state.h"
#include "daemon/broker/worker_link.h"
#include "daemon/config/defaults_text.h"
#include "daemon/config/pools_text.h"
#include "daemon/config/value.h"
#include "proto/calls_admin.h"
#include "proto/json_in.h"

/* A call that waits for what the supervisor says. */
struct config_wait {
	TAILQ_ENTRY(config_wait) link;
	struct call *call;
	int64_t ticket; /* of a Reload; 0: Config */
};

void config_link_init(struct config_link *link)
{
	*link = (struct config_link){.tickets = 0};
	TAILQ_INIT(&link->waits);
}

void config_link_fini(struct config_link *link)
{
	json_out_fini(&link->text);
	json_out_fini(&link->config);
}

static void on_deaf(struct call *call)
{
	struct config_wait *wait = call->state;

	TAILQ_REMOVE(&call->broker->config_link.waits, wait, link);
	call->deaf = NULL;
	call_release(call);
}

static void await(struct call *call, int64_t ticket)
{
	struct config_wait *wait = arena_alloc(&call->arena, sizeof(*wait));

	if (!wait) {
		call_error_memory(call);
		return;
	}
	*wait = (struct config_wait){.call = call, .ticket = ticket};
	TAILQ_INSERT_TAIL(&call->broker->config_link.waits, wait, link);
	call->state = wait;
	call->deaf = on_deaf;
	call_hold(call);
}

/* The members of an object that the supervisor wrote, but for @but. */
static void copy_members(struct json_out *out, struct slice object,
			 const char *but)
{
	struct json_iter iter = json_enter(object);
	struct slice key, value;

	while (json_member(&iter, &key, &value)) {
		if (but && json_key_is(key, but))
			continue;
		json_out_key_slice(out, key);
		json_out_raw(out, value);
	}
}

static void answer_config(struct call *call)
{
	copy_members(call_reply(call, false),
		     json_out_slice(&call->broker->config_link.config), NULL);
	call_reply_end(call);
}

static void answer_reload(struct call *call, struct slice text, bool refused)
{
	struct slice value, message = SLICE("");
	char words[512];
	int r = 0;

	if (!refused) {
		copy_members(call_reply(call, false), text, NULL);
		call_reply_end(call);
		return;
	}
	if (json_find(text, "message", &value))
		r = json_string(&call->arena, value, &message);
	if (r || !message.n) {
		call_error_memory(call);
		return;
	}
	snprintf(words, sizeof(words), "%.*s", (int)message.n, message.p);
	copy_members(call_error(call, "org.reeve.admin.BadConfig"), text,
		     "message");
	call_error_end(
		call, words,
		"the old configuration stays; reeve config check says all");
}

/* Those of one ticket; of 0 all who wait for the configuration. */
static void answer(struct broker *broker, int64_t ticket, struct slice text,
		   bool refused)
{
	struct config_wait *wait = TAILQ_FIRST(&broker->config_link.waits);

	while (wait) {
		struct config_wait *next = TAILQ_NEXT(wait, link);
		struct call *call = wait->call;

		if (wait->ticket == ticket) {
			TAILQ_REMOVE(&broker->config_link.waits, wait, link);
			call->deaf = NULL;
			if (ticket)
				answer_reload(call, text, refused);
			else
				answer_config(call);
			call_release(call);
		}
		wait = next;
	}
}

static bool is_whole(const struct json_out *text)
{
	struct json_fault fault;

	return json_out_ok(text) && text->n &&
	       json_check(json_out_slice(text), &fault) == 0;
}

static void on_config(struct broker *broker)
{
	struct config_link *link = &broker->config_link;
	struct json_out old = link->config;

	/* Without memory for it the last one is told on. */
	if (!is_whole(&link->text))
		return;
	link->config = link->text;
	link->text = old;
	answer(broker, 0, (struct slice){NULL, 0}, false);
}

static void on_pools(struct broker *broker)
{
	const struct json_out *text = &broker->config_link.text;
	struct pools_config pools = {0};
	int r = is_whole(text) ? pools_text_read(json_out_slice(text), &pools)
			       : -ENOMEM;

	if (r == 0)
		r = pools_take(broker, &pools);
	pools_text_free(&pools);
	if (r) {
		log_error("the list of pools cannot be taken over, the last "
			  "one stays error=%d",
			  r);
		return;
	}
	broker->pools.told = true;
	/* Workers that were not known to serve it may have dialled in. */
	fleet_parked(broker);
	cycle_kick(broker);
}

static void on_defaults(struct broker *broker)
{
	const struct json_out *text = &broker->config_link.text;
	struct defaults_config defaults = {0};
	int r = is_whole(text)
			? defaults_text_read(json_out_slice(text), &defaults)
			: -ENOMEM;

	if (r == 0)
		r = defaults_take(&broker->defaults, &defaults);
	free(defaults.list);
	if (r == 0)
		queue_file_take(broker);
	else
		log_error("the defaults of jobs cannot be taken over, the last "
			  "ones stay error=%d",
			  r);
}

static void on_callbacks(struct broker *broker)
{
	const struct json_out *text = &broker->config_link.text;

	if (is_whole(text))
		callback_file_take(broker, json_out_slice(text));
	else
		log_error("the callbacks of the configuration cannot be taken "
			  "over, the last ones stay");
}

static void on_reloaded(struct broker *broker,
			const struct channel_message *message)
{
	const struct json_out *text = &broker->config_link.text;
	bool whole = is_whole(text);

	answer(broker, message->worker,
	       whole ? json_out_slice(text) : SLICE("{}"),
	       message->status || !whole);
}

/* Workers cut the output, and end what is cancelled: they are told at once. */
static void on_setting(struct broker *broker,
		       const struct channel_message *message)
{
	struct worker_link *link;
	size_t key = (size_t)message->slot;

	if (key >= TABLE_KEYS ||
	    !value_put_number(&broker->own_config, &table_rows[key],
			      message->value)) {
		log_warning("no such setting, ignored key=%d", message->slot);
		return;
	}
	if (key == TABLE_LOG_LEVEL)
		log_init("broker", broker->own_config.log_level);
	/* What is kept shorter now goes soon. */
	broker->purge_at_ns = 0;
	if (key != TABLE_LOG_LEVEL && key != TABLE_GRACE &&
	    key != TABLE_OUTPUT_MAX)
		return;
	TAILQ_FOREACH (link, &broker->fleet.links, link)
		worker_link_settings(link);
}

void config_link_heard(struct broker *broker,
		       const struct channel_message *message)
{
	struct config_link *link = &broker->config_link;

	if (message->kind == CHANNEL_TEXT) {
		json_out_append(&link->text, slice_of(message->reason));
		return;
	}
	if (message->kind == CHANNEL_SETTING) {
		on_setting(broker, message);
		return;
	}
	if (message->kind == CHANNEL_POOLS)
		on_pools(broker);
	else if (message->kind == CHANNEL_DEFAULTS)
		on_defaults(broker);
	else if (message->kind == CHANNEL_CALLBACKS)
		on_callbacks(broker);
	else if (message->kind == CHANNEL_CONFIG)
		on_config(broker);
	else
		on_reloaded(broker, message);
	json_out_reset(&link->text);
}

void call_config(struct call *call, void *params)
{
	(void)params;
	if (call->broker->config_link.config.n)
		answer_config(call);
	else
		await(call, 0);
}

void call_reload(struct call *call, void *params)
{
	struct call_reload *p = params;
	struct broker *broker = call->broker;
	int64_t ticket = ++broker->config_link.tickets;

	await(call, ticket);
	link_send(broker, &(struct channel_message){
				  .kind = CHANNEL_RELOAD,
				  .worker = ticket,
				  .stop = p->dry_run,
			  });
}
