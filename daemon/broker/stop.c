#include "daemon/broker/stop.h"

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"
#include "proto/calls_admin.h"
#include "proto/json_in.h"

/* Who asks for what the daemon does by itself. */
#define NOBODY UINT32_MAX

static const struct store_filter running = {.states = 1u << STATE_RUNNING};

/* Every running job behind @after, ended by a cancel, in slices. */
static int kill_running(struct broker *broker, int64_t after)
{
	struct batch *batch = broker->gathering;
	struct store_steer *steer;
	size_t i;

	if (batch_add_steer(batch, &i))
		return -ENOMEM;
	steer = &batch->store.steers[i];
	steer->kind = STORE_CANCEL;
	steer->filter = running;
	steer->uid = NOBODY;
	steer->after = after;
	steer->reason = SLICE("the daemon was stopped with kill");
	steer->grace_ms = -1;
	steer->max = 1000;
	cycle_kick(broker);
	return 0;
}

void stop_batch(struct broker *broker, const struct batch *batch)
{
	for (size_t i = 0; i < batch->store.steer_count; i++) {
		const struct store_steer *steer = &batch->store.steers[i];
		int64_t after = batch->result ? steer->after : steer->next;

		if (steer->kind != STORE_CANCEL || steer->uid != NOBODY ||
		    (!batch->result && !after))
			continue;
		if (kill_running(broker, after))
			log_error("no memory to end the running jobs, "
				  "draining");
	}
}

/* The reply leaves first; then the supervisor ends us all. */
static void tell_supervisor(struct broker *broker, struct call *call,
			    enum channel_stop how)
{
	if (call) {
		call_reply(call, false);
		call_reply_end(call);
		conns_flush(broker);
	}
	link_send(broker, &(struct channel_message){
				  .kind = CHANNEL_SHUTDOWN,
				  .stop = how,
			  });
}

static void on_deaf(struct call *call)
{
	if (call->broker->stop_call == call) {
		call->broker->stop_call = NULL;
		call_release(call);
	}
}

void stop_asked(struct call *call, int mode, int64_t timeout_ms)
{
	struct broker *broker = call->broker;

	if (broker->stop_call) {
		call_error_simple(call, "org.reeve.jobs.Draining",
				  "the daemon is being stopped already", NULL);
		return;
	}
	log_info("asked to stop mode=%s uid=%u",
		 mode == SHUTDOWN_DRAIN	 ? "drain"
		 : mode == SHUTDOWN_KILL ? "kill"
					 : "leave",
		 (unsigned)call->uid);
	if (mode == SHUTDOWN_LEAVE) {
		tell_supervisor(broker, call, STOP_LEAVE);
		return;
	}
	broker->stop = mode == SHUTDOWN_DRAIN ? BROKER_DRAINS : BROKER_KILLS;
	broker->sched.draining = true;
	broker->stop_call = call;
	broker->stop_at_ns = timeout_ms < 0
				     ? 0
				     : clock_mono_ns() + timeout_ms * 1000000;
	call->deaf = on_deaf;
	call_hold(call);
	reserves_drain(broker);
	if (mode == SHUTDOWN_KILL && kill_running(broker, 0))
		log_error("no memory to end the running jobs, draining");
	cycle_kick(broker);
	stop_check(broker);
}

/* What has arrived is committed, and its replies leave; then the loop ends. */
static void check_end(struct broker *broker)
{
	/* What is refused now is kept by the workers for the next broker. */
	if (!broker->store_broken &&
	    (!writer_idle(&broker->writer) ||
	     (!batch_empty(broker->gathering) && !broker->store_failed)))
		return;
	conns_flush(broker);
	sock_hurry(&broker->socks);
	event_base_loopexit(broker->base, NULL);
}

void stop_check(struct broker *broker)
{
	struct call *call = broker->stop_call;
	bool late = broker->stop_at_ns && clock_mono_ns() > broker->stop_at_ns;
	enum channel_stop how;

	if (broker->ending) {
		check_end(broker);
		return;
	}
	if (broker->stop != BROKER_DRAINS && broker->stop != BROKER_KILLS)
		return;
	if (!late &&
	    (fleet_busy(&broker->fleet) || !writer_idle(&broker->writer) ||
	     !batch_empty(broker->gathering)))
		return;
	how = late			      ? STOP_LEAVE
	      : broker->stop == BROKER_DRAINS ? STOP_DRAIN
					      : STOP_KILL;
	broker->stop = BROKER_STOPS;
	broker->stop_call = NULL;
	if (call)
		call->deaf = NULL;
	tell_supervisor(broker, call, how);
	if (call)
		call_release(call);
}

void stop_now(struct broker *broker)
{
	if (broker->ending)
		return;
	broker->ending = true;
	broker->sched.draining = true;
	conns_listen(broker, false);
	cycle_kick(broker);
	check_end(broker);
}
