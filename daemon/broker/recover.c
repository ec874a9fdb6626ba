#include "daemon/broker/recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/callback.h"
#include "daemon/broker/carry.h"
#include "daemon/broker/fleet_end.h"
#include "daemon/broker/given.h"
#include "daemon/broker/outcome.h"
#include "daemon/broker/state.h"
#include "daemon/core/adopt.h"

struct recovery {
	struct broker *broker;
	struct arena arena;
	struct store_snapshot snapshot;
	bool *decided;	 /* one for each running attempt */
	bool concurrent; /* whose are looked at: each may have begun */
	size_t kept, lost, put_back, results;
};

/* Field 22 of /proc/PID/stat; 0: no such process. */
static int64_t start_ticks(int64_t pid)
{
	char path[64], text[1024], *p;
	unsigned long long ticks;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	/* The name may hold anything; the last parenthesis ends it. */
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u "
			 "%*u %*d %*d %*d %*d %*d %*d %llu",
			 &ticks) != 1)
		return 0;
	return (int64_t)ticks;
}

/*
 * Open first, compare then: the pidfd names the process that has the pid now,
 * and its start time says whether that is the one of the row.
 */
static int worker_pidfd(const struct store_worker *row)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)row->pid, 0);

	if (fd < 0)
		return -1;
	if (start_ticks(row->pid) == row->start_ticks)
		return fd;
	close(fd);
	return -1;
}

/* Where it is from: its lane is live as long as it runs. */
static const struct lane *lane_of(const struct recovery *r,
				  const struct store_running *running)
{
	for (size_t i = 0; i < r->snapshot.lane_count; i++) {
		const struct store_lane *from = &r->snapshot.lanes[i];

		if (from->id == running->lane)
			return lane_find(&r->broker->lanes, from->queue,
					 from->handler);
	}
	return NULL;
}

/* What is decided about one running attempt that left no result. */
static int decide(struct recovery *r, const struct store_running *running,
		  const struct adopt_facts *facts, struct worker *worker)
{
	struct batch *batch = r->broker->gathering;
	enum adopt_verdict verdict = adopt_decide(facts);

	switch (verdict) {
	case ADOPT_HOST_LOST:
	case ADOPT_WORKER_LOST:
		r->lost++;
		break;
	case ADOPT_PUT_BACK:
		r->put_back++;
		break;
	case ADOPT_WAIT:
	case ADOPT_KEEP:
		r->kept++;
		return given_adopt(worker, running, lane_of(r, running));
	}
	return fleet_end_lost(batch, running->job, running->token, verdict, -1);
}

/* All that one worker was running, oldest token first. */
static int recover_running(struct recovery *r, int64_t worker_id,
			   struct adopt_facts *facts, struct worker *worker)
{
	struct broker *broker = r->broker;

	for (size_t i = 0; i < r->snapshot.running_count; i++) {
		const struct store_running *running = &r->snapshot.running[i];
		int result;

		if (r->decided[i] || running->worker != worker_id)
			continue;
		r->decided[i] = true;
		result = fleet_end_result(broker, broker->gathering,
					  running->job, running->token);
		if (result < 0)
			return result;
		if (result == 0) {
			r->results++;
			continue;
		}
		facts->once = running->once;
		result = decide(r, running, facts, worker);
		if (result)
			return result;
		facts->first = r->concurrent;
	}
	return 0;
}

/* Consumers are not of this machine's processes: a clock decides. */
static int recover_leases(struct recovery *r)
{
	r->broker->leases.row_known = true;
	for (size_t i = 0; i < r->snapshot.running_count; i++) {
		const struct store_running *running = &r->snapshot.running[i];

		if (running->worker != LEASES_WORKER)
			continue;
		r->decided[i] = true;
		r->kept++;
		if (leases_adopt(r->broker, running, lane_of(r, running)))
			return -ENOMEM;
	}
	return 0;
}

/* One worker's row, and what it was running. */
static int recover_worker(struct recovery *r, const struct store_worker *row)
{
	struct broker *broker = r->broker;
	struct adopt_facts facts = {
		.same_boot = slice_is(row->boot_id, broker->fleet.boot_id),
		.first = true,
	};
	struct worker *worker = NULL;
	int fd, result;

	if (leases_is_row(row))
		return recover_leases(r);
	fd = facts.same_boot ? worker_pidfd(row) : -1;

	/* While workers have rows the daemon was not stopped: it was cut off. */
	if (!facts.same_boot)
		examiner_due(&broker->examiner, broker->config->state_dir);
	facts.worker_alive = fd >= 0;
	r->concurrent = pools_concurrent(&broker->pools, row->pool);
	if (facts.worker_alive)
		result = fleet_adopt(broker, row, fd, &worker);
	else
		result = batch_add_gone(broker->gathering, row->id);
	if (result == 0)
		result = recover_running(r, row->id, &facts, worker);
	return result;
}

/* Attempts whose worker has no row cannot be; decide them all the same. */
static int recover_strays(struct recovery *r)
{
	int result = 0;

	r->concurrent = false;
	for (size_t i = 0; result == 0 && i < r->snapshot.running_count; i++) {
		struct adopt_facts facts = {.same_boot = true, .first = true};

		if (!r->decided[i])
			result = recover_running(
				r, r->snapshot.running[i].worker, &facts, NULL);
	}
	return result;
}

/* Before the lanes: a paused queue starts nothing from the first turn on. */
static int load_queues(struct recovery *r)
{
	int result = 0;

	for (size_t i = 0; i < r->snapshot.queue_count && result == 0; i++)
		result = queue_set(&r->broker->queues, &r->snapshot.queues[i]);
	r->broker->queues.loaded = result == 0;
	return result <= 0 ? result : -E2BIG;
}

static int load_lanes(struct recovery *r)
{
	struct broker *broker = r->broker;

	for (size_t i = 0; i < r->snapshot.lane_count; i++) {
		const struct store_lane *from = &r->snapshot.lanes[i];
		struct lane *lane;
		int result;

		if (!lane_is_live(from->counts))
			continue;
		result = lane_get(&broker->lanes, from->queue, from->handler,
				  pools_lane(&broker->pools, from->handler),
				  &lane);

		if (result)
			return result < 0 ? result : -E2BIG;
		lane_counts(&broker->lanes, lane, from->counts);
	}
	broker->next_due_ms = r->snapshot.next_due_ms;
	broker->subscribe.head = r->snapshot.next_event;
	return 0;
}

/* Consumers need a moment to dial in again: what they worked for is known. */
static void know_handlers(struct recovery *r)
{
	struct reserve_handler *handler;

	if (!r->broker->leases.row_known)
		return;
	for (size_t i = 0; i < r->snapshot.lane_count; i++) {
		struct slice name = r->snapshot.lanes[i].handler;

		/* So many are kept; more are known when they dial in. */
		if (!pools_is_exec(name) &&
		    reserve_handler_get(&r->broker->reserves.handlers, name,
					&handler))
			return;
	}
}

/* All decisions in one transaction; the result files go after it. */
static int commit(struct recovery *r)
{
	struct broker *broker = r->broker;
	struct batch *batch = broker->gathering;
	int result;

	if (batch_empty(batch))
		return 0;
	result = callback_batch(broker, batch);
	if (result)
		return result;
	batch->store.now_ms = clock_wall_ms();
	result = store_write(broker->write_store, &batch->store, &batch->fault);
	if (result) {
		log_error("recovery could not be written: %s",
			  batch->fault.message);
		return result;
	}
	for (size_t i = 0; i < batch->store.outcome_count; i++)
		outcome_unlink(broker->config->state_dir,
			       batch->store.outcomes[i].token);
	for (size_t i = 0; i < batch->store.changed_lane_count; i++) {
		const struct store_lane *from = &batch->store.changed_lanes[i];
		struct lane *lane;

		if (lane_get(&broker->lanes, from->queue, from->handler,
			     pools_lane(&broker->pools, from->handler),
			     &lane) == 0)
			lane_counts(&broker->lanes, lane, from->counts);
	}
	broker->next_due_ms = batch->store.next_due_ms;
	broker->subscribe.head += batch->store.event_count;
	batch_reset(batch, ++broker->serial);
	return 0;
}

static bool is_running(const struct recovery *r, int64_t token)
{
	for (size_t i = 0; i < r->snapshot.running_count; i++) {
		if (r->snapshot.running[i].token == token)
			return true;
	}
	return false;
}

/*
 * Results of attempts that were running are committed by now, or are still
 * their living worker's. Everything else in the folder was settled before.
 */
static void sweep_results(const struct recovery *r)
{
	char path[CONFIG_PATH_BYTES + 16];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/results",
		 r->broker->config->state_dir);
	folder = opendir(path);
	if (!folder)
		return;
	while ((entry = readdir(folder))) {
		int64_t token = strtoll(entry->d_name, NULL, 10);

		if (token > 0 && !is_running(r, token))
			unlinkat(dirfd(folder), entry->d_name, 0);
	}
	closedir(folder);
}

int recover(struct broker *broker)
{
	struct recovery r = {.broker = broker};
	struct store_fault fault = {0};
	int result = store_load(broker->write_store, &r.arena, &r.snapshot,
				&fault);

	if (result)
		log_error("the database cannot be read: %s", fault.message);
	if (result == 0) {
		r.decided = arena_array(&r.arena, r.snapshot.running_count,
					sizeof(*r.decided));
		result = r.decided ? load_queues(&r) : -ENOMEM;
		if (result == 0)
			result = load_lanes(&r);
	}
	for (size_t i = 0; result == 0 && i < r.snapshot.worker_count; i++)
		result = recover_worker(&r, &r.snapshot.workers[i]);
	if (result == 0)
		result = recover_strays(&r);
	for (size_t i = 0; result == 0 && i < r.snapshot.tied_group_count; i++)
		result = group_hold_adopt(broker, r.snapshot.tied_groups[i]);
	if (result == 0)
		know_handlers(&r);
	/* Also what a worker would give back: nobody has them for it. */
	if (result == 0 && r.snapshot.descriptors)
		broker->gathering->store.strand = carry_lost_failure;
	if (result == 0)
		result = commit(&r);
	if (result == 0)
		sweep_results(&r);
	if (result == 0 && r.snapshot.running_count)
		log_info("recovered running=%zu adopted=%zu results=%zu "
			 "lost=%zu put_back=%zu",
			 r.snapshot.running_count, r.kept, r.results, r.lost,
			 r.put_back);
	arena_fini(&r.arena);
	return result;
}
