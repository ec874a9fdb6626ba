#include "daemon/supervisor/state.h"

#include "daemon/config/callbacks_text.h"
#include "daemon/config/defaults_text.h"
#include "daemon/config/pools_text.h"
#include "daemon/config/report.h"
#include "daemon/config/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static struct report_force in_force(const struct supervisor *supervisor)
{
	return (struct report_force){supervisor->first,
				     supervisor->last ? supervisor->last
						      : supervisor->first};
}

/* In pieces: a message has room for so much. */
static void send_text(struct supervisor *supervisor, const struct json_out *out,
		      const struct channel_message *last, int64_t now_ns)
{
	struct channel_message piece = {.kind = CHANNEL_TEXT};
	struct slice text = json_out_slice(out);

	/* Without memory the broker gets an empty text, and says so. */
	while (json_out_ok(out) && text.n) {
		size_t n = text.n < sizeof(piece.reason) - 1
				   ? text.n
				   : sizeof(piece.reason) - 1;

		memcpy(piece.reason, text.p, n);
		piece.reason[n] = '\0';
		text.p += n;
		text.n -= n;
		broker_child_send(&supervisor->broker, &piece, now_ns);
	}
	broker_child_send(&supervisor->broker, last, now_ns);
}

static void send_config(struct supervisor *supervisor, int64_t now_ns)
{
	const struct channel_message end = {.kind = CHANNEL_CONFIG};
	const struct report_force force = in_force(supervisor);
	struct json_out out = {0};

	json_out_object(&out);
	report_settings(&out, &force);
	json_out_object_end(&out);
	send_text(supervisor, &out, &end, now_ns);
	json_out_fini(&out);
}

void reload_tell_pools(struct supervisor *supervisor, int64_t now_ns)
{
	const struct channel_message end = {.kind = CHANNEL_POOLS};
	struct pool_config list[POOLS_MAX] = {0};
	const struct pools_config pools = {list, POOLS_MAX};
	struct json_out out = {0};

	for (int i = 0; i < POOLS_MAX; i++) {
		const struct pool *pool = supervisor->pools.list[i];

		if (!pool || pool->removed)
			continue;
		list[i] = pool->config;
		list[i].workers_min = pool->min;
		list[i].workers_max = pool->max;
	}
	pools_text_write(&out, &pools);
	send_text(supervisor, &out, &end, now_ns);
	json_out_fini(&out);
}

static void send_defaults(struct supervisor *supervisor, int64_t now_ns)
{
	const struct channel_message end = {.kind = CHANNEL_DEFAULTS};
	const struct settings *last = in_force(supervisor).last;
	struct json_out out = {0};

	defaults_text_write(&out, &last->defaults);
	send_text(supervisor, &out, &end, now_ns);
	json_out_fini(&out);
}

static void send_callbacks(struct supervisor *supervisor, int64_t now_ns)
{
	const struct channel_message end = {.kind = CHANNEL_CALLBACKS};
	const struct settings *last = in_force(supervisor).last;
	struct json_out out = {0};

	/* Without memory the broker gets an empty text, and says so. */
	if (callbacks_text_write(&out, last) != 0)
		json_out_reset(&out);
	send_text(supervisor, &out, &end, now_ns);
	json_out_fini(&out);
}

static void send_values(struct supervisor *supervisor, int64_t now_ns)
{
	for (int key = 0; key < TABLE_KEYS; key++) {
		struct channel_message message = {.kind = CHANNEL_SETTING,
						  .slot = key};

		if (!table_rows[key].live)
			continue;
		message.value = value_number(&supervisor->now,
					     &table_rows[key]);
		broker_child_send(&supervisor->broker, &message, now_ns);
	}
}

void reload_tell(struct supervisor *supervisor, int64_t now_ns)
{
	send_config(supervisor, now_ns);
	send_defaults(supervisor, now_ns);
	send_callbacks(supervisor, now_ns);
}

/* All that can fail comes before the first change. */
static int apply(struct supervisor *supervisor, struct settings *settings,
		 int64_t now_ns)
{
	struct config next = supervisor->now;
	char **flags;
	int r;

	for (size_t i = 0; i < TABLE_KEYS; i++)
		if (table_rows[i].live)
			value_copy(&next, &settings->config, &table_rows[i]);
	if (config_argv(&next, &flags))
		return -ENOMEM;
	r = pool_set_apply(&supervisor->pools, &settings->pools, now_ns);
	if (r) {
		free(flags);
		return r < 0 ? r : -ENOSPC;
	}
	supervisor->now = next;
	free(supervisor->flags);
	supervisor->flags = flags;
	supervisor->birth.flags = flags;
	settings_free(supervisor->last);
	supervisor->last = settings;
	log_init("supervisor", next.log_level);
	send_values(supervisor, now_ns);
	send_config(supervisor, now_ns);
	send_defaults(supervisor, now_ns);
	send_callbacks(supervisor, now_ns);
	reload_tell_pools(supervisor, now_ns);
	return 0;
}

void reload_warn(const struct settings *settings)
{
	char text[CONFIG_PATH_BYTES + 512];

	for (size_t i = 0;
	     i < settings->warning_count && i < SETTINGS_PROBLEMS_MAX; i++) {
		settings_problem_text(settings, &settings->warnings[i], text,
				      sizeof(text));
		log_warning("configuration: %s", text);
	}
}

static void log_problems(const struct settings *settings)
{
	char text[CONFIG_PATH_BYTES + 512];

	log_error("configuration not reloaded, the old one stays problems=%zu",
		  settings->problem_count);
	for (size_t i = 0;
	     i < settings->problem_count && i < SETTINGS_PROBLEMS_MAX; i++) {
		settings_problem_text(settings, &settings->problems[i], text,
				      sizeof(text));
		log_error("configuration: %s", text);
	}
}

static void say_reloading(struct supervisor *supervisor, int64_t now_ns)
{
	char text[96];

	if (!supervisor->ever_ready)
		return;
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		 now_ns / 1000);
	notify_send(&supervisor->notify, text);
}

void reload_run(struct supervisor *supervisor,
		const struct channel_message *message, int64_t now_ns)
{
	const struct report_force force = in_force(supervisor);
	bool dry_run = message && message->stop;
	struct channel_message answer = {
		.kind = CHANNEL_RELOADED,
		.worker = message ? message->worker : 0,
	};
	AUTO(settings_free) struct settings *settings = NULL;
	struct json_out out = {0};
	size_t count = 0;
	int r;

	if (!dry_run)
		say_reloading(supervisor, now_ns);
	r = settings_load(&settings, supervisor->ask);
	json_out_object(&out);
	if (!r)
		count = report_changes(&out, &force, settings);
	else if (settings)
		report_error(&out, settings);
	json_out_object_end(&out);
	answer.status = r != 0;
	if (!r && !dry_run) {
		r = apply(supervisor, settings, now_ns);
		if (!r) {
			log_info("configuration reloaded differing=%zu", count);
			reload_warn(TAKE(settings)); /* the supervisor's now */
		}
	} else if (r > 0 && !dry_run) {
		require(settings);
		log_problems(settings);
	}
	if (r < 0) {
		log_error("configuration not reloaded, the old one stays: %s",
			  r == -ENOSPC ? "too many pools, with those that "
					 "still end"
				       : strerror(-r));
		json_out_reset(&out);
		answer.status = 1;
	}
	if (message)
		send_text(supervisor, &out, &answer, now_ns);
	json_out_fini(&out);
	if (!dry_run && supervisor->ever_ready)
		notify_send(&supervisor->notify, "READY=1");
}
