#include "daemon/broker/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/fleet_end.h"
#include "daemon/broker/given.h"
#include "daemon/broker/staff.h"
#include "daemon/broker/state.h"
#include "daemon/broker/worker_link.h"
#include "daemon/broker/worker_log.h"
#include "proto/spec.h"

/* glibc's sys/queue.h lacks the safe walk. */
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, next)                             \
	for ((var) = TAILQ_FIRST(head);                                        \
	     (var) && ((next) = TAILQ_NEXT(var, field), 1); (var) = (next))
#endif

#define FLEET_DIALS_MAX 20
#define FLEET_PARK_NS (5 * INT64_C(1000000000))
#define FLEET_LAST_WORDS_NS INT64_C(1000000000)
/* Ticks without a word: then it is asked, and at last it is ended. Ticks, not
 * time: after everything stood still for a while all get their chance. */
#define FLEET_ASK_TICKS 10
#define FLEET_MUTE_TIMES 6

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;

	(void)what;
	for (int i = 0; i < 64; i++) {
		int connection = accept4((int)fd, NULL, NULL,
					 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (connection < 0 && (errno == EAGAIN || errno == EINTR ||
				       errno == ECONNABORTED))
			return;
		if (connection < 0) {
			/* No descriptors left: the tick tries again. */
			log_warning("cannot accept a worker, trying again "
				    "in 1 s: %s",
				    strerror(errno));
			event_del(broker->fleet.listen_event);
			return;
		}
		worker_link_accept(broker, connection);
	}
}

static int read_boot_id(char boot_id[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, boot_id, 36);
	close(fd);
	boot_id[n == 36 ? 36 : 0] = 0;
	return n == 36 ? 0 : -EIO;
}

int fleet_init(struct broker *broker, int listen_fd)
{
	struct fleet *fleet = &broker->fleet;

	TAILQ_INIT(&fleet->links);
	fleet->listen_fd = listen_fd;
	fcntl(listen_fd, F_SETFL, O_NONBLOCK);
	fleet->listen_event = event_new(broker->base, listen_fd,
					EV_READ | EV_PERSIST, on_accept,
					broker);
	if (!fleet->listen_event)
		return -ENOMEM;
	return read_boot_id(fleet->boot_id);
}

static void worker_free(struct worker *worker)
{
	worker_log_tick(worker, INT64_MAX);
	given_free_adopted(worker);
	free((char *)worker->handlers.p);
	if (worker->pidfd_event)
		event_free(worker->pidfd_event);
	if (worker->pidfd >= 0)
		close(worker->pidfd);
	free(worker);
}

void fleet_free(struct broker *broker, struct worker *worker)
{
	HASH_DEL(broker->fleet.by_id, worker);
	worker_free(worker);
}

void fleet_fini(struct broker *broker)
{
	struct fleet *fleet = &broker->fleet;
	struct worker *worker, *next;
	struct worker_link *link;
	struct sched_job *job;
	bool charged;

	while ((link = TAILQ_FIRST(&fleet->links))) {
		if (link->worker)
			link->worker->link = NULL;
		link->worker = NULL;
		worker_link_free(link);
	}
	HASH_ITER (hh, fleet->by_id, worker, next) {
		HASH_DEL(fleet->by_id, worker);
		if (worker->scheduled) {
			while ((job = sched_worker_lost(&broker->sched,
							&worker->sched,
							&charged)))
				given_free((struct given *)job);
			worker->sched.asked = 0;
			sched_worker_remove(&broker->sched, &worker->sched);
		}
		worker_free(worker);
	}
	if (fleet->listen_event)
		event_free(fleet->listen_event);
}

struct worker *fleet_find(struct fleet *fleet, int64_t id)
{
	struct worker *worker = NULL;

	HASH_FIND(hh, fleet->by_id, &id, sizeof(id), worker);
	return worker;
}

static struct worker *worker_new(struct broker *broker, int64_t id)
{
	struct fleet *fleet = &broker->fleet;
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->id = id;
	worker->broker = broker;
	worker->pidfd = -1;
	worker->status = -1;
	worker->since_ms = clock_wall_ms();
	worker->since_ns = clock_mono_ns();
	TAILQ_INIT(&worker->adopted_jobs);
	HASH_ADD(hh, fleet->by_id, id, sizeof(worker->id), worker);
	return worker;
}

static void set_pool(struct worker *worker, struct slice name)
{
	snprintf(worker->pool_name, sizeof(worker->pool_name), "%.*s",
		 (int)name.n, name.p);
	worker->concurrent = pools_concurrent(&worker->broker->pools, name);
	worker->commands = slice_is(name, SPEC_HANDLER_EXEC);
}

static void hash_secret(const uint8_t secret[CHANNEL_SECRET_BYTES],
			uint8_t ret[32])
{
	SHA2_CTX hash;

	SHA256Init(&hash);
	SHA256Update(&hash, secret, CHANNEL_SECRET_BYTES);
	SHA256Final(ret, &hash);
}

void fleet_born(struct broker *broker, const struct channel_message *message)
{
	struct fleet *fleet = &broker->fleet;
	struct worker *worker = fleet_find(fleet, message->worker);

	if (!worker)
		worker = worker_new(broker, message->worker);
	if (!worker) {
		log_error("no memory for a worker, ignored worker=%lld",
			  (long long)message->worker);
		return;
	}
	worker->announced = true;
	worker->pid = message->pid;
	worker->slot = message->slot;
	worker->pool = (uint32_t)message->pool_number;
	worker->generation = message->value;
	set_pool(worker, slice_of(message->pool));
	worker->start_ticks = message->start_ticks;
	hash_secret(message->secret, worker->secret_hash);
	fleet_parked(broker);
}

void fleet_parked(struct broker *broker)
{
	struct worker_link *link, *next;

	/* An accepted one may free an older one of its worker, before it. */
	TAILQ_FOREACH_SAFE(link, &broker->fleet.links, link, next)
	worker_link_parked(link);
}

int fleet_adopt(struct broker *broker, const struct store_worker *row,
		int pidfd, struct worker **ret)
{
	struct worker *worker = worker_new(broker, row->id);

	if (!worker) {
		close(pidfd);
		return -ENOMEM;
	}
	worker->pidfd = pidfd;
	worker->row_known = true;
	worker->pid = (pid_t)row->pid;
	worker->slot = (int)row->slot;
	worker->pool = SCHED_POOL_NONE;
	set_pool(worker, row->pool);
	worker->start_ticks = row->start_ticks;
	memcpy(worker->secret_hash, row->secret_hash, 32);
	*ret = worker;
	return fleet_end_watch(broker, worker);
}

int fleet_row(struct broker *broker, struct batch *batch, struct worker *worker)
{
	struct store_worker *row;
	size_t n;

	if (worker->row_known)
		return 0;
	if (batch_add_worker(batch, &n))
		return -ENOMEM;
	row = &batch->store.workers[n];
	row->id = worker->id;
	row->slot = worker->slot;
	row->pool = slice_of(worker->pool_name);
	row->pid = worker->pid;
	row->start_ticks = worker->start_ticks;
	row->boot_id = slice_of(broker->fleet.boot_id);
	memcpy(row->secret_hash, worker->secret_hash, 32);
	worker->row_known = true;
	return 0;
}

/* Its part of the scheduler: a pool that is gone has nothing for it. */
static uint32_t pool_of(struct broker *broker, const struct worker *worker)
{
	return pools_find(&broker->pools, worker->pool) ? worker->pool
							: SCHED_POOL_NONE;
}

/* Ended, and its pool says why. */
static void refuse(struct broker *broker, const struct worker *worker,
		   struct worker_link *link, const char *missing)
{
	struct channel_message message = {
		.kind = CHANNEL_KILL,
		.worker = worker->id,
	};

	snprintf(message.reason, sizeof(message.reason),
		 "worker was refused: it does not serve handler '%.200s'",
		 missing);
	link->refused = true;
	link_send(broker, &message);
}

/* Who lacks a handler would be given its jobs all the same. */
static bool is_fit(struct broker *broker, const struct worker *worker,
		   struct worker_link *link)
{
	const struct served_pool *pool = pools_find(&broker->pools,
						    worker->pool);
	const char *missing;

	if (!worker->announced || worker->commands || !pool || worker->accepted)
		return true;
	missing = pools_missing(pool, link->handlers);
	if (!missing)
		return true;
	/* Of before a change: it serves what it can until it is replaced. */
	if (!pool->generation || worker->generation < pool->generation)
		return pool->generation;
	log_warning("worker does not serve a handler of its pool, refused "
		    "pool=%s handler=%s worker=%lld pid=%d",
		    worker->pool_name, missing, (long long)worker->id,
		    (int)worker->pid);
	refuse(broker, worker, link, missing);
	return false;
}

/* A connection breaks now and then. Who opens one after the other, and gets
 * nothing done on any, would do so for ever. */
static bool is_restless(struct broker *broker, struct worker *worker,
			struct worker_link *link)
{
	if (worker->commands || ++worker->dials <= FLEET_DIALS_MAX)
		return false;
	log_warning("worker dials again and again, ending it pool=%s "
		    "worker=%lld pid=%d",
		    worker->pool_name, (long long)worker->id, (int)worker->pid);
	link->refused = true;
	fleet_signal(broker, worker, SIGKILL);
	return true;
}

/* A change of its pool is measured against them. false: no memory. */
static bool keep_handlers(struct broker *broker, struct worker *worker,
			  const struct worker_link *link)
{
	const struct served_pool *pool = pools_find(&broker->pools,
						    worker->pool);
	char *copy;

	if (worker->commands || worker->handlers.n || !link->handlers.n)
		return true;
	copy = malloc(link->handlers.n);
	if (!copy)
		return false;
	memcpy(copy, link->handlers.p, link->handlers.n);
	worker->handlers = (struct slice){copy, link->handlers.n};
	worker->lacking = pool && pools_missing(pool, worker->handlers);
	return true;
}

static void schedule(struct broker *broker, struct worker *worker,
		     uint32_t prefetch)
{
	sched_worker_add(&broker->sched, &worker->sched,
			 pool_of(broker, worker),
			 prefetch < CREDIT_MAX ? prefetch : CREDIT_MAX);
	if (worker->concurrent)
		sched_worker_concurrent(&worker->sched, prefetch);
	worker->scheduled = true;
}

static void tell_ready(struct broker *broker, struct worker *worker)
{
	if (!worker->announced || worker->accepted || worker->commands)
		return;
	worker->accepted = true;
	link_send(broker, &(struct channel_message){
				  .kind = CHANNEL_READY_WORKER,
				  .worker = worker->id,
				  .pool_number = (int32_t)worker->pool,
			  });
}

void fleet_tell(struct broker *broker, struct worker *worker, bool up)
{
	enum event_kind kind = up ? EVENT_WORKER_UP : EVENT_WORKER_DOWN;
	struct json_out detail = {0};

	if (worker->up == up)
		return;
	worker->up = up;
	if (!subscribe_heard(broker, kind))
		return;
	json_out_object(&detail);
	json_out_member_int(&detail, "worker", worker->id);
	json_out_member_text(&detail, "pool", worker->pool_name);
	json_out_member_int(&detail, "slot", worker->slot);
	json_out_object_end(&detail);
	if (json_out_ok(&detail))
		subscribe_tell(broker,
			       &(struct told_event){
				       .kind = kind,
				       .pid = worker->pid,
				       .detail = json_out_slice(&detail),
			       });
	json_out_fini(&detail);
}

struct worker *fleet_ready(struct broker *broker, struct worker_link *link)
{
	struct worker *worker = fleet_find(&broker->fleet, link->stated_id);
	uint8_t hash[32];

	hash_secret(link->secret, hash);
	if (!worker || worker->dead || worker->pid != link->peer_pid ||
	    memcmp(hash, worker->secret_hash, sizeof(hash)) != 0)
		return NULL; /* parked: the supervisor may not have said yet */
	/* Whose child it is decides whether it ever gets a job again. */
	if (!worker->announced && !broker->link.announced)
		return NULL;
	if (!is_fit(broker, worker, link) || is_restless(broker, worker, link))
		return NULL;
	if (worker->link) {
		worker->link->worker = NULL;
		worker_link_free(worker->link);
	}
	if (!keep_handlers(broker, worker, link))
		return NULL;
	worker->link = link;
	worker->heard = true;
	if (!worker->scheduled)
		schedule(broker, worker, link->prefetch);
	/* A worker of a supervisor that is gone finishes, and no more. */
	if (link->leaving || !worker->announced)
		fleet_leaving(broker, worker);
	else if (!worker->sched.leaving && !worker->counted) {
		broker->fleet.count++;
		worker->counted = true;
	}
	tell_ready(broker, worker);
	staff_ready(broker, worker);
	fleet_tell(broker, worker, true);
	given_compare(broker, worker, link->holding);
	log_info("worker ready worker=%lld pid=%d pool=%s slot=%d holding=%u",
		 (long long)worker->id, (int)worker->pid, worker->pool_name,
		 worker->slot, worker->sched.job_count);
	cycle_kick(broker);
	return worker;
}

void fleet_leaving(struct broker *broker, struct worker *worker)
{
	struct served_pool *pool = pools_find(&broker->pools, worker->pool);

	if (worker->counted) {
		broker->fleet.count--;
		worker->counted = false;
	}
	if (worker->retiring && pool && pool->retiring)
		pool->retiring--;
	worker->retiring = false;
	if (worker->scheduled && !worker->sched.leaving)
		sched_worker_leave(&broker->sched, &worker->sched);
}

void fleet_away(struct broker *broker, struct worker *worker)
{
	if (worker->died_ns)
		fleet_end(broker, worker);
}

void fleet_signal(struct broker *broker, const struct worker *worker,
		  int signal)
{
	if (worker->announced)
		link_send(broker,
			  &(struct channel_message){
				  .kind = signal == SIGKILL ? CHANNEL_KILL
							    : CHANNEL_TERM,
				  .worker = worker->id,
			  });
	else if (worker->pidfd >= 0 &&
		 pidfd_send_signal(worker->pidfd, signal, NULL, 0) < 0)
		log_error("cannot end a worker, continuing pid=%d error=\"%s\"",
			  (int)worker->pid, strerror(errno));
}

static void end_mute(struct broker *broker, const struct worker *worker)
{
	log_warning("worker does not answer, ending it worker=%lld pid=%d "
		    "pool=%s slot=%d",
		    (long long)worker->id, (int)worker->pid, worker->pool_name,
		    worker->slot);
	fleet_signal(broker, worker, SIGKILL);
}

/* Ticks without a word until it is asked; 0: never. */
static uint32_t patience(struct broker *broker, const struct worker *worker)
{
	const struct served_pool *pool = pools_find(&broker->pools,
						    worker->pool);

	if (!pool || worker->commands)
		return FLEET_ASK_TICKS;
	return (uint32_t)((pool->config->ping_ms + 999) / 1000);
}

/*
 * Somebody else's program: its handler may be code that lets nothing else run,
 * for as long as its job may take. Our own workers always answer.
 */
static bool is_deaf_at_work(struct broker *broker, const struct worker *worker)
{
	const struct served_pool *pool = pools_find(&broker->pools,
						    worker->pool);

	if (worker->commands)
		return false;
	return !pool || pool->config->kind == POOL_WORKER;
}

/* One that is stopped or stuck keeps its jobs for ever, unless it is ended. */
static void ask_worker(struct broker *broker, const struct worker *worker)
{
	struct worker_link *link = worker->link;
	uint32_t ticks = patience(broker, worker);

	if (!link || worker->died_ns || worker->dead || !ticks)
		return;
	if (worker->sched.job_count && is_deaf_at_work(broker, worker))
		return;
	link->silent++;
	if (link->silent % (ticks * FLEET_MUTE_TIMES) == 0)
		end_mute(broker, worker);
	else if (link->silent % ticks == 0)
		worker_link_ping(link);
}

void fleet_tick(struct broker *broker, int64_t now_ns)
{
	struct worker_link *link, *next_link;
	struct worker *worker, *next;

	fleet_listen(broker);
	TAILQ_FOREACH_SAFE(link, &broker->fleet.links, link, next_link)
	{
		if (link->worker || !broker->link.announced ||
		    now_ns - link->since_ns < FLEET_PARK_NS)
			continue;
		log_warning("connection of no worker we know, closed pid=%d",
			    (int)link->peer_pid);
		worker_link_free(link);
	}
	HASH_ITER (hh, broker->fleet.by_id, worker, next) {
		worker_log_tick(worker, now_ns);
		if (worker->died_ns &&
		    now_ns - worker->died_ns > FLEET_LAST_WORDS_NS)
			fleet_end(broker, worker);
		else
			ask_worker(broker, worker);
	}
}

size_t fleet_busy(const struct fleet *fleet)
{
	size_t busy = 0;

	for (const struct worker *worker = fleet->by_id; worker;
	     worker = worker->hh.next) {
		struct sched_job *job;

		busy += worker->sched.job_count;
		TAILQ_FOREACH (job, &worker->adopted_jobs, link)
			busy++;
	}
	return busy;
}

/* Listening begins only when the broker knows what it has. */
void fleet_listen(struct broker *broker)
{
	event_add(broker->fleet.listen_event, NULL);
}
