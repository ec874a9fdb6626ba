#include "daemon/broker/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/advance_tell.h"
#include "daemon/broker/callback_file.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/queue_file.h"
#include "daemon/broker/recover.h"
#include "daemon/broker/state.h"
#include "daemon/broker/stop.h"
#include "proto/limits.h"

#define BROKER_CHANNEL_FD 3
#define BROKER_WORKERS_FD 4
#define BROKER_CLIENTS_FD 5
#define BROKER_RESERVE_BYTES (4 * 1024 * 1024)
#define BROKER_DESCRIPTORS                                                     \
	(LIMIT_CONNECTIONS + CONFIG_WORKERS_MAX + LIMIT_DESCRIPTORS_HELD + 256)
/* Between two beats while the store opens. */
#define BROKER_OPENING_NS INT64_C(1000000000)
/* A writer that is busy for longer than this is stuck: no beat. */
#define BROKER_STUCK_NS (30 * INT64_C(1000000000))

static void beat(struct broker *broker, bool starting)
{
	link_send(broker, &(struct channel_message){
				  .kind = CHANNEL_BEAT,
				  .starting = starting,
			  });
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;
	int64_t now_ns = clock_mono_ns();

	(void)fd;
	(void)what;
	conns_tick(broker, now_ns);
	fleet_tick(broker, now_ns);
	cycle_tick(broker);
	/* A full turn of the loop brought us here; the writer must move too. */
	if (writer_idle(&broker->writer) ||
	    now_ns - broker->writer.sent_ns < BROKER_STUCK_NS)
		beat(broker, false);
}

/*
 * The second lock: there are never two writers. The broker before us may still
 * be dying, so wait; the supervisor replaces us if this takes too long.
 */
static int take_store_lock(const struct config *config)
{
	char path[CONFIG_PATH_BYTES + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/store.lock", config->state_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0; /* held until the process ends */
}

/* It goes on: an older store may take minutes to be brought up to date. */
static void on_opening(void *arg)
{
	struct broker *broker = arg;
	int64_t now_ns = clock_mono_ns();

	if (now_ns - broker->opening_ns < BROKER_OPENING_NS)
		return;
	broker->opening_ns = now_ns;
	beat(broker, true);
}

static int open_both(struct broker *broker, struct store_fault *fault)
{
	struct store_config config = {
		.directory = broker->config->state_dir,
		.reserve_bytes = BROKER_RESERVE_BYTES,
		.alive = on_opening,
		.owner = broker,
	};
	int r = store_open(&broker->write_store, &config, fault);

	if (r)
		return r;
	config.reader = true;
	r = store_open(&broker->read_store, &config, fault);
	if (r) {
		store_close(broker->write_store);
		broker->write_store = NULL;
	}
	return r;
}

/* A file that is refused untouched is refused the next time, too. */
static bool is_final(int r)
{
	return r == STORE_E_NEWER || r == STORE_E_FOREIGN ||
	       r == STORE_E_CORRUPT || r == STORE_E_GONE;
}

static const char *what_to_do(int r)
{
	switch (r) {
	case STORE_E_FOREIGN:
		return ": move it away, or give another --state-dir";
	case STORE_E_CORRUPT:
	case STORE_E_GONE:
		return ": put back a copy of the state directory, or move it "
		       "away to begin anew";
	case STORE_E_FULL:
		return ": make room; it is tried again each second";
	case STORE_E_IO:
		return ": see that it can be read and written; it is tried "
		       "again each second";
	case -EBUSY:
		return ": end the program that has it open; it is tried again "
		       "each second";
	default:
		return ""; /* said already, or it passes */
	}
}

static int open_stores(struct broker *broker)
{
	struct store_fault fault = {0};
	int r = take_store_lock(broker->config);

	if (r) {
		log_error("cannot lock the store: %s", strerror(-r));
		return r;
	}
	r = open_both(broker, &fault);
	if (!r)
		return 0;
	snprintf(broker->store_message, sizeof(broker->store_message), "%s%s",
		 fault.message[0] ? fault.message : strerror(ENOMEM),
		 what_to_do(r));
	log_error("cannot open the store: %s", broker->store_message);
	if (is_final(r))
		broker->exit_status = CHANNEL_EXIT_CALLER;
	else
		broker->store_awaited = true;
	return r;
}

/*
 * The store may be back at any moment: until then clients hear why nothing
 * goes, instead of the silence of a back-off. When it is, a new broker begins
 * with a clean picture.
 */
static void on_awaited_tick(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;
	struct store_fault fault = {0};
	int r;

	(void)fd;
	(void)what;
	conns_tick(broker, clock_mono_ns());
	beat(broker, false);
	r = open_both(broker, &fault);
	if (r && !is_final(r))
		return;
	if (r)
		log_error("cannot open the store: %s", fault.message);
	else
		log_info("the store can be opened again, beginning anew");
	broker->exit_status = r ? CHANNEL_EXIT_CALLER : 0;
	stop_now(broker);
}

static int await_store(struct broker *broker)
{
	const struct timeval second = {.tv_sec = 1};

	broker->store_broken = true;
	broker->tick = event_new(broker->base, -1, EV_PERSIST, on_awaited_tick,
				 broker);
	if (!broker->tick || event_add(broker->tick, &second) < 0)
		return -ENOMEM;
	conns_listen(broker, true);
	beat(broker, false);
	return 0;
}

static int init(struct broker *broker, int listeners)
{
	int r = -ENOMEM;

	broker->base = event_base_new();
	if (!broker->base)
		return r;
	broker->since_ms = clock_wall_ms();
	sched_init(&broker->sched);
	lanes_init(&broker->lanes, &broker->sched);
	broker->lanes.queues = &broker->queues;
	rooms_init(&broker->rooms);
	drains_init(&broker->drains);
	reserves_init(&broker->reserves);
	follows_init(broker);
	subscribe_init(&broker->subscribe);
	config_link_init(&broker->config_link);
	r = pools_init(broker);
	if (r)
		return r;
	r = sock_loop_init(&broker->socks, broker->base);
	if (r == 0)
		r = cycle_init(broker);
	if (r == 0)
		r = link_init(broker, BROKER_CHANNEL_FD);
	if (r == 0)
		r = fleet_init(broker, BROKER_WORKERS_FD);
	if (r == 0)
		r = conns_init(broker, BROKER_CLIENTS_FD, listeners);
	return r;
}

static void look_at_writer(void *writer)
{
	writer_look(writer);
}

static int start(struct broker *broker)
{
	const struct timeval second = {.tv_sec = 1};
	int r;

	beat(broker, true);
	r = open_stores(broker);
	if (broker->store_awaited)
		return await_store(broker);
	if (r == 0) {
		beat(broker, true);
		/* Whose workers run all that they have is said there. */
		link_hear_pools(broker);
		r = recover(broker);
		/* Of what was told before the store was read. */
		if (r == 0) {
			queue_file_take(broker);
			callback_file_apply(broker);
		}
	}
	if (r == 0)
		r = writer_start(&broker->writer, broker->base,
				 broker->write_store, cycle_finished, broker);
	broker->socks.between = look_at_writer;
	broker->socks.owner = &broker->writer;
	if (r == 0)
		r = reader_start(&broker->reader, broker->base,
				 broker->read_store);
	if (r)
		return r;
	examiner_start(&broker->examiner, broker->config->state_dir);
	broker->tick = event_new(broker->base, -1, EV_PERSIST, on_tick, broker);
	if (!broker->tick || event_add(broker->tick, &second) < 0)
		return -ENOMEM;
	/* What there is to submit to was said before we began. */
	link_hear(broker);
	fleet_listen(broker);
	conns_listen(broker, true);
	cycle_kick(broker);
	beat(broker, false);
	link_send(broker, &(struct channel_message){.kind = CHANNEL_READY});
	return 0;
}

static void fini(struct broker *broker)
{
	conns_listen(broker, false);
	/* What has arrived is committed; its replies leave if they can. */
	writer_stop(&broker->writer);
	reader_stop(&broker->reader);
	examiner_stop(&broker->examiner);
	conns_fini(broker);
	if (broker->stop_call)
		call_release(broker->stop_call);
	cycle_fini(broker);
	carry_fini(broker);
	direct_fini(&broker->direct);
	fleet_fini(broker);
	reserves_fini(&broker->reserves);
	leases_fini(&broker->leases);
	group_holds_fini(broker);
	waits_fini(&broker->waits);
	follows_fini(broker);
	advance_tell_fini(broker);
	subscribe_fini(&broker->subscribe);
	lanes_fini(&broker->lanes);
	pools_fini(broker);
	queues_fini(&broker->queues);
	defaults_fini(&broker->defaults);
	free(broker->callback_rules);
	free(broker->callback_queues);
	sched_fini(&broker->sched);
	link_fini(broker);
	config_link_fini(&broker->config_link);
	sock_loop_fini(&broker->socks);
	store_close(broker->read_store);
	store_close(broker->write_store);
	json_out_fini(&broker->scratch);
	if (broker->tick)
		event_free(broker->tick);
	event_base_free(broker->base);
}

/* A connection for each client that the limits allow, what clients give with
 * their jobs, and some more. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur >= BROKER_DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < BROKER_DESCRIPTORS
				 ? limit.rlim_max
				 : BROKER_DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise the limit of open files, "
			    "continuing: %s",
			    strerror(errno));
}

static void set_up_process(void)
{
	allow_descriptors();
	/* Large buffers go back to the system, however many there were. */
	mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
	/* Never signalled by a terminal; the channel says when to end. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (int fd = BROKER_CHANNEL_FD; fd <= BROKER_WORKERS_FD; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

int broker_main(const struct config *config)
{
	const char *count = getenv("REEVE_LISTEN");
	int listeners = count ? atoi(count) : 0;
	struct broker *broker;
	int status = CHANNEL_EXIT_SYSTEM, r;

	log_init("broker", config->log_level);
	if (listeners < 1 || listeners > 64) {
		log_error("REEVE_LISTEN is not set: the supervisor starts the "
			  "broker");
		return CHANNEL_EXIT_CALLER;
	}
	set_up_process();
	broker = calloc(1, sizeof(*broker));
	if (!broker)
		return CHANNEL_EXIT_SYSTEM;
	broker->own_config = *config;
	broker->config = &broker->own_config;
	broker->born_ns = clock_mono_ns();
	broker->writer.done_fd = -1;
	broker->reader.done_fd = -1;
	r = init(broker, listeners);
	if (r == 0) {
		r = start(broker);
		if (r == 0) {
			if (!broker->store_awaited)
				log_info("serving pid=%d", (int)getpid());
			event_base_dispatch(broker->base);
			status = broker->exit_status;
		} else if (broker->exit_status) {
			status = broker->exit_status;
		}
		fini(broker);
	}
	if (r == 0)
		log_info("ended status=%d", status);
	free(broker);
	return status;
}
