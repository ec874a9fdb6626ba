#include "daemon/worker/desk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/worker/report.h"
#include "daemon/worker/worker_crash.h"
#include "proto/json_in.h"

#define SPOOL_AGAIN_NS 1000000000

void desk_init(struct desk *desk, struct config *config,
	       const struct channel_message *birth, struct runner *runner,
	       int64_t now_ns)
{
	*desk = (struct desk){
		.config = config, .birth = birth, .runner = runner};
	TAILQ_INIT(&runner->others);
	runner->socket = config->socket;
	runner->max_line = LIMIT_MESSAGE_BYTES;
	uplink_init(&desk->link, config->worker_socket, now_ns);
	places_init(&desk->places);
	TAILQ_INIT(&desk->queue);
	results_init(&desk->results, config->state_dir);
}

static struct order *take_first(struct desk *desk)
{
	struct order *job = TAILQ_FIRST(&desk->queue);

	if (job) {
		TAILQ_REMOVE(&desk->queue, job, link);
		desk->queue_count--;
	}
	return job;
}

void desk_fini(struct desk *desk)
{
	struct order *job;

	while ((job = take_first(desk)))
		order_free(job);
	places_fini(&desk->places);
	results_fini(&desk->results);
	uplink_fini(&desk->link);
	free(desk->socket);
}

static void lose_link(struct desk *desk, int64_t now_ns)
{
	uplink_close(&desk->link, now_ns);
	places_fini(&desk->places);
	places_init(&desk->places);
}

/* Same build, but still: what cannot be understood ends the connection. */
static void bad_line(struct desk *desk, const char *what, int64_t now_ns)
{
	if (!desk->warned)
		log_warning("the broker says what is not understood, dialling "
			    "again statement=%s",
			    what);
	desk->warned = true;
	lose_link(desk, now_ns);
}

static void put_back_all(struct desk *desk)
{
	struct order *job;

	if (TAILQ_EMPTY(&desk->queue) || !desk->link.greeted)
		return;
	report_put_back_begin(&desk->link.out);
	while ((job = take_first(desk))) {
		report_put_back_one(&desk->link.out, job);
		order_free(job);
	}
	report_put_back_end(&desk->link.out);
}

void desk_leave(struct desk *desk, enum worker_exit status)
{
	if (desk->status == WORKER_EXIT_OK)
		desk->status = status;
	if (desk->leaving)
		return;
	desk->leaving = true;
	if (desk->link.greeted)
		report_leaving(&desk->link.out,
			       !desk->runner->job &&
				       TAILQ_EMPTY(&desk->runner->others));
	put_back_all(desk);
}

static struct order *find_in(const struct order_list *list, int64_t token)
{
	struct order *job;

	TAILQ_FOREACH (job, list, link) {
		if (job->token == token)
			return job;
	}
	return NULL;
}

static struct order *find(struct desk *desk, int64_t token)
{
	return find_in(&desk->queue, token);
}

static struct order *find_running(struct desk *desk, int64_t token)
{
	struct runner *runner = desk->runner;

	return runner->job && runner->job->token == token
		       ? runner->job
		       : find_in(&runner->others, token);
}

/* Delivered before, on a connection that broke, and still in hand? */
static bool is_held(struct desk *desk, int64_t token)
{
	struct result *result;

	if (find(desk, token) || find_running(desk, token))
		return true;
	TAILQ_FOREACH (result, &desk->results.list, link) {
		if (result->token == token)
			return true;
	}
	return false;
}

static int on_job(struct desk *desk, struct slice line)
{
	struct order *job;
	int r = order_new(&job, line, &desk->places, desk->config->grace_ms);

	if (r)
		return r;
	job->parcel = TAKE(desk->link.parcel);
	worker_crash("receive");
	/* Only one that came before can be held. */
	if (job->token <= desk->last_token && is_held(desk, job->token)) {
		order_free(job);
		return 0;
	}
	if (job->token > desk->last_token)
		desk->last_token = job->token;
	TAILQ_INSERT_TAIL(&desk->queue, job, link);
	desk->queue_count++;
	if (desk->leaving)
		put_back_all(desk);
	return 0;
}

static int on_recall(struct desk *desk, struct slice list)
{
	struct json_iter iter = json_enter(list);
	struct slice item, value;
	bool begun = false;
	int64_t token;

	while (json_item(&iter, &item)) {
		struct order *job;

		if (!json_find(item, "token", &value) ||
		    json_int(value, &token))
			return -EINVAL;
		job = find(desk, token);
		if (!job)
			continue; /* it has begun: its result answers */
		if (!begun)
			report_put_back_begin(&desk->link.out);
		begun = true;
		report_put_back_one(&desk->link.out, job);
		TAILQ_REMOVE(&desk->queue, job, link);
		desk->queue_count--;
		order_free(job);
	}
	if (begun)
		report_put_back_end(&desk->link.out);
	return 0;
}

/* Keep the line that was just written to @out until it is settled. */
static int keep_result(struct desk *desk, const struct result *head,
		       struct slice line)
{
	int r = results_add(&desk->results, head, line);

	if (r)
		log_error("no memory for a result job=%" PRId64, head->job);
	return r;
}

static int on_cancel(struct desk *desk, struct slice line, int64_t now_ns)
{
	int64_t token, grace_ms = desk->config->grace_ms;
	struct json_out *out = &desk->link.out;
	struct slice value;
	struct order *job;
	enum runner_reason reason = RUNNER_BY_CLIENT;
	size_t before;

	if (!json_find(line, "token", &value) || json_int(value, &token))
		return -EINVAL;
	if (json_find(line, "reason", &value) &&
	    slice_equal(value, SLICE("\"timeout\"")))
		reason = RUNNER_BY_TIMEOUT;
	if (json_find(line, "grace_ms", &value) &&
	    (json_int(value, &grace_ms) || grace_ms < 0))
		return -EINVAL;
	job = find(desk, token);
	if (!job) {
		job = find_running(desk, token);
		if (job)
			desk->runner->kind->cancel(desk->runner, job, grace_ms,
						   reason, now_ns);
		return 0;
	}
	before = json_out_slice(out).n;
	report_never_begun(out, job, clock_wall_ms());
	if (!json_out_ok(out))
		return -ENOMEM;
	TAILQ_REMOVE(&desk->queue, job, link);
	desk->queue_count--;
	struct slice all = json_out_slice(out);
	struct result head = {
		.job = job->id, .token = job->token, .attempt = job->attempt};

	order_free(job);
	return keep_result(desk, &head,
			   (struct slice){all.p + before, all.n - before});
}

static int on_settled(struct desk *desk, struct slice list)
{
	struct json_iter iter = json_enter(list);
	struct slice item;
	int64_t token;

	while (json_item(&iter, &item)) {
		if (json_int(item, &token))
			return -EINVAL;
		results_settled(&desk->results, token);
	}
	return 0;
}

static int on_context(struct desk *desk, struct slice line, struct slice id)
{
	struct slice value;
	int64_t number;

	if (json_int(id, &number) || !json_find(line, "value", &value))
		return -EINVAL;
	return places_add(&desk->places, number, value);
}

/* What a reload of the daemon changed: it comes with a hello of its own. */
static void take_settings(struct desk *desk, struct slice line)
{
	struct config *config = desk->config;
	struct slice value;
	int64_t number;

	if (json_find(line, "grace_ms", &value) && !json_int(value, &number) &&
	    number >= 0)
		config->grace_ms = number;
	if (json_find(line, "output_bytes", &value) &&
	    !json_int(value, &number) && number >= 0)
		config->output_bytes = number;
	if (json_find(line, "max_line", &value) && !json_int(value, &number) &&
	    number > 0)
		desk->runner->max_line = (size_t)number;
	if (json_find(line, "log_level", &value) && !json_int(value, &number) &&
	    number >= LOG_ERROR && number <= LOG_DEBUG &&
	    number != (int64_t)config->log_level) {
		config->log_level = (enum log_level)number;
		log_init("worker", config->log_level);
	}
}

static int on_hello(struct desk *desk, struct slice line)
{
	struct arena arena = {0};
	struct slice value, text;
	int r = 0;

	if (json_find(line, "socket", &value)) {
		r = json_string(&arena, value, &text);
		if (r == 0) {
			free(desk->socket);
			desk->socket = strndup(text.p, text.n);
			r = desk->socket ? 0 : -ENOMEM;
			desk->runner->socket = r ? desk->config->socket
						 : desk->socket;
		}
	}
	if (json_find(line, "store", &value) &&
	    !json_string(&arena, value, &text))
		snprintf(desk->runner->store, sizeof(desk->runner->store),
			 "%.*s", (int)text.n, text.p);
	arena_fini(&arena);
	take_settings(desk, line);
	uplink_greet(&desk->link);
	desk->warned = desk->warned && r;
	if (desk->leaving)
		put_back_all(desk);
	return r;
}

static int on_statement(struct desk *desk, struct slice line, struct slice key,
			struct slice value, int64_t now_ns)
{
	int64_t number;

	if (json_key_is(key, "job"))
		return on_job(desk, line);
	if (json_key_is(key, "settled"))
		return on_settled(desk, value);
	if (json_key_is(key, "context"))
		return on_context(desk, line, value);
	if (json_key_is(key, "cancel"))
		return on_cancel(desk, line, now_ns);
	if (json_key_is(key, "recall"))
		return on_recall(desk, value);
	if (json_key_is(key, "hello"))
		return on_hello(desk, line);
	if (json_key_is(key, "drain")) {
		desk_leave(desk, WORKER_EXIT_OK);
		return 0;
	}
	if (json_key_is(key, "ping") && json_int(value, &number) == 0) {
		report_pong(&desk->link.out, number);
		return 0;
	}
	return -EINVAL;
}

/* Return: false when the connection was given up. */
static bool on_line(struct desk *desk, struct slice text, int64_t now_ns)
{
	struct slice line, key = SLICE("none"), value;
	struct json_fault fault;
	struct json_iter iter;
	char name[16];

	if (json_check(text, &fault)) {
		bad_line(desk, "not JSON", now_ns);
		return false;
	}
	line = json_trim(text);
	iter = json_enter(line);
	if (json_kind(line) == JSON_OBJECT &&
	    json_member(&iter, &key, &value) &&
	    on_statement(desk, line, key, value, now_ns) == 0)
		return true;
	snprintf(name, sizeof(name), "%.*s", (int)(key.n < 15 ? key.n : 15),
		 key.p);
	bad_line(desk, name, now_ns);
	return false;
}

void desk_receive(struct desk *desk, int64_t now_ns)
{
	struct slice line;
	int ended, r;

	if (desk->link.fd < 0)
		return;
	ended = uplink_receive(&desk->link);
	while ((r = uplink_line(&desk->link, &line)) == 0) {
		if (!on_line(desk, line, now_ns))
			return;
	}
	if (r == UPLINK_E_BAD)
		bad_line(desk, "framing", now_ns);
	else if (ended)
		lose_link(desk, now_ns);
}

static void flush(struct desk *desk, int64_t now_ns)
{
	int r = uplink_flush(&desk->link);

	if (r && r != UPLINK_E_AWAY)
		lose_link(desk, now_ns);
}

/* A statement that was written before, with its newline. */
static void say_again(struct json_out *out, struct slice line)
{
	line.n--;
	json_out_raw(out, line);
	json_out_byte(out, '\n');
}

static void say_ready(struct desk *desk)
{
	struct result *result;

	report_ready(&desk->link.out, desk);
	TAILQ_FOREACH (result, &desk->results.list, link)
		say_again(&desk->link.out,
			  (struct slice){result->line, result->bytes});
}

/* The report is kept first: the connection may break with the next write. */
static void finish(struct desk *desk)
{
	struct runner *runner = desk->runner;
	struct json_out out = {0};
	struct result head = {
		.job = runner->job->id,
		.token = runner->job->token,
		.attempt = runner->job->attempt,
		.started_ms = runner->started_ms,
	};

	runner->kind->report(runner, &out);
	/* Without memory for the report it would be lost: nothing is right
	 * any more, and the supervisor knows what to do with a death. */
	require(json_out_ok(&out));
	require(keep_result(desk, &head, json_out_slice(&out)) == 0);
	if (desk->link.fd >= 0)
		say_again(&desk->link.out, json_out_slice(&out));
	json_out_fini(&out);
	worker_crash("result");
}

static bool is_away(const struct desk *desk, int64_t now_ns)
{
	return !desk->link.greeted &&
	       now_ns - desk->link.away_ns >= DESK_AWAY_NS;
}

static bool may_begin(const struct desk *desk)
{
	if (desk->leaving || desk->runner->state != RUNNER_IDLE ||
	    desk->runner->busy)
		return false;
	if (desk->link.greeted)
		return !uplink_pending(&desk->link);
	return desk->results.spooled_count == desk->results.count;
}

static void spool(struct desk *desk, int64_t now_ns)
{
	int r;

	if (now_ns < desk->spool_ns)
		return;
	r = results_spool(&desk->results);
	if (r == 0)
		return;
	desk->spool_ns = now_ns + SPOOL_AGAIN_NS;
	/* Somebody removed the state directory: nobody will ever ask. */
	desk->hopeless = r == -ENOENT && desk->leaving;
	log_error("a result cannot be written down, %s: %s",
		  desk->hopeless ? "given up" : "trying again", strerror(-r));
}

/* Nobody takes it back: written down like a result, or the next broker would
 * have to think that it began. */
static void write_off_queue(struct desk *desk)
{
	struct order *job;

	while ((job = take_first(desk))) {
		struct json_out out = {0};
		struct result head = {.job = job->id,
				      .token = job->token,
				      .attempt = job->attempt};

		report_put_back_begin(&out);
		report_put_back_one(&out, job);
		report_put_back_end(&out);
		if (json_out_ok(&out))
			(void)!keep_result(desk, &head, json_out_slice(&out));
		json_out_fini(&out);
		order_free(job);
	}
}

/* Return: true when nothing is owed any more. */
static bool is_done(struct desk *desk, int64_t now_ns)
{
	if (!desk->leaving || desk->runner->state != RUNNER_IDLE ||
	    !TAILQ_EMPTY(&desk->runner->others))
		return false;
	if (!desk->idle_ns)
		desk->idle_ns = now_ns;
	if (desk->queue_count && now_ns - desk->idle_ns < DESK_PUT_BACK_NS)
		return false;
	write_off_queue(desk);
	if (desk->results.count && now_ns - desk->idle_ns >= DESK_AWAY_NS)
		spool(desk, now_ns);
	if (desk->results.spooled_count != desk->results.count)
		return desk->hopeless;
	return !desk->link.greeted || !uplink_pending(&desk->link) ||
	       now_ns - desk->idle_ns >= DESK_AWAY_NS;
}

/* It was handed over, but never began: first again, nothing is owed for it. */
static void take_back(struct desk *desk)
{
	struct runner *runner = desk->runner;
	struct order *job = TAKE(runner->job);

	TAILQ_INSERT_HEAD(&desk->queue, job, link);
	desk->queue_count++;
	runner->state = RUNNER_IDLE;
	if (desk->leaving)
		put_back_all(desk);
}

static void begin(struct desk *desk, struct order *job)
{
	bool came = job->parcel;

	desk->runner->job = job;
	desk->runner->kind->begin(desk->runner);
	/* The broker still holds what it has sent us: others would wait for
	 * the end of a pipe. */
	if (came && desk->link.greeted)
		report_start(&desk->link.out, job);
}

bool desk_turn(struct desk *desk, int64_t now_ns)
{
	if (uplink_dial(&desk->link, now_ns))
		say_ready(desk);
	if (is_away(desk, now_ns))
		spool(desk, now_ns);
	if (desk->link.refused_ns && !desk->leaving &&
	    now_ns - desk->link.refused_ns >= DESK_REFUSED_NS) {
		log_warning("worker leaves, nobody listens at its socket");
		desk_leave(desk, WORKER_EXIT_OK);
	}
	while (desk->runner->state == RUNNER_ENDED)
		finish(desk);
	if (desk->runner->state == RUNNER_UNBEGUN)
		take_back(desk);
	if (desk->runner->retire != WORKER_EXIT_OK && !desk->runner->job)
		desk_leave(desk, desk->runner->retire);
	flush(desk, now_ns);
	while (desk->queue_count && may_begin(desk)) {
		begin(desk, take_first(desk));
		while (desk->runner->state == RUNNER_ENDED)
			finish(desk);
		if (desk->runner->state == RUNNER_UNBEGUN)
			take_back(desk);
		flush(desk, now_ns);
		if (is_away(desk, now_ns))
			spool(desk, now_ns);
		/* Handlers run in here: there are other duties, too. */
		if (desk->runner->state == RUNNER_IDLE &&
		    clock_mono_ns() - now_ns >= DESK_TURN_NS)
			break;
	}
	if (desk->runner->state == RUNNER_RUNNING)
		worker_crash("middle");
	else if (desk->runner->state == RUNNER_IDLE)
		worker_crash("idle");
	return is_done(desk, now_ns);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t desk_due_ns(const struct desk *desk)
{
	int64_t due = uplink_due_ns(&desk->link);
	bool unsaved = desk->results.spooled_count != desk->results.count;

	if (desk->queue_count && may_begin(desk))
		return 0;
	if (!desk->link.greeted && unsaved)
		due = sooner(due, desk->link.away_ns + DESK_AWAY_NS);
	if (desk->idle_ns && unsaved)
		due = sooner(due, desk->idle_ns + DESK_AWAY_NS);
	if (desk->idle_ns && desk->queue_count)
		due = sooner(due, desk->idle_ns + DESK_PUT_BACK_NS);
	if (unsaved && due < desk->spool_ns && desk->link.fd >= 0)
		due = desk->spool_ns;
	return due;
}
