#include "tests/helper/rights.h"
#include "tests/unit/broker/stage.h"

#include "daemon/broker/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "proto/limits.h"

#define SUBMIT                                                                 \
	"{\"method\":\"org.reeve.jobs.Submit\","                               \
	"\"parameters\":{\"job\":{\"argv\":[\"true\"]}}}"
#define ONEWAY                                                                 \
	"{\"method\":\"org.reeve.jobs.Submit\",\"oneway\":true,"               \
	"\"parameters\":{\"job\":{\"argv\":[\"true\"]}}}"
#define SUBMIT_MORE                                                            \
	"{\"method\":\"org.reeve.jobs.Submit\",\"more\":true,"                 \
	"\"parameters\":{\"job\":{\"argv\":[\"true\"]}}}"
#define PING "{\"method\":\"org.reeve.admin.Ping\"}"
#define WAIT "{\"method\":\"org.reeve.jobs.Wait\",\"parameters\":{\"ids\":[1]}}"
#define SHUTDOWN "{\"method\":\"org.reeve.admin.Shutdown\"}"
#define SECOND_NS INT64_C(1000000000)

static struct conn *first_conn(struct stage *stage)
{
	return TAILQ_FIRST(&stage->broker.conns.list);
}

static bool no_conns(struct stage *stage)
{
	return stage->broker.conns.count == 0;
}

static bool store_is_behind(struct stage *stage)
{
	return cycle_behind(&stage->broker);
}

/* Write all of it, however often the loop has to turn for it. */
static void send_big(struct stage *stage, int fd, const char *p, size_t n)
{
	int64_t until_ns = clock_mono_ns() + 60 * SECOND_NS;

	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EPIPE)
			return;
		if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		}
		assert_true(clock_mono_ns() < until_ns);
		stage_turn(stage);
	}
}

/* A call with a long string in it; the caller frees it. */
static char *big_call(const char *head, size_t bytes, const char *tail)
{
	char *call = calloc(1, bytes + 400);

	if (!call)
		abort();
	strcpy(call, head);
	memset(call + strlen(head), 'x', bytes);
	strcat(call, tail);
	return call;
}

#define BIG_PING(bytes)                                                        \
	big_call("{\"method\":\"org.reeve.admin.Ping\",\"parameters\":"        \
		 "{\"payload\":\"",                                            \
		 bytes, "\"}}\n")

UNIT(submissions_in_one_write_share_a_commit_and_keep_their_order)
{
	struct stage stage;
	int fd, writes;

	stage_open(&stage);
	fd = stage_client(&stage);
	writes = stage.store->writes;
	stage_send(fd, SUBMIT "\n" SUBMIT "\n" PING "\n" SUBMIT);
	stage_expect(stage_read(&stage, fd), "\"id\":1");
	stage_expect(stage_read(&stage, fd), "\"id\":2");
	stage_expect(stage_read(&stage, fd), "\"now_ms\"");
	stage_expect(stage_read(&stage, fd), "\"id\":3");
	assert_int_equal(stage.store->writes - writes, 2);
	close(fd);
	stage_end(&stage);
}

UNIT(what_came_before_the_half_close_is_answered)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_send(fd, SUBMIT "\n" PING "\n" SUBMIT);
	shutdown(fd, SHUT_WR);
	stage_expect(stage_read(&stage, fd), "\"id\":1");
	stage_expect(stage_read(&stage, fd), "\"now_ms\"");
	stage_expect(stage_read(&stage, fd), "\"id\":2");
	stage_closed(&stage, fd);
	stage_until(&stage, no_conns);
	stage_end(&stage);
}

UNIT(replies_beyond_the_unsent_limit_are_not_forgotten_at_the_half_close)
{
	enum { PINGS = 22, BYTES = 64 * 1024 };
	char *call = BIG_PING(BYTES);
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	for (int i = 0; i < PINGS; i++)
		send_big(&stage, fd, call, strlen(call));
	shutdown(fd, SHUT_WR);
	stage_turn(&stage);
	for (int i = 0; i < PINGS; i++)
		stage_expect(stage_read(&stage, fd), "xxx");
	stage_closed(&stage, fd);
	free(call);
	stage_end(&stage);
}

/* Hold the writer and fill the gathering batch up to its limit. */
static int fall_behind(struct stage *stage)
{
	enum { BYTES = 900 * 1024 };
	char *call = big_call("{\"method\":\"org.reeve.jobs.Submit\","
			      "\"oneway\":true,\"parameters\":{\"job\":"
			      "{\"argv\":[\"true\"],\"stdin\":\"",
			      BYTES, "\"}}}\n");
	int fd = stage_client(stage);

	fake_store_hold(stage->store, true, false);
	for (int i = 0; i < 20 && !store_is_behind(stage); i++)
		send_big(stage, fd, call, strlen(call));
	assert_true(store_is_behind(stage));
	free(call);
	return fd;
}

UNIT(a_half_close_while_the_store_is_behind_is_answered_later)
{
	struct stage stage;
	int fd, behind;

	stage_open(&stage);
	behind = fall_behind(&stage);
	fd = stage_client(&stage);
	stage_send(fd, SUBMIT);
	shutdown(fd, SHUT_WR);
	assert_true(stage_silent(&stage, fd));
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_read(&stage, fd), "\"id\":");
	stage_closed(&stage, fd);
	close(behind);
	stage_end(&stage);
}

UNIT(oneway_submissions_of_a_client_that_left_are_all_taken)
{
	enum { JOBS = 3000 };
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	for (int i = 0; i < JOBS; i++)
		send_big(&stage, fd, ONEWAY "\n", sizeof(ONEWAY "\n") - 1);
	close(fd);
	stage_until(&stage, no_conns);
	stage_settle(&stage);
	assert_int_equal(stage.store->job_count, JOBS);
	stage_end(&stage);
}

UNIT(a_client_that_leaves_before_the_commit_leaves_its_job)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fake_store_hold(stage.store, true, false);
	fd = stage_client(&stage);
	stage_send(fd, SUBMIT_MORE);
	stage_turn(&stage);
	close(fd);
	stage_until(&stage, no_conns);
	fake_store_hold(stage.store, false, false);
	stage_settle(&stage);
	assert_int_equal(stage.store->job_count, 1);
	/* Its end finds nobody. */
	fd = stage_client(&stage);
	stage_ask(&stage, fd,
		  "{\"method\":\"org.reeve.jobs.Cancel\",\"parameters\":"
		  "{\"filter\":{\"all\":true}}}");
	close(fd);
	stage_end(&stage);
}

UNIT(a_wait_ends_when_its_client_closes)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_ask(&stage, fd, SUBMIT);
	stage_send(fd, WAIT);
	assert_true(stage_silent(&stage, fd));
	close(fd);
	stage_until(&stage, no_conns);
	assert_null(stage.broker.waits.jobs);
	stage_end(&stage);
}

UNIT(a_paused_connection_behind_a_wait_is_found_closed_by_the_tick)
{
	char big[3 * LIMIT_INLINE_OUTPUT_BYTES] = {0};
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_ask(&stage, fd, SUBMIT);
	stage_send(fd, WAIT);
	memset(big, ' ', sizeof(big) - 1);
	for (int i = 0; i < 10; i++)
		send_big(&stage, fd, big, sizeof(big) - 1);
	assert_true(first_conn(&stage)->sock.paused);
	close(fd);
	conns_tick(&stage.broker, clock_mono_ns());
	assert_true(no_conns(&stage));
	stage_end(&stage);
}

UNIT(a_bad_frame_waits_for_the_answers_before_it)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	assert_int_equal(send(fd, SUBMIT "\n\0{}\n", sizeof(SUBMIT) + 4, 0),
			 sizeof(SUBMIT) + 4);
	stage_expect(stage_read(&stage, fd), "\"id\":1");
	stage_expect(stage_read(&stage, fd), "BadMessage");
	stage_closed(&stage, fd);
	stage_end(&stage);
}

UNIT(a_message_that_is_too_large_is_answered_and_closed)
{
	char text[2000];
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	first_conn(&stage)->frame.max_bytes = 1000;
	memset(text, '1', sizeof(text));
	stage_send(fd, PING);
	send_big(&stage, fd, text, sizeof(text));
	stage_expect(stage_read(&stage, fd), "now_ms");
	stage_expect(stage_read(&stage, fd), "TooLarge");
	stage_closed(&stage, fd);
	stage_end(&stage);
}

UNIT(descriptors_are_closed_and_refused_in_their_turn)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fake_store_hold(stage.store, true, false);
	fd = stage_client(&stage);
	stage_send(fd, SUBMIT);
	stage_turn(&stage);
	send_rights(fd, PING "\n", 0, 1);
	assert_true(stage_silent(&stage, fd));
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_read(&stage, fd), "\"id\":1");
	stage_expect(stage_read(&stage, fd), "descriptors");
	assert_int_equal(stage.broker.socks.room.used, 0);
	stage_expect(stage_ask(&stage, fd, PING), "now_ms");
	close(fd);
	stage_end(&stage);
}

UNIT(half_a_message_is_given_ten_seconds)
{
	struct stage stage;
	int64_t now_ns;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_ask(&stage, fd, PING);
	send_big(&stage, fd, "{\"method\":", 10);
	now_ns = clock_mono_ns();
	conns_tick(&stage.broker, now_ns + 9 * SECOND_NS);
	assert_true(stage_silent(&stage, fd));
	conns_tick(&stage.broker, now_ns + 11 * SECOND_NS);
	stage_expect(stage_read(&stage, fd), "BadMessage");
	stage_closed(&stage, fd);
	stage_end(&stage);
}

UNIT(half_a_message_behind_a_submission_does_not_lose_its_answer)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fake_store_hold(stage.store, true, false);
	fd = stage_client(&stage);
	stage_send(fd, SUBMIT "\n{\"method\":");
	stage_turn(&stage);
	conns_tick(&stage.broker, clock_mono_ns() + 11 * SECOND_NS);
	assert_true(stage_silent(&stage, fd));
	fake_store_hold(stage.store, false, false);
	stage_expect(stage_read(&stage, fd), "\"id\":1");
	conns_tick(&stage.broker, clock_mono_ns() + 22 * SECOND_NS);
	stage_expect(stage_read(&stage, fd), "BadMessage");
	stage_closed(&stage, fd);
	stage_end(&stage);
}

UNIT(a_client_that_reads_nothing_is_closed_after_a_minute)
{
	enum { BYTES = 1024 * 1024 };
	char *call = BIG_PING(BYTES);
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	send_big(&stage, fd, call, strlen(call));
	stage_turn(&stage);
	conns_tick(&stage.broker, clock_mono_ns() + 59 * SECOND_NS);
	assert_false(no_conns(&stage));
	conns_tick(&stage.broker, clock_mono_ns() + 61 * SECOND_NS);
	assert_true(no_conns(&stage));
	close(fd);
	free(call);
	stage_end(&stage);
}

UNIT(no_more_than_the_limit_of_calls_is_taken_ahead)
{
	enum { JOBS = LIMIT_CALLS_PER_CONNECTION + 500 };
	struct stage stage;
	int fd;

	stage_open(&stage);
	fake_store_hold(stage.store, true, false);
	fd = stage_client(&stage);
	for (int i = 0; i < JOBS; i++)
		send_big(&stage, fd, SUBMIT "\n", sizeof(SUBMIT));
	assert_int_equal(first_conn(&stage)->call_count,
			 LIMIT_CALLS_PER_CONNECTION);
	fake_store_hold(stage.store, false, false);
	for (int i = 1; i <= JOBS; i++)
		assert_int_equal(stage_number(stage_read(&stage, fd), "id"), i);
	close(fd);
	stage_end(&stage);
}

UNIT(whoever_begins_with_nul_gets_nul)
{
	struct stage stage;
	char reply[4096];
	ssize_t n;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	send_big(&stage, fd, PING, sizeof(PING));
	n = recv(fd, reply, sizeof(reply), 0);
	assert_true(n > 0 && reply[n - 1] == 0);
	assert_non_null(strstr(reply, "now_ms"));
	close(fd);
	stage_end(&stage);
}

UNIT(one_connection_too_many_is_told)
{
	struct stage stage;
	char reply[512];
	int fd, other;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage.broker.conns.count = LIMIT_CONNECTIONS_PER_USER;
	/* stage_client() waits for the count, which must not grow. */
	other = stage_connect(&stage, "clients");
	stage_turn(&stage);
	assert_true(recv(other, reply, sizeof(reply), 0) > 0);
	stage_expect(reply, "TooManyConnections");
	assert_int_equal(recv(other, reply, sizeof(reply), 0), 0);
	stage.broker.conns.count = 1;
	close(other);
	close(fd);
	stage_end(&stage);
}

UNIT(a_shutdown_behind_a_half_close_answers_and_tells_the_supervisor)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_send(fd, SUBMIT "\n" SHUTDOWN);
	shutdown(fd, SHUT_WR);
	stage_expect(stage_read(&stage, fd), "\"id\":1");
	stage_expect(stage_read(&stage, fd), "{\"parameters\":{}}");
	stage_closed(&stage, fd);
	assert_int_equal(stage_heard(&stage, CHANNEL_SHUTDOWN).stop,
			 STOP_LEAVE);
	stage_end(&stage);
}

UNIT(a_reply_that_was_flushed_early_leaves_once)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_ask(&stage, fd, SHUTDOWN), "{\"parameters\":{}}");
	assert_true(stage_silent(&stage, fd));
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			submissions_in_one_write_share_a_commit_and_keep_their_order),
		cmocka_unit_test(what_came_before_the_half_close_is_answered),
		cmocka_unit_test(
			replies_beyond_the_unsent_limit_are_not_forgotten_at_the_half_close),
		cmocka_unit_test(
			a_half_close_while_the_store_is_behind_is_answered_later),
		cmocka_unit_test(
			oneway_submissions_of_a_client_that_left_are_all_taken),
		cmocka_unit_test(
			a_client_that_leaves_before_the_commit_leaves_its_job),
		cmocka_unit_test(a_wait_ends_when_its_client_closes),
		cmocka_unit_test(
			a_paused_connection_behind_a_wait_is_found_closed_by_the_tick),
		cmocka_unit_test(a_bad_frame_waits_for_the_answers_before_it),
		cmocka_unit_test(
			a_message_that_is_too_large_is_answered_and_closed),
		cmocka_unit_test(
			descriptors_are_closed_and_refused_in_their_turn),
		cmocka_unit_test(half_a_message_is_given_ten_seconds),
		cmocka_unit_test(
			half_a_message_behind_a_submission_does_not_lose_its_answer),
		cmocka_unit_test(
			a_client_that_reads_nothing_is_closed_after_a_minute),
		cmocka_unit_test(
			no_more_than_the_limit_of_calls_is_taken_ahead),
		cmocka_unit_test(whoever_begins_with_nul_gets_nul),
		cmocka_unit_test(one_connection_too_many_is_told),
		cmocka_unit_test(
			a_shutdown_behind_a_half_close_answers_and_tells_the_supervisor),
		cmocka_unit_test(a_reply_that_was_flushed_early_leaves_once),
	};

	return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
