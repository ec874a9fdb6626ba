#include "daemon/broker/breakdown.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "daemon/base/clock.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/fleet_end.h"
#include "daemon/broker/output_file.h"
#include "daemon/broker/state.h"
#include "daemon/broker/stop.h"
#include "daemon/core/backoff.h"

#define FREE_AGAIN_BYTES (8 * 1024 * 1024)
/* Then those who wait are told; what workers told is kept. */
#define BUSY_TRIES 5

/* What workers told must not be lost: it goes into the next batch. */
static int keep_outcomes(struct broker *broker, const struct batch *batch)
{
	struct batch *next = broker->gathering;

	for (size_t i = 0; i < batch->store.outcome_count; i++) {
		const struct store_outcome *from = &batch->store.outcomes[i];
		struct store_outcome copy = *from;
		size_t n;

		/* A consumer was told that nothing happened, or its deadline
		 * is looked at again. */
		if (batch->outcome_workers[i] == LEASES_WORKER)
			continue;
		if (arena_copy(&next->arena, from->log, &copy.log) ||
		    arena_copy(&next->arena, from->result, &copy.result) ||
		    arena_copy(&next->arena, from->failure, &copy.failure) ||
		    batch_add_outcome(next, batch->outcome_workers[i], &n))
			return -ENOMEM;
		next->store.outcomes[n] = copy;
	}
	for (size_t i = 0; i < batch->store.gone_worker_count; i++) {
		if (batch_add_gone(next, batch->store.gone_workers[i]))
			return -ENOMEM;
	}
	return 0;
}

static int exit_status_of(int error)
{
	switch (error) {
	case STORE_E_GONE:
		return CHANNEL_EXIT_GONE;
	case STORE_E_CORRUPT:
		return CHANNEL_EXIT_CALLER; /* also the next broker's */
	default:
		return CHANNEL_EXIT_SYSTEM;
	}
}

/*
 * Nothing more is acknowledged: who waits is told why, and the broker ends. A
 * failed fsync is never tried again on the same handle: a new broker opens the
 * file anew, if that can help. Workers keep everything.
 */
static void break_store(struct broker *broker, int error)
{
	struct batch *batch = broker->gathering;

	broker->store_broken = true;
	broker->exit_status = exit_status_of(error);
	batch->result = error;
	snprintf(batch->fault.message, sizeof(batch->fault.message), "%.255s",
		 broker->store_message);
	cycle_tell(batch);
	/*
	 * One that ends young is replaced later and later, behind a silent
	 * socket. So it stays to say what is the matter until it is of an age
	 * to be replaced at once.
	 */
	if (broker->exit_status == CHANNEL_EXIT_SYSTEM && broker->born_ns)
		broker->linger_until_ns = broker->born_ns + BACKOFF_GOOD_NS;
	if (broker->linger_until_ns < clock_mono_ns())
		stop_now(broker);
}

void breakdown_refused(struct broker *broker, struct batch *batch)
{
	bool broken = false;

	broker->refused_batches++;
	snprintf(broker->store_message, sizeof(broker->store_message), "%s",
		 batch->fault.message);
	/* A full disk is said once, not with every try. */
	if (batch->result != STORE_E_FULL || !broker->store_full)
		log_error("the store refused a batch, nothing of it happened "
			  "error=%d: %s",
			  batch->result, batch->fault.message);
	for (size_t i = 0; i < batch->store.worker_count; i++) {
		struct worker *worker = fleet_find(&broker->fleet,
						   batch->store.workers[i].id);

		if (worker)
			worker->row_known = false;
	}
	leases_refused(broker, batch);
	cycle_unwant(broker, batch);
	if (batch->result == STORE_E_FULL)
		broker->store_full = true;
	else if (batch->result != -ENOMEM && batch->result != -EBUSY)
		broken = true;
	if (!broken && keep_outcomes(broker, batch))
		broken = true; /* workers keep their results */
	cycle_tell(batch);
	direct_refused(broker, batch);
	for (size_t i = 0; i < batch->store.want_count; i++) {
		struct worker *worker = fleet_find(
			&broker->fleet, batch->store.wants[i].worker);

		if (worker)
			fleet_end_release(broker, worker);
	}
	if (broken)
		break_store(broker, batch->result);
}

bool breakdown_retry(struct broker *broker, struct batch *batch)
{
	if (batch->result != -EBUSY || broker->ending ||
	    batch->tries == BUSY_TRIES)
		return false;
	if (!batch->tries++)
		log_warning("waiting: %s: end the program that has it open",
			    batch->fault.message);
	writer_send(&broker->writer, batch);
	return true;
}

static bool space_again(const struct broker *broker)
{
	struct statvfs space;

	return statvfs(broker->config->state_dir, &space) == 0 &&
	       space.f_bavail * space.f_frsize > FREE_AGAIN_BYTES;
}

/* Who is quiet writes nothing, and would not notice. */
static void check_store(struct broker *broker)
{
	struct store_fault fault = {0};
	int r;

	/* A batch that is out is looked after by the writer. */
	if (broker->store_broken || !writer_idle(&broker->writer))
		return;
	r = store_check(broker->write_store, &fault);
	if (!r)
		r = examiner_look(&broker->examiner, &fault);
	if (!r && broker->reader.failed) {
		r = broker->reader.failed;
		snprintf(fault.message, sizeof(fault.message),
			 "%.160s/jobs.db: %s, a query found: see reeved(8)",
			 broker->config->state_dir,
			 r == STORE_E_CORRUPT ? "damaged" : "cannot be read");
	}
	if (r) {
		snprintf(broker->store_message, sizeof(broker->store_message),
			 "%s", fault.message);
		log_error("ending: %s", fault.message);
		break_store(broker, r);
	} else if (output_folder(broker->config->state_dir) == 0) {
		log_warning("%s/output was removed, made anew; output that "
			    "was in it is lost",
			    broker->config->state_dir);
		follows_renew(broker);
	}
}

void breakdown_tick(struct broker *broker, int64_t now_ns)
{
	check_store(broker);
	if (broker->linger_until_ns && now_ns >= broker->linger_until_ns)
		stop_now(broker);
	if (broker->store_full && space_again(broker)) {
		log_info("there is space again, taking new jobs");
		broker->store_full = false;
	}
}
