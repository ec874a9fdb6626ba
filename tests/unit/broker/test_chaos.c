/*
 * Chaos: clients and workers do whatever they may, as a seed decides. At the end every job has ended, none was done twice, a `once` job
 * was never begun twice, and nothing is left behind. The sanitizers watch.
 *
 *	test_broker_chaos [SEED [ROUNDS]]
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "proto/json_in.h"
#include "tests/unit/broker/stage.h"

enum { CLIENTS = 6, WORKERS = 3, STEPS = 400, HELD_MAX = 256, JOBS_MAX = 4000 };

struct held {
	int64_t job, token;
	bool begun, done; /* done: its result is written, not settled */
};

/* One worker's life; the next one in its place has a new number. */
struct actor {
	int64_t id; /* 0: nobody */
	int fd;	    /* -1: away */
	char buffer[65536];
	size_t n;
	struct held held[HELD_MAX];
	size_t count;
};

struct chaos {
	struct stage stage;
	uint64_t seed;
	int clients[CLIENTS]; /* -1: none */
	struct actor workers[WORKERS];
	int64_t next_worker;
	int begun[JOBS_MAX];
	bool writes_held, reads_held;
};

static unsigned pick(struct chaos *chaos, unsigned below)
{
	chaos->seed = chaos->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(chaos->seed >> 33) % below;
}

static void say(int fd, const char *text)
{
	/* A full socket loses the line: that is the peer's right, too. */
	if (send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)strlen(text))
		(void)!send(fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static struct held *find_held(struct actor *worker, int64_t token)
{
	for (size_t i = 0; i < worker->count; i++) {
		if (worker->held[i].token == token)
			return &worker->held[i];
	}
	return NULL;
}

static void drop_held(struct actor *worker, struct held *held)
{
	size_t i = (size_t)(held - worker->held);

	memmove(held, held + 1, (worker->count - i - 1) * sizeof(*held));
	worker->count--;
}

/* The first without a result runs. */
static struct held *running(struct actor *worker)
{
	for (size_t i = 0; i < worker->count; i++) {
		if (!worker->held[i].done)
			return &worker->held[i];
	}
	return NULL;
}

static void begin_next(struct chaos *chaos, struct actor *worker)
{
	struct held *now = running(worker);

	if (!now || now->begun)
		return;
	now->begun = true;
	assert_in_range(now->job, 1, JOBS_MAX - 1);
	if (++chaos->begun[now->job] > 1 &&
	    fake_store_once(chaos->stage.store, now->job))
		fail_msg("once job %lld was begun twice", (long long)now->job);
}

static int64_t number(struct slice line, const char *name)
{
	struct slice value;
	int64_t n;

	return json_find(line, name, &value) && json_int(value, &n) == 0 ? n
									 : 0;
}

static void take_job(struct chaos *chaos, struct actor *worker,
		     struct slice line)
{
	assert_true(worker->count < HELD_MAX);
	worker->held[worker->count++] = (struct held){
		.job = number(line, "job"),
		.token = number(line, "token"),
	};
	begin_next(chaos, worker);
}

static void say_done(struct actor *worker, const struct held *held,
		     const char *cause)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "{\"done\":%lld,\"token\":%lld,\"cause\":\"%s\",%s"
		 "\"run_us\":100}",
		 (long long)held->job, (long long)held->token, cause,
		 strcmp(cause, "none") == 0 ? "\"exit\":0," : "");
	if (worker->fd >= 0)
		say(worker->fd, text);
}

static void finish(struct chaos *chaos, struct actor *worker, const char *cause)
{
	struct held *held = running(worker);

	if (!held)
		return;
	held->done = true;
	say_done(worker, held, cause);
	/* Who is away begins nothing: its results are not safe yet. */
	if (worker->fd >= 0)
		begin_next(chaos, worker);
}

static void give_back(struct actor *worker, int64_t token)
{
	struct held *held = find_held(worker, token);
	char text[128];

	if (!held || held->begun)
		return;
	snprintf(text, sizeof(text),
		 "{\"put_back\":[{\"job\":%lld,\"token\":%lld}]}",
		 (long long)held->job, (long long)held->token);
	say(worker->fd, text);
	drop_held(worker, held);
}

static void hear_line(struct chaos *chaos, struct actor *worker,
		      struct slice line)
{
	struct json_iter iter;
	struct json_fault fault;
	struct slice value, item;

	assert_int_equal(json_check(line, &fault), 0);
	if (json_find(line, "job", &value)) {
		take_job(chaos, worker, line);
	} else if (json_find(line, "settled", &value)) {
		iter = json_enter(value);
		while (json_item(&iter, &item)) {
			int64_t token;
			struct held *held;

			assert_int_equal(json_int(item, &token), 0);
			held = find_held(worker, token);
			if (held && held->done)
				drop_held(worker, held);
		}
	} else if (json_find(line, "recall", &value)) {
		iter = json_enter(value);
		while (json_item(&iter, &item))
			give_back(worker, number(item, "token"));
	} else if (json_find(line, "cancel", &value)) {
		struct held *held = find_held(worker, number(line, "token"));

		if (held && held == running(worker))
			finish(chaos, worker, "cancelled");
	} else if (json_find(line, "ping", &value)) {
		say(worker->fd, "{\"pong\":1}");
	}
}

static void hear(struct chaos *chaos, struct actor *worker)
{
	char *end;
	ssize_t n;

	if (!worker->id || worker->fd < 0)
		return;
	n = recv(worker->fd, worker->buffer + worker->n,
		 sizeof(worker->buffer) - worker->n, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN)) {
		close(worker->fd);
		worker->fd = -1;
		return;
	}
	if (n > 0)
		worker->n += (size_t)n;
	while ((end = memchr(worker->buffer, '\n', worker->n))) {
		size_t line = (size_t)(end - worker->buffer);

		hear_line(chaos, worker, (struct slice){worker->buffer, line});
		worker->n -= line + 1;
		memmove(worker->buffer, end + 1, worker->n);
	}
}

static void die(struct chaos *chaos, struct actor *worker)
{
	bool word_first = pick(chaos, 2);
	int64_t id = worker->id;
	int fd = worker->fd;

	*worker = (struct actor){.fd = -1};
	if (word_first && fd >= 0)
		close(fd);
	stage_worker_died(&chaos->stage, id, SIGKILL);
	if (!word_first && fd >= 0)
		close(fd);
}

static void dial(struct chaos *chaos, struct actor *worker)
{
	char holding[32768] = "[";
	size_t n = 1;

	for (size_t i = 0; i < worker->count; i++) {
		const struct held *held = &worker->held[i];

		n += (size_t)snprintf(holding + n, sizeof(holding) - n,
				      "%s{\"job\":%lld,\"token\":%lld%s}",
				      i ? "," : "", (long long)held->job,
				      (long long)held->token,
				      held->begun ? ",\"started_ms\":1" : "");
	}
	strcat(holding, "]");
	worker->n = 0;
	worker->fd = stage_dial(&chaos->stage, worker->id, holding);
	/* It may die before it has said its results again. */
	if (!pick(chaos, 12)) {
		die(chaos, worker);
		return;
	}
	for (size_t i = 0; i < worker->count; i++) {
		if (worker->held[i].done)
			say_done(worker, &worker->held[i], "none");
	}
	begin_next(chaos, worker);
}

static void hang_up(struct chaos *chaos, struct actor *worker)
{
	/* What is on its way is read, or lost with the connection. */
	if (pick(chaos, 2))
		hear(chaos, worker);
	if (worker->fd >= 0)
		close(worker->fd);
	worker->fd = -1;
}

static void step_worker(struct chaos *chaos)
{
	struct actor *worker = &chaos->workers[pick(chaos, WORKERS)];

	hear(chaos, worker);
	if (!worker->id) {
		worker->id = ++chaos->next_worker;
		worker->fd = -1;
		stage_worker_born(&chaos->stage, worker->id);
		return;
	}
	if (worker->fd < 0) {
		if (pick(chaos, 3))
			dial(chaos, worker);
		else if (!pick(chaos, 4))
			die(chaos, worker);
		else
			finish(chaos, worker, "none");
		return;
	}
	switch (pick(chaos, 12)) {
	case 0:
		hang_up(chaos, worker);
		break;
	case 1:
		if (!pick(chaos, 3))
			die(chaos, worker);
		break;
	case 2:
		finish(chaos, worker, "timeout");
		break;
	case 3:
		/* Nothing behind this is heard. */
		if (!pick(chaos, 4))
			say(worker->fd, "junk");
		break;
	default:
		finish(chaos, worker, "none");
		break;
	}
}

static void submit(struct chaos *chaos, int fd)
{
	static const char *const jobs[] = {
		"{\"argv\":[\"a\"]}",
		"{\"argv\":[\"a\"],\"once\":true}",
		"{\"argv\":[\"b\"],\"once\":true}",
		"{\"argv\":[\"a\"],\"queue\":\"other\",\"priority\":5}",
		"{\"argv\":[\"a\"],\"group\":1}",
		"{\"argv\":[\"a\"],\"delay_ms\":3}",
		"{\"argv\":[\"a\"],\"key\":\"k\"}",
		"{\"argv\":[]}",
	};
	static const char *const beside[] = {"", "\"oneway\":true,",
					     "\"more\":true,"};
	char text[400];

	if (stage_jobs(&chaos->stage) > JOBS_MAX - 200)
		return;
	snprintf(text, sizeof(text),
		 "{\"method\":\"org.reeve.jobs.Submit\",%s\"parameters\":"
		 "{\"job\":%s}}",
		 beside[pick(chaos, 3)], jobs[pick(chaos, ARRAY_COUNT(jobs))]);
	say(fd, text);
}

static void ask(struct chaos *chaos, int fd)
{
	static const char *const calls[] = {
		"Wait\",\"more\":true,\"parameters\":{\"ids\":[%u,%u,%u]}}",
		"Wait\",\"parameters\":{\"ids\":[%u,%u,%u],\"any\":true}}",
		"Wait\",\"parameters\":{\"ids\":[%u,%u,%u],\"wait_ms\":2}}",
		"Wait\",\"more\":true,\"parameters\":{\"group\":1}}",
		"Wait\",\"parameters\":{\"group\":1,\"wait_ms\":1}}",
		"Output\",\"more\":true,\"parameters\":{\"id\":%u}}",
		"Get\",\"parameters\":{\"ids\":[%u,%u]}}",
		"List\",\"parameters\":{\"limit\":%u}}",
		"Count\",\"parameters\":{\"by\":\"queue\"}}",
		"Cancel\",\"parameters\":{\"filter\":{\"ids\":[%u,%u]}}}",
		"Cancel\",\"oneway\":true,\"parameters\":{\"filter\":"
		"{\"ids\":[%u]}}}",
		"Hold\",\"parameters\":{\"filter\":{\"ids\":[%u]}}}",
		"Release\",\"parameters\":{\"filter\":{\"all\":true}}}",
		"SubmitMany\",\"more\":true,\"parameters\":{\"jobs\":["
		"{\"argv\":[\"a\"]},{\"argv\":[\"b\"],\"group\":%u},"
		"{\"argv\":[]}]}}",
		"OpenGroup\"}",
		"GetGroup\",\"parameters\":{\"group\":1}}",
		"Flush\"}",
	};
	const char *call = calls[pick(chaos, ARRAY_COUNT(calls))];
	char text[400];
	unsigned most = stage_jobs(&chaos->stage) + 1;
	size_t n;

	if (most > JOBS_MAX - 200 || stage_groups(&chaos->stage) > FAKE_MAX - 8)
		return;
	n = (size_t)snprintf(text, sizeof(text),
			     "{\"method\":\"org.reeve.jobs.");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text + n, sizeof(text) - n, call, 1 + pick(chaos, most),
		 1 + pick(chaos, most), 1 + pick(chaos, most));
#pragma GCC diagnostic pop
	say(fd, text);
}

/* Whatever came is JSON; only whole lines count. */
static void drain(int fd, bool all)
{
	static char buffer[1 << 20];
	ssize_t n;

	do {
		char *at = buffer, *end;

		n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_PEEK);
		if (n <= 0)
			return;
		while ((end = memchr(at, '\n', (size_t)(buffer + n - at)))) {
			struct json_fault fault;

			assert_int_equal(
				json_check(
					(struct slice){at, (size_t)(end - at)},
					&fault),
				0);
			at = end + 1;
		}
		if (at == buffer)
			return; /* half a line */
		assert_int_equal(recv(fd, buffer, (size_t)(at - buffer), 0),
				 at - buffer);
	} while (all);
}

static void step_client(struct chaos *chaos)
{
	int *fd = &chaos->clients[pick(chaos, CLIENTS)];
	unsigned what;

	if (*fd < 0) {
		*fd = stage_connect(&chaos->stage, "clients");
		return;
	}
	what = pick(chaos, 16);
	if (what == 0) {
		close(*fd);
		*fd = -1;
	} else if (what == 1) {
		shutdown(*fd, SHUT_WR);
	} else if (what == 2) {
		say(*fd, pick(chaos, 3) ? "{\"method\":\"org.x.Y\"}" : "junk");
	} else if (what < 7) {
		ask(chaos, *fd);
	} else if (what < 9) {
		drain(*fd, false);
	} else {
		submit(chaos, *fd);
	}
}

static void step_world(struct chaos *chaos)
{
	struct broker *broker = &chaos->stage.broker;

	switch (pick(chaos, 8)) {
	case 0:
		chaos->writes_held = !chaos->writes_held;
		break;
	case 1:
		chaos->reads_held = !chaos->reads_held;
		break;
	case 2:
		fake_store_fail(chaos->stage.store,
				pick(chaos, 2) ? STORE_E_FULL : -ENOMEM, 1);
		break;
	case 3:
		conns_tick(broker, clock_mono_ns());
		break;
	case 4:
		fleet_tick(broker, clock_mono_ns());
		break;
	default:
		cycle_tick(broker);
		break;
	}
	fake_store_hold(chaos->stage.store, chaos->writes_held,
			chaos->reads_held);
}

static bool all_ended(struct chaos *chaos)
{
	struct store *store = chaos->stage.store;
	bool ended = true;

	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < store->job_count; i++)
		ended = ended && (state_is_end(store->jobs[i].state) ||
				  store->jobs[i].state == STATE_HELD);
	pthread_mutex_unlock(&store->lock);
	return ended;
}

/* The tick tries again what a write that had begun before was refused. */
static bool nothing_gathers(struct stage *stage)
{
	cycle_tick(&stage->broker);
	return writer_idle(&stage->broker.writer) &&
	       batch_empty(stage->broker.gathering);
}

/* Everything works again; whoever lives does its work. */
static void come_to_rest(struct chaos *chaos)
{
	int64_t until_ns = clock_mono_ns() + 60 * INT64_C(1000000000);

	fake_store_fail(chaos->stage.store, 0, 0);
	fake_store_hold(chaos->stage.store, false, false);
	while (!all_ended(chaos) ||
	       fleet_busy(&chaos->stage.broker.fleet) > 0) {
		if (clock_mono_ns() > until_ns)
			fail_msg("some jobs never end");
		for (int i = 0; i < WORKERS; i++) {
			struct actor *worker = &chaos->workers[i];

			hear(chaos, worker);
			if (!worker->id) {
				worker->id = ++chaos->next_worker;
				stage_worker_born(&chaos->stage, worker->id);
				worker->fd = -1;
			}
			if (worker->fd < 0)
				dial(chaos, worker);
			finish(chaos, worker, "none");
		}
		for (int i = 0; i < CLIENTS; i++)
			drain(chaos->clients[i], true);
		stage_turn(&chaos->stage);
		cycle_tick(&chaos->stage.broker);
		fleet_tick(&chaos->stage.broker, clock_mono_ns());
		stage_settle_writer(&chaos->stage);
	}
	stage_until(&chaos->stage, nothing_gathers);
}

/* A connection that waits behind its own call is found by the tick. */
static bool nobody_is_connected(struct stage *stage)
{
	conns_tick(&stage->broker, clock_mono_ns());
	return stage->broker.conns.count == 0;
}

static void check_end(struct chaos *chaos)
{
	struct broker *broker = &chaos->stage.broker;

	for (int i = 0; i < CLIENTS; i++) {
		if (chaos->clients[i] >= 0)
			close(chaos->clients[i]);
	}
	stage_until(&chaos->stage, nobody_is_connected);
	assert_null(broker->waits.jobs);
	assert_null(broker->waits.groups);
	assert_int_equal(broker->follows.fd, -1);
	assert_int_equal(broker->socks.in_bytes, 0);
	for (int i = 0; i < WORKERS; i++) {
		if (chaos->workers[i].fd >= 0)
			close(chaos->workers[i].fd);
	}
}

static void run(uint64_t seed)
{
	static struct chaos chaos;

	chaos = (struct chaos){.seed = seed, .next_worker = LEASES_WORKER};
	for (int i = 0; i < CLIENTS; i++)
		chaos.clients[i] = -1;
	for (int i = 0; i < WORKERS; i++)
		chaos.workers[i].fd = -1;
	stage_begin(&chaos.stage);
	log_init("broker", (enum log_level)0);
	fake_store_group(chaos.stage.store, false);
	stage_start(&chaos.stage);
	stage_announced(&chaos.stage);
	for (int i = 0; i < STEPS; i++) {
		unsigned what = pick(&chaos, 16);

		if (what < 9)
			step_client(&chaos);
		else if (what < 14)
			step_worker(&chaos);
		else
			step_world(&chaos);
		if (pick(&chaos, 3))
			event_base_loop(chaos.stage.broker.base,
					EVLOOP_NONBLOCK);
	}
	come_to_rest(&chaos);
	check_end(&chaos);
	stage_end(&chaos.stage);
}

static uint64_t first_seed, rounds;

UNIT(whatever_they_do_every_job_ends_once_and_nothing_is_left)
{
	for (uint64_t seed = first_seed; seed < first_seed + rounds; seed++) {
		print_message("seed %" PRIu64 "\n", seed);
		run(seed);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			whatever_they_do_every_job_ends_once_and_nothing_is_left),
	};

	first_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 60;
	return cmocka_run_group_tests_name("chaos", tests, NULL, NULL);
}
