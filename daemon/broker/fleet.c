#include "daemon/broker/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <sha256.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/fleet_end.h"
#include "daemon/broker/state.h"
#include "daemon/broker/worker_link.h"
#include "proto/json_in.h"

/* glibc's sys/queue.h lacks the safe walk. */
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(var, head, field, next)                             \
	for ((var) = TAILQ_FIRST(head);                                        \
	     (var) && ((next) = TAILQ_NEXT(var, field), 1); (var) = (next))
#endif

#define FLEET_PARK_NS (5 * INT64_C(1000000000))
#define FLEET_LAST_WORDS_NS INT64_C(1000000000)

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;

	(void)what;
	for (int i = 0; i < 64; i++) {
		int connection = accept4((int)fd, NULL, NULL,
					 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (connection < 0)
			return;
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
	struct sched_job *job;

	while ((job = TAILQ_FIRST(&worker->adopted_jobs))) {
		TAILQ_REMOVE(&worker->adopted_jobs, job, link);
		free(job);
	}
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
				free(job);
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

static struct worker *worker_new(struct fleet *fleet, int64_t id)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->id = id;
	worker->pidfd = -1;
	worker->status = -1;
	worker->since_ms = clock_wall_ms();
	TAILQ_INIT(&worker->adopted_jobs);
	HASH_ADD(hh, fleet->by_id, id, sizeof(worker->id), worker);
	return worker;
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
	struct worker_link *link, *next;

	if (!worker)
		worker = worker_new(fleet, message->worker);
	if (!worker) {
		log_error("no memory for a worker, ignored worker=%lld",
			  (long long)message->worker);
		return;
	}
	worker->announced = true;
	worker->pid = message->pid;
	worker->slot = message->slot;
	worker->start_ticks = message->start_ticks;
	hash_secret(message->secret, worker->secret_hash);
	TAILQ_FOREACH_SAFE(link, &fleet->links, link, next)
	worker_link_parked(link);
}

int fleet_adopt(struct broker *broker, const struct store_worker *row,
		int pidfd, struct worker **ret)
{
	struct worker *worker = worker_new(&broker->fleet, row->id);

	if (!worker) {
		close(pidfd);
		return -ENOMEM;
	}
	worker->pidfd = pidfd;
	worker->row_known = true;
	worker->pid = (pid_t)row->pid;
	worker->slot = (int)row->slot;
	worker->start_ticks = row->start_ticks;
	memcpy(worker->secret_hash, row->secret_hash, 32);
	*ret = worker;
	return fleet_end_watch(broker, worker);
}

int fleet_adopt_job(struct worker *worker, const struct store_running *running)
{
	struct given *given = calloc(1, sizeof(*given));

	if (!given)
		return -ENOMEM;
	given->sched.id = running->job;
	given->sched.token = running->token;
	given->attempt = running->attempt;
	TAILQ_INSERT_TAIL(&worker->adopted_jobs, &given->sched, link);
	return 0;
}

/* Is the token among what the worker says it holds? */
static bool holds(struct slice holding, int64_t token)
{
	struct json_iter iter = json_enter(holding);
	struct slice item, value;
	int64_t n;

	while (json_item(&iter, &item)) {
		if (json_find(item, "token", &value) &&
		    json_int(value, &n) == 0 && n == token)
			return true;
	}
	return false;
}

/* It certainly never began: back to ready, not charged. */
static void put_back(struct broker *broker, int64_t job, int64_t token)
{
	struct batch *batch = broker->gathering;
	size_t i;

	if (batch_add_outcome(batch, 0, &i)) {
		log_error("no memory for an outcome, job waits for the next "
			  "broker job=%lld",
			  (long long)job);
		return;
	}
	batch->store.outcomes[i].job = job;
	batch->store.outcomes[i].token = token;
	batch->store.outcomes[i].kind = STORE_PUT_BACK;
	cycle_kick(broker);
}

/* Attempts that it was given, but does not hold, never reached it. */
static void compare_holding(struct broker *broker, struct worker *worker,
			    struct slice holding)
{
	struct sched_job *job, *next;

	TAILQ_FOREACH_SAFE(job, &worker->sched.jobs, link, next)
	{
		if (holds(holding, job->token))
			continue;
		put_back(broker, job->id, job->token);
		sched_end(&broker->sched, &worker->sched, job, -1,
			  clock_mono_ns());
		free(job);
	}
	while ((job = TAILQ_FIRST(&worker->adopted_jobs))) {
		struct given *given = (struct given *)job;

		TAILQ_REMOVE(&worker->adopted_jobs, job, link);
		if (!holds(holding, job->token)) {
			put_back(broker, job->id, job->token);
			free(job);
			continue;
		}
		given->sent = true;
		sched_give(&broker->sched, &worker->sched, job,
			   clock_mono_ns());
	}
}

struct worker *fleet_ready(struct broker *broker, struct worker_link *link)
{
	struct worker *worker = fleet_find(&broker->fleet, link->stated_id);
	uint8_t hash[32];

	hash_secret(link->secret, hash);
	if (!worker || worker->dead || worker->pid != link->peer_pid ||
	    memcmp(hash, worker->secret_hash, sizeof(hash)) != 0)
		return NULL; /* parked: the supervisor may not have said yet */
	if (worker->link) {
		worker->link->worker = NULL;
		worker_link_free(worker->link);
	}
	worker->link = link;
	if (!worker->scheduled) {
		sched_worker_add(&broker->sched, &worker->sched, 0, CREDIT_MAX);
		worker->scheduled = true;
	}
	/* A worker of a supervisor that is gone finishes, and no more. */
	if (link->leaving || !worker->announced)
		fleet_leaving(broker, worker);
	else
		broker->fleet.count += !worker->counted;
	worker->counted = worker->counted || !worker->sched.leaving;
	compare_holding(broker, worker, link->holding);
	log_info("worker ready worker=%lld pid=%d slot=%d holding=%u",
		 (long long)worker->id, (int)worker->pid, worker->slot,
		 worker->sched.job_count);
	cycle_kick(broker);
	return worker;
}

void fleet_leaving(struct broker *broker, struct worker *worker)
{
	if (worker->counted) {
		broker->fleet.count--;
		worker->counted = false;
	}
	if (worker->scheduled && !worker->sched.leaving)
		sched_worker_leave(&broker->sched, &worker->sched);
}

void fleet_away(struct broker *broker, struct worker *worker)
{
	if (worker->died_ns)
		fleet_end(broker, worker);
}

void fleet_result(struct broker *broker, struct worker *worker, int64_t token,
		  int64_t run_ns, int64_t cpu_us)
{
	struct sched_job *job = sched_find(&worker->sched, token);

	if (!job)
		return;
	sched_end(&broker->sched, &worker->sched, job, run_ns, clock_mono_ns());
	free(job);
	if (run_ns < 0)
		return;
	worker->jobs_done++;
	worker->cpu_us += cpu_us;
	if (!worker->proved) {
		worker->proved = true;
		link_send(broker, &(struct channel_message){
					  .kind = CHANNEL_USEFUL,
					  .worker = worker->id,
				  });
	}
}

void fleet_give(struct broker *broker, struct worker *worker, struct lane *lane,
		const struct store_claim *claim)
{
	struct given *given = calloc(1, sizeof(*given));

	if (!given || worker->dead) {
		free(given);
		put_back(broker, claim->job, claim->token);
		return;
	}
	given->sched.id = claim->job;
	given->sched.token = claim->token;
	given->sched.lane = &lane->sched;
	given->attempt = claim->attempt;
	sched_give(&broker->sched, &worker->sched, &given->sched,
		   clock_mono_ns());
	if (worker->link) {
		worker_link_job(worker->link, claim);
		given->sent = true;
	}
	/* Away: it will dial in without it, and the job goes back. */
}

void fleet_cancel(struct broker *broker, const struct store_signal *signal)
{
	struct worker *worker = fleet_find(&broker->fleet, signal->worker);

	if (!worker || !worker->link)
		return;
	worker_link_cancel(worker->link, signal->job, signal->token,
			   signal->grace_ms);
}

void fleet_tick(struct broker *broker, int64_t now_ns)
{
	struct worker_link *link, *next_link;
	struct worker *worker, *next;

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
		if (worker->died_ns &&
		    now_ns - worker->died_ns > FLEET_LAST_WORDS_NS)
			fleet_end(broker, worker);
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
