#include "tests/unit/broker/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sha256.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/advance_tell.h"
#include "daemon/broker/call.h"
#include "daemon/broker/recover.h"
#include "proto/limits.h"

#define PATIENCE_NS (60 * INT64_C(1000000000))

static int listen_at(const struct stage *stage, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
		 stage->directory, name);
	assert_true(fd >= 0);
	assert_return_code(
		bind(fd, (const struct sockaddr *)&address, sizeof(address)),
		errno);
	assert_return_code(listen(fd, 128), errno);
	return fd;
}

int stage_connect(const struct stage *stage, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s",
		 stage->directory, name);
	assert_true(fd >= 0);
	assert_return_code(
		connect(fd, (const struct sockaddr *)&address, sizeof(address)),
		errno);
	return fd;
}

static void make_folder(const struct stage *stage, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", stage->directory, name);
	assert_return_code(mkdir(path, 0700), errno);
}

void stage_begin(struct stage *stage)
{
	struct broker *broker = &stage->broker;
	int ends[2];

	*stage = (struct stage){0};
	strcpy(stage->directory, "/tmp/reeve-broker-XXXXXX");
	assert_non_null(mkdtemp(stage->directory));
	make_folder(stage, "results");
	make_folder(stage, "output");
	snprintf(stage->config.state_dir, sizeof(stage->config.state_dir), "%s",
		 stage->directory);
	snprintf(stage->config.socket, sizeof(stage->config.socket),
		 "%s/clients", stage->directory);
	stage->config.workers = 2;
	stage->config.grace_ms = 10000;
	stage->config.crash_limit = 3;
	log_init("broker", LOG_ERROR);

	stage->store = fake_store_new();
	assert_int_equal(channel_pair(ends), 0);
	stage->supervisor = ends[0];
	broker->config = &stage->config;
	broker->base = event_base_new();
	broker->write_store = broker->read_store = stage->store;
	broker->since_ms = clock_wall_ms();
	broker->purge_at_ns = INT64_MAX;
	sched_init(&broker->sched);
	lanes_init(&broker->lanes, &broker->sched);
	broker->lanes.queues = &broker->queues;
	rooms_init(&broker->rooms);
	drains_init(&broker->drains);
	reserves_init(&broker->reserves);
	follows_init(broker);
	subscribe_init(&broker->subscribe);
	config_link_init(&broker->config_link);
	assert_int_equal(pools_init(broker), 0);
	assert_int_equal(sock_loop_init(&broker->socks, broker->base), 0);
	assert_int_equal(cycle_init(broker), 0);
	assert_int_equal(link_init(broker, ends[1]), 0);
	assert_int_equal(fleet_init(broker, listen_at(stage, "workers")), 0);
	assert_int_equal(conns_init(broker, listen_at(stage, "clients"), 1), 0);
}

void stage_start(struct stage *stage)
{
	struct broker *broker = &stage->broker;

	assert_int_equal(recover(broker), 0);
	assert_int_equal(writer_start(&broker->writer, broker->base,
				      broker->write_store, cycle_finished,
				      broker),
			 0);
	assert_int_equal(
		reader_start(&broker->reader, broker->base, broker->read_store),
		0);
	/* A disk that was slow: the loop never commits by itself, so that a
	 * test may hold the writer. */
	broker->writer.slow_ns = INT64_MAX / 2;
	fleet_listen(broker);
	conns_listen(broker, true);
}

void stage_open(struct stage *stage)
{
	stage_begin(stage);
	stage_start(stage);
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void stage_end(struct stage *stage)
{
	struct broker *broker = &stage->broker;
	int workers_fd = broker->fleet.listen_fd;
	int clients_fd = event_get_fd(broker->conns.listeners[0]);

	fake_store_hold(stage->store, false, false);
	conns_listen(broker, false);
	writer_stop(&broker->writer);
	reader_stop(&broker->reader);
	conns_fini(broker);
	if (broker->stop_call)
		call_release(broker->stop_call);
	cycle_fini(broker);
	carry_fini(broker);
	fleet_fini(broker);
	reserves_fini(&broker->reserves);
	leases_fini(&broker->leases);
	/* Descriptors of clients: none is left anywhere. */
	require(!broker->socks.room.used);
	waits_fini(&broker->waits);
	follows_fini(broker);
	advance_tell_fini(broker);
	subscribe_fini(&broker->subscribe);
	lanes_fini(&broker->lanes);
	pools_fini(broker);
	queues_fini(&broker->queues);
	defaults_fini(&broker->defaults);
	sched_fini(&broker->sched);
	link_fini(broker);
	config_link_fini(&broker->config_link);
	free(broker->callback_rules);
	free(broker->callback_queues);
	sock_loop_fini(&broker->socks);
	json_out_fini(&broker->scratch);
	event_base_free(broker->base);
	close(workers_fd);
	close(clients_fd);
	close(stage->supervisor);
	fake_store_free(stage->store);
	nftw(stage->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- Time ---- */

void stage_turn(struct stage *stage)
{
	/* What one event makes ready is ready in the next round. */
	for (int i = 0; i < 8; i++)
		event_base_loop(stage->broker.base, EVLOOP_NONBLOCK);
}

static void on_guard(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* One event, whichever, or a hundredth of a second. */
static void wait_some(struct stage *stage)
{
	const struct timeval hundredth = {.tv_usec = 10000};
	struct event *guard = event_new(stage->broker.base, -1, 0, on_guard,
					NULL);

	assert_non_null(guard);
	event_add(guard, &hundredth);
	event_base_loop(stage->broker.base, EVLOOP_ONCE);
	event_free(guard);
}

void stage_until(struct stage *stage, bool (*holds)(struct stage *))
{
	int64_t until_ns = clock_mono_ns() + PATIENCE_NS;

	while (!holds(stage)) {
		assert_true(clock_mono_ns() < until_ns);
		wait_some(stage);
	}
}

static bool is_settled(struct stage *stage)
{
	return writer_idle(&stage->broker.writer) &&
	       batch_empty(stage->broker.gathering);
}

void stage_settle(struct stage *stage)
{
	stage_turn(stage);
	stage_until(stage, is_settled);
	stage_turn(stage);
}

static bool is_idle(struct stage *stage)
{
	return writer_idle(&stage->broker.writer);
}

void stage_settle_writer(struct stage *stage)
{
	stage_turn(stage);
	stage_until(stage, is_idle);
	stage_turn(stage);
}

/* ---- Clients ---- */

int stage_client(struct stage *stage)
{
	size_t before = stage->broker.conns.count;
	int64_t until_ns = clock_mono_ns() + PATIENCE_NS;
	int fd = stage_connect(stage, "clients");

	while (stage->broker.conns.count == before) {
		assert_true(clock_mono_ns() < until_ns);
		wait_some(stage);
	}
	return fd;
}

static void send_all(int fd, const char *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

void stage_send(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
	send_all(fd, "\n", 1);
}

static bool readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) > 0;
}

/* Byte by byte: what follows the line stays in the socket. */
const char *stage_read(struct stage *stage, int fd)
{
	static char line[LIMIT_MESSAGE_BYTES + 2];
	int64_t until_ns = clock_mono_ns() + PATIENCE_NS;
	size_t n = 0;

	for (;;) {
		ssize_t got;
		char *end;

		if (!readable(fd)) {
			assert_true(clock_mono_ns() < until_ns);
			wait_some(stage);
			continue;
		}
		got = recv(fd, line + n, sizeof(line) - 1 - n, MSG_PEEK);
		if (got <= 0)
			return NULL;
		end = memchr(line + n, '\n', (size_t)got);
		if (end)
			got = end + 1 - (line + n);
		assert_int_equal(recv(fd, line + n, (size_t)got, 0), got);
		n += (size_t)got;
		assert_true(n < sizeof(line) - 1);
		if (!end)
			continue;
		line[n - 1] = 0;
		return line;
	}
}

bool stage_silent(struct stage *stage, int fd)
{
	stage_turn(stage);
	return !readable(fd);
}

const char *stage_ask(struct stage *stage, int fd, const char *text)
{
	stage_send(fd, text);
	return stage_read(stage, fd);
}

void stage_closed(struct stage *stage, int fd)
{
	assert_null(stage_read(stage, fd));
	close(fd);
}

void stage_expect_at(const char *text, const char *part, int line)
{
	if (text && strstr(text, part))
		return;
	print_error("line %d: no %s in %s\n", line, part,
		    text ? text : "(closed)");
	fail();
}

int64_t stage_number(const char *line, const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = line ? strstr(line, key) : NULL;
	if (!at)
		print_error("no %s in %s\n", key, line ? line : "(closed)");
	assert_non_null(at);
	return strtoll(at + strlen(key), NULL, 10);
}

/* ---- Workers ---- */

const char *stage_secret(int64_t id)
{
	static char text[33];

	snprintf(text, sizeof(text), "%032llx", (unsigned long long)id);
	return text;
}

void stage_worker_born(struct stage *stage, int64_t id)
{
	struct channel_message message = {
		.kind = CHANNEL_BORN,
		.worker = id,
		.slot = (int32_t)id,
		.pid = getpid(),
		.start_ticks = 1,
		.pool = "exec",
	};

	for (int i = 0; i < 8; i++)
		message.secret[CHANNEL_SECRET_BYTES - 1 - i] =
			(uint8_t)(id >> (8 * i));
	assert_int_equal(channel_send(stage->supervisor, &message), 0);
	stage_turn(stage);
}

void stage_worker_died(struct stage *stage, int64_t id, int status)
{
	assert_int_equal(channel_send(stage->supervisor,
				      &(struct channel_message){
					      .kind = CHANNEL_DIED,
					      .worker = id,
					      .status = status,
				      }),
			 0);
	stage_turn(stage);
}

void stage_announced(struct stage *stage)
{
	assert_int_equal(channel_send(stage->supervisor,
				      &(struct channel_message){
					      .kind = CHANNEL_ANNOUNCED}),
			 0);
	stage_turn(stage);
}

int stage_dial(struct stage *stage, int64_t id, const char *holding)
{
	int fd = stage_connect(stage, "workers");
	char text[4096];

	snprintf(text, sizeof(text),
		 "{\"ready\":1,\"secret\":\"%s\",\"worker\":%lld,\"pid\":%d,"
		 "\"name\":\"exec/0\",\"handlers\":[\"exec\"],\"prefetch\":64,"
		 "\"leaving\":false,\"holding\":%s}",
		 stage_secret(id), (long long)id, (int)getpid(),
		 holding ? holding : "[]");
	stage_send(fd, text);
	return fd;
}

int stage_worker(struct stage *stage, int64_t id)
{
	int fd;

	stage_worker_born(stage, id);
	stage_announced(stage);
	fd = stage_dial(stage, id, NULL);
	stage_expect(stage_read(stage, fd), "\"hello\":1");
	return fd;
}

int stage_redial(struct stage *stage, int fd, int64_t id, const char *holding)
{
	close(fd);
	stage_turn(stage);
	fd = stage_dial(stage, id, holding);
	stage_expect(stage_read(stage, fd), "\"hello\":1");
	return fd;
}

/* Field 22 of /proc/PID/stat; our names hold no parenthesis. */
static int64_t start_ticks(pid_t pid)
{
	char path[64], text[1024] = "";
	const char *at;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	at = strchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	assert_non_null(at);
	return strtoll(at, NULL, 10);
}

struct store_worker *stage_row(struct stage *stage, int64_t id, pid_t pid)
{
	struct store *store = stage->store;
	struct store_worker *row = &store->workers[store->worker_count++];
	uint8_t secret[CHANNEL_SECRET_BYTES] = {0};
	SHA2_CTX hash;

	snprintf(store->boot_id, sizeof(store->boot_id), "%s",
		 stage->broker.fleet.boot_id);
	for (int i = 0; i < 8; i++)
		secret[CHANNEL_SECRET_BYTES - 1 - i] = (uint8_t)(id >> (8 * i));
	SHA256Init(&hash);
	SHA256Update(&hash, secret, sizeof(secret));
	SHA256Final(row->secret_hash, &hash);
	row->id = id;
	row->pool = SLICE("exec");
	row->pid = pid;
	row->start_ticks = start_ticks(pid);
	row->boot_id = slice_of(store->boot_id);
	return row;
}

void stage_own_row(struct stage *stage, int64_t id)
{
	stage_row(stage, id, getpid());
}

static void result_path(const struct stage *stage, int64_t token,
			char path[128])
{
	snprintf(path, 128, "%s/results/%lld", stage->directory,
		 (long long)token);
}

void stage_result_file(const struct stage *stage, int64_t job, int64_t token)
{
	char path[128];
	FILE *file;

	result_path(stage, token, path);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file,
		"{\"done\":%lld,\"token\":%lld,\"cause\":\"none\","
		"\"exit\":0}\n",
		(long long)job, (long long)token);
	fclose(file);
}

bool stage_has_result_file(const struct stage *stage, int64_t token)
{
	char path[128];

	result_path(stage, token, path);
	return access(path, F_OK) == 0;
}

int64_t stage_job(struct stage *stage, int fd, int64_t *ret_token)
{
	for (;;) {
		const char *line = stage_read(stage, fd);

		assert_non_null(line);
		if (strncmp(line, "{\"job\":", 7) != 0)
			continue;
		if (ret_token)
			*ret_token = stage_number(line, "token");
		return stage_number(line, "job");
	}
}

void stage_done(int fd, int64_t job, int64_t token)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"done\":%lld,\"token\":%lld,\"cause\":\"none\",\"exit\":0,"
		 "\"started_ms\":1,\"finished_ms\":2,\"run_us\":500,"
		 "\"cpu_us\":400,\"peak_kib\":1}",
		 (long long)job, (long long)token);
	stage_send(fd, text);
}

struct channel_message stage_heard(struct stage *stage, enum channel_kind kind)
{
	int64_t until_ns = clock_mono_ns() + PATIENCE_NS;
	struct channel_message message;

	for (;;) {
		int r = channel_receive(stage->supervisor, &message);

		if (r == 0 && message.kind == kind)
			return message;
		if (r == 0)
			continue;
		assert_int_equal(r, CHANNEL_E_EMPTY);
		assert_true(clock_mono_ns() < until_ns);
		wait_some(stage);
	}
}

unsigned stage_jobs(struct stage *stage)
{
	unsigned count;

	pthread_mutex_lock(&stage->store->lock);
	count = (unsigned)stage->store->job_count;
	pthread_mutex_unlock(&stage->store->lock);
	return count;
}

unsigned stage_groups(struct stage *stage)
{
	unsigned count;

	pthread_mutex_lock(&stage->store->lock);
	count = (unsigned)stage->store->group_count;
	pthread_mutex_unlock(&stage->store->lock);
	return count;
}
