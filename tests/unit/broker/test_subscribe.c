/* Subscribe, on the fake store. */

#include "daemon/broker/subscribe.h"

#include "daemon/broker/call.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/unit/broker/stage.h"

#define SUBSCRIBE "org.reeve.events.Subscribe"
#define PAUSE "org.reeve.queues.Pause"
#define RESUME "org.reeve.queues.Resume"

static void listen_for(int fd, const char *params)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"method\":\"" SUBSCRIBE "\",\"more\":true,\"parameters\":"
		 "%s}",
		 params);
	stage_send(fd, text);
}

static const char *read_checked(struct stage *stage, int fd)
{
	return stage_checked(SUBSCRIBE, stage_read(stage, fd));
}

/* A connection that listens from now on; the first reply is read. */
static int listener(struct stage *stage, const char *params)
{
	int fd = stage_client(stage);

	listen_for(fd, params);
	stage_expect(read_checked(stage, fd), "\"events\":[]");
	return fd;
}

static void submit(struct stage *stage, int fd, int count)
{
	for (int i = 0; i < count; i++)
		stage_ask(stage, fd, STAGE_SUBMIT);
}

UNIT(who_listens_is_told_what_is_committed_from_then_on)
{
	struct stage stage;
	int64_t token, job;
	int fd, ear, worker;

	stage_open(&stage);
	fd = stage_client(&stage);
	submit(&stage, fd, 2);
	ear = stage_client(&stage);
	listen_for(ear, "{}");
	stage_expect(read_checked(&stage, ear),
		     "{\"parameters\":{\"events\":[],\"cursor\":3,\"head\":3},"
		     "\"continues\":true}");
	submit(&stage, fd, 1);
	stage_expect(read_checked(&stage, ear), "{\"events\":[{\"seq\":3,");
	worker = stage_worker(&stage, 7);
	stage_expect(read_checked(&stage, ear), "\"kind\":\"worker_up\"");
	job = stage_job(&stage, worker, &token);
	stage_done(worker, job, token);
	stage_expect(read_checked(&stage, ear), "\"kind\":\"started\"");
	stage_expect(read_checked(&stage, ear), "\"kind\":\"finished\"");
	close(ear);
	close(fd);
	close(worker);
	stage_end(&stage);
}

UNIT(who_begins_in_the_past_reads_it_first_and_misses_nothing)
{
	struct stage stage;
	const char *line;
	int fd, ear;

	stage_open(&stage);
	fd = stage_client(&stage);
	submit(&stage, fd, 5);
	fake_store_hold(stage.store, false, true);
	ear = stage_client(&stage);
	listen_for(ear, "{\"since\":2}");
	stage_turn(&stage);
	/* Committed while it reads: neither twice nor not at all. */
	submit(&stage, fd, 1);
	fake_store_hold(stage.store, false, false);
	line = read_checked(&stage, ear);
	stage_expect(line, "{\"events\":[{\"seq\":2,");
	assert_null(strstr(line, "\"seq\":1,"));
	if (!strstr(line, "\"cursor\":7"))
		line = read_checked(&stage, ear);
	stage_expect(line, "{\"seq\":6,");
	stage_expect(line, "\"cursor\":7");
	submit(&stage, fd, 1);
	stage_expect(read_checked(&stage, ear), "{\"events\":[{\"seq\":7,");
	close(ear);
	close(fd);
	stage_end(&stage);
}

UNIT(without_more_there_is_one_batch)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, SUBSCRIBE, "{}"),
		     "{\"events\":[],\"cursor\":1,\"head\":1}}");
	submit(&stage, fd, 5);
	line = stage_call(&stage, fd, SUBSCRIBE, "{\"since\":0}");
	stage_expect(line, "{\"events\":[{\"seq\":1,");
	stage_expect(line, "\"cursor\":6,\"head\":6}}");
	line = stage_call(&stage, fd, SUBSCRIBE, "{\"since\":-2}");
	stage_expect(line, "{\"events\":[{\"seq\":4,");
	stage_expect(stage_call(&stage, fd, SUBSCRIBE, "{\"since\":6}"),
		     "{\"events\":[],\"cursor\":6,\"head\":6}}");
	stage_expect(stage_call(&stage, fd, SUBSCRIBE,
				"{\"since\":1,\"jobs\":[4,2]}"),
		     "{\"events\":[{\"seq\":2,");
	stage_expect(stage_call(&stage, fd, SUBSCRIBE,
				"{\"since\":1,\"queue\":\"none\"}"),
		     "{\"events\":[],\"cursor\":6");
	stage_expect(stage_call(&stage, fd, SUBSCRIBE, "{\"since_ms\":0}"),
		     "{\"events\":[{\"seq\":1,");
	stage_expect(stage_call(&stage, fd, SUBSCRIBE,
				"{\"since_ms\":9000000000000000}"),
		     "{\"events\":[],\"cursor\":6");
	assert_int_equal(stage.broker.subscribe.count, 0);
	close(fd);
	stage_end(&stage);
}

UNIT(what_is_gone_or_to_come_is_no_beginning)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	submit(&stage, fd, 5);
	stage.store->oldest_event = 4;
	stage_expect(stage_call(&stage, fd, SUBSCRIBE, "{\"since\":3}"),
		     "CursorTooOld\",\"parameters\":{\"oldest\":4,");
	stage_expect(stage_call(&stage, fd, SUBSCRIBE, "{\"since\":0}"),
		     "{\"events\":[{\"seq\":4,");
	stage_expect(stage_call(&stage, fd, SUBSCRIBE, "{\"since\":7}"),
		     "\"parameter\":\"since\"");
	listen_for(fd, "{\"since\":3}");
	stage_expect(stage_read(&stage, fd), "CursorTooOld");
	assert_int_equal(stage.broker.subscribe.count, 0);
	fake_store_hold(stage.store, false, true);
	stage.store->fail_reads = STORE_E_IO;
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_call(&stage, fd, SUBSCRIBE, "{\"since\":4}"),
		     "StorageFailed");
	close(fd);
	stage_end(&stage);
}

UNIT(each_gets_what_he_asked_for)
{
	struct stage stage;
	int fd, all, job, queue, kind;

	stage_open(&stage);
	fd = stage_client(&stage);
	all = listener(&stage, "{}");
	job = listener(&stage, "{\"jobs\":[2]}");
	queue = listener(&stage, "{\"queue\":\"img\"}");
	kind = listener(&stage, "{\"kinds\":[\"failed\",\"queue_paused\"]}");
	submit(&stage, fd, 2);
	stage_call(&stage, fd, "org.reeve.jobs.SubmitMany",
		   "{\"jobs\":[{\"argv\":[\"a\"]},{\"argv\":[\"a\"],\"queue\":"
		   "\"img\"},{\"argv\":[\"a\"]},{\"argv\":[\"a\"],\"queue\":"
		   "\"img\"}]}");
	stage_expect(read_checked(&stage, all), "\"job\":1,");
	stage_expect(read_checked(&stage, all), "\"job\":2,");
	stage_expect(read_checked(&stage, all), "\"cursor\":7,\"head\":7");
	stage_expect(read_checked(&stage, job), "\"job\":2,");
	assert_true(stage_silent(&stage, job));
	stage_expect(read_checked(&stage, queue),
		     "\"job\":4,\"queue\":\"img\"},{\"seq\":6,");
	assert_true(stage_silent(&stage, kind));
	stage_call(&stage, fd, PAUSE, "{\"name\":\"default\"}");
	stage_expect(read_checked(&stage, kind),
		     "\"kind\":\"queue_paused\",\"queue\":\"default\"");
	assert_true(stage_silent(&stage, queue));
	for (int i = 0; i < 4; i++)
		close((int[]){all, job, queue, kind}[i]);
	close(fd);
	stage_end(&stage);
}

UNIT(queues_and_workers_are_told_of_without_a_number)
{
	struct stage stage;
	const char *line;
	int64_t token, job;
	int fd, ear, worker;

	stage_open(&stage);
	fd = stage_client(&stage);
	submit(&stage, fd, 1);
	ear = listener(&stage,
		       "{\"kinds\":[\"queue_paused\",\"queue_resumed\","
		       "\"queue_empty\",\"worker_up\",\"worker_down\"]}");
	stage_call(&stage, fd, PAUSE, "{\"name\":\"default\"}");
	stage_call(&stage, fd, PAUSE, "{\"name\":\"default\"}");
	line = read_checked(&stage, ear);
	stage_expect(line, "{\"events\":[{\"seq\":1,");
	stage_expect(line,
		     "queue_paused\",\"queue\":\"default\"}],\"cursor\":2");
	stage_call(&stage, fd, RESUME, "{\"name\":\"default\"}");
	stage_expect(read_checked(&stage, ear), "queue_resumed");
	worker = stage_worker(&stage, 7);
	line = read_checked(&stage, ear);
	stage_expect(line, "worker_up");
	stage_expect(line, "\"detail\":{\"worker\":7,\"pool\":\"exec\"");
	job = stage_job(&stage, worker, &token);
	stage_done(worker, job, token);
	line = read_checked(&stage, ear);
	stage_expect(line, "{\"seq\":3,");
	stage_expect(line, "queue_empty\",\"queue\":\"default\"");
	worker = stage_redial(&stage, worker, 7, NULL);
	assert_true(stage_silent(&stage, ear));
	close(worker);
	stage_worker_died(&stage, 7, 9);
	stage_expect(read_checked(&stage, ear), "worker_down");
	close(ear);
	close(fd);
	stage_end(&stage);
}

static void submit_many(struct stage *stage, int fd, int count)
{
	struct json_out out = {0};

	json_out_append(&out, SLICE("{\"method\":\"org.reeve.jobs.SubmitMany\","
				    "\"parameters\":{\"jobs\":["));
	for (int i = 0; i < count; i++)
		json_out_append(&out, i ? SLICE(",{\"argv\":[\"a\"]}")
					: SLICE("{\"argv\":[\"a\"]}"));
	json_out_append(&out, SLICE("]}}"));
	json_out_byte(&out, 0);
	stage_ask(stage, fd, out.p);
	json_out_fini(&out);
}

/* All replies up to the event with this number; each number once, in order. */
static void read_up_to(struct stage *stage, int fd, int64_t *seq, int64_t last)
{
	while (*seq < last) {
		const char *at = stage_read(stage, fd);

		assert_non_null(at);
		while ((at = strstr(at, "{\"seq\":"))) {
			assert_int_equal(strtoll(at + 7, NULL, 10), *seq + 1);
			++*seq;
			at++;
		}
	}
}

static struct sock *sock_of_listener(struct stage *stage)
{
	struct conn *conn;

	TAILQ_FOREACH (conn, &stage->broker.conns.list, link) {
		struct call *call = TAILQ_FIRST(&conn->calls);

		if (call && strcmp(call->method->name, SUBSCRIBE) == 0)
			return &conn->sock;
	}
	return NULL;
}

UNIT(a_batch_with_very_many_is_read_from_the_store)
{
	struct stage stage;
	int64_t seq = 0;
	int fd, ear;

	stage_open(&stage);
	fd = stage_client(&stage);
	ear = listener(&stage, "{}");
	submit_many(&stage, fd, STORE_EVENTS_TOLD + 100);
	read_up_to(&stage, ear, &seq, STORE_EVENTS_TOLD + 100);
	submit(&stage, fd, 1);
	read_up_to(&stage, ear, &seq, STORE_EVENTS_TOLD + 101);
	close(ear);
	close(fd);
	stage_end(&stage);
}

UNIT(who_does_not_read_costs_little_and_gets_all_when_he_does)
{
	enum { ROUNDS = 8, MANY = 2000 };
	struct stage stage;
	int64_t seq = 0;
	int fd, ear;

	stage_open(&stage);
	fd = stage_client(&stage);
	ear = listener(&stage, "{}");
	for (int i = 0; i < ROUNDS; i++)
		submit_many(&stage, fd, MANY);
	stage_settle(&stage);
	assert_in_range(sock_unsent(sock_of_listener(&stage)), 1, 256 * 1024);
	read_up_to(&stage, ear, &seq, ROUNDS * MANY);
	submit(&stage, fd, 1);
	read_up_to(&stage, ear, &seq, ROUNDS * MANY + 1);
	close(ear);
	close(fd);
	stage_end(&stage);
}

static bool is_stuck(struct stage *stage)
{
	struct sock *sock = sock_of_listener(stage);

	return sock && sock_unsent(sock) >= 128 * 1024;
}

/* As if more had happened than the fake store holds. */
static void as_if(struct stage *stage, int64_t more)
{
	struct store *store = stage->store;
	size_t count = store->event_count + (size_t)more;

	pthread_mutex_lock(&store->lock);
	store->events = reallocarray(store->events, count,
				     sizeof(*store->events));
	assert_non_null(store->events);
	store->event_room = count;
	for (size_t i = store->event_count; i < count; i++) {
		store->events[i] = store->events[0];
		store->events[i].seq = (int64_t)i + 1;
	}
	store->event_count = count;
	pthread_mutex_unlock(&store->lock);
	stage->broker.subscribe.head = (int64_t)count + 1;
}

UNIT(who_was_up_to_date_and_fell_far_behind_is_told_what_he_lost)
{
	struct stage stage;
	const char *line;
	int64_t head;
	int fd, ear;

	stage_open(&stage);
	fd = stage_client(&stage);
	ear = listener(&stage, "{}");
	submit_many(&stage, fd, 8000);
	stage_until(&stage, is_stuck);
	as_if(&stage, LIMIT_EVENTS_BEHIND);
	submit(&stage, fd, 1);
	head = LIMIT_EVENTS_BEHIND + 8002;
	do {
		line = read_checked(&stage, ear);
	} while (!strstr(line, "\"lost\""));
	assert_int_equal(stage_number(line, "to"), head - 1);
	assert_int_equal(stage_number(line, "seq"),
			 stage_number(line, "from") - 1);
	assert_int_equal(stage_number(line, "cursor"), head);
	submit(&stage, fd, 1);
	stage_expect(read_checked(&stage, ear),
		     "{\"events\":[{\"seq\":108002,");
	close(ear);
	close(fd);
	stage_end(&stage);
}

UNIT(who_asked_for_the_past_gets_all_of_it_however_slowly)
{
	struct stage stage;
	int64_t seq = 0;
	int fd, ear;

	stage_open(&stage);
	fd = stage_client(&stage);
	submit(&stage, fd, 1);
	as_if(&stage, LIMIT_EVENTS_BEHIND * 3 / 2);
	ear = stage_client(&stage);
	listen_for(ear, "{\"since\":1}");
	stage_settle(&stage);
	submit(&stage, fd, 1);
	read_up_to(&stage, ear, &seq, LIMIT_EVENTS_BEHIND * 3 / 2 + 2);
	close(ear);
	close(fd);
	stage_end(&stage);
}

UNIT(what_is_purged_before_he_reads_it_is_lost)
{
	struct stage stage;
	const char *line;
	int fd, ear;

	stage_open(&stage);
	fd = stage_client(&stage);
	submit(&stage, fd, 1);
	as_if(&stage, 50000);
	ear = stage_client(&stage);
	listen_for(ear, "{\"since\":1}");
	stage_until(&stage, is_stuck);
	fake_store_hold(stage.store, false, true);
	stage.store->oldest_event = 49000;
	fake_store_hold(stage.store, false, false);
	do {
		line = stage_read(&stage, ear);
		assert_non_null(line);
	} while (!strstr(line, "\"lost\""));
	assert_int_equal(stage_number(line, "to"), 48999);
	stage_expect(line, "{\"seq\":49000,");
	close(ear);
	close(fd);
	stage_end(&stage);
}

UNIT(who_asks_for_little_learns_now_and_then_how_far_he_is)
{
	struct stage stage;
	int fd, ear;

	stage_open(&stage);
	fd = stage_client(&stage);
	ear = listener(&stage, "{\"kinds\":[\"removed\"]}");
	submit_many(&stage, fd, 3000);
	assert_true(stage_silent(&stage, ear));
	submit_many(&stage, fd, 3000);
	stage_expect(read_checked(&stage, ear),
		     "{\"events\":[],\"cursor\":6001");
	close(ear);
	close(fd);
	stage_end(&stage);
}

UNIT(there_is_an_end_to_how_many_may_listen)
{
	struct stage stage;
	int ears[LIMIT_SUBSCRIPTIONS];
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	for (int i = 0; i < LIMIT_SUBSCRIPTIONS; i++)
		ears[i] = listener(&stage, "{}");
	listen_for(fd, "{}");
	stage_expect(stage_read(&stage, fd), "TooManySubscriptions");
	stage_call(&stage, fd, SUBSCRIBE, "{\"since\":0}");
	close(ears[0]);
	stage_turn(&stage);
	conns_tick(&stage.broker, 1);
	assert_int_equal(stage.broker.subscribe.count, LIMIT_SUBSCRIPTIONS - 1);
	listen_for(fd, "{}");
	stage_expect(read_checked(&stage, fd), "\"events\":[]");
	for (int i = 1; i < LIMIT_SUBSCRIPTIONS; i++)
		close(ears[i]);
	close(fd);
	stage_end(&stage);
}

UNIT(who_leaves_while_it_is_read_for_him_is_forgotten)
{
	struct stage stage;
	int fd, ear;

	stage_open(&stage);
	fd = stage_client(&stage);
	submit(&stage, fd, 3);
	fake_store_hold(stage.store, false, true);
	ear = stage_client(&stage);
	listen_for(ear, "{\"since\":1}");
	stage_turn(&stage);
	assert_int_equal(stage.broker.subscribe.count, 1);
	close(ear);
	stage_turn(&stage);
	conns_tick(&stage.broker, 1);
	assert_int_equal(stage.broker.subscribe.count, 0);
	fake_store_hold(stage.store, false, false);
	submit(&stage, fd, 1);
	stage_settle(&stage);
	close(fd);
	stage_end(&stage);
}

UNIT(nobody_is_told_of_a_batch_that_failed)
{
	struct stage stage;
	int fd, ear;

	stage_open(&stage);
	fd = stage_client(&stage);
	ear = listener(&stage, "{}");
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	stage_expect(stage_ask(&stage, fd, STAGE_SUBMIT), "StorageFailed");
	assert_true(stage_silent(&stage, ear));
	close(ear);
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			who_listens_is_told_what_is_committed_from_then_on),
		cmocka_unit_test(
			who_begins_in_the_past_reads_it_first_and_misses_nothing),
		cmocka_unit_test(without_more_there_is_one_batch),
		cmocka_unit_test(what_is_gone_or_to_come_is_no_beginning),
		cmocka_unit_test(each_gets_what_he_asked_for),
		cmocka_unit_test(
			queues_and_workers_are_told_of_without_a_number),
		cmocka_unit_test(a_batch_with_very_many_is_read_from_the_store),
		cmocka_unit_test(
			who_does_not_read_costs_little_and_gets_all_when_he_does),
		cmocka_unit_test(
			who_was_up_to_date_and_fell_far_behind_is_told_what_he_lost),
		cmocka_unit_test(
			who_asked_for_the_past_gets_all_of_it_however_slowly),
		cmocka_unit_test(what_is_purged_before_he_reads_it_is_lost),
		cmocka_unit_test(
			who_asks_for_little_learns_now_and_then_how_far_he_is),
		cmocka_unit_test(there_is_an_end_to_how_many_may_listen),
		cmocka_unit_test(
			who_leaves_while_it_is_read_for_him_is_forgotten),
		cmocka_unit_test(nobody_is_told_of_a_batch_that_failed),
	};

	return cmocka_run_group_tests_name("subscribe", tests, NULL, NULL);
}
