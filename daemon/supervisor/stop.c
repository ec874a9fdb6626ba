#include "daemon/supervisor/state.h"

#include "daemon/supervisor/cgroup_folder.h"

#include <errno.h>
#include <signal.h>

/* After SIGKILL only the kernel can hold a process back: not for long. */
#define KILL_NS (5 * INT64_C(1000000000))

void stop_begin(struct supervisor *supervisor, enum channel_stop stop,
		int64_t now_ns)
{
	static const char *const words[] = {
		[STOP_LEAVE] = "leave",
		[STOP_DRAIN] = "drain",
		[STOP_KILL] = "kill",
	};
	const struct channel_message message = {
		.kind = CHANNEL_STOP_NOW,
		.stop = stop,
	};

	if (supervisor->state != SUPERVISOR_SERVING) {
		log_info("stopping already, ignored");
		return;
	}
	log_info("stopping jobs=%s", words[stop]);
	notify_send(&supervisor->notify, "STOPPING=1\nSTATUS=stopping");
	supervisor->state = SUPERVISOR_STOPPING;
	supervisor->stop = stop;
	supervisor->stop_deadline_ns =
		now_ns + supervisor->config->stop_timeout_ms * INT64_C(1000000);
	broker_child_send(&supervisor->broker, &message, now_ns);
}

void stop_for(struct supervisor *supervisor, int exit_status, int64_t now_ns)
{
	/* The first reason is the one to tell. */
	if (!supervisor->exit_status)
		supervisor->exit_status = exit_status;
	if (supervisor->state == SUPERVISOR_SERVING)
		stop_begin(supervisor, STOP_LEAVE, now_ns);
}

static void kill_pool(struct supervisor *supervisor, struct pool *pool)
{
	/* First who could still fork others. */
	template_kill(&pool->next);
	template_kill(&pool->template);
	template_kill(&pool->old);
	for (int slot = 0; slot < pool->size; slot++)
		deaths_end_worker(supervisor, &pool->workers[slot]);
}

/* Whoever was stopped (SIGSTOP) cannot hear that nobody is there any more. */
static void wake(pid_t pid)
{
	int r = reap_signal(pid, SIGCONT);

	if (r < 0 && r != -ESRCH)
		log_error("cannot wake a process, continuing pid=%d "
			  "error=\"%s\"",
			  (int)pid, strerror(-r));
}

static void leave_pool(struct supervisor *supervisor, struct pool *pool)
{
	bool says_so = pool->config.kind != POOL_COMMAND;

	template_kill(&pool->next);
	template_kill(&pool->old);
	wake(pool->template.pid);
	for (int slot = 0; slot < pool->size; slot++) {
		const struct pool_worker *worker = &pool->workers[slot];

		if (says_so && !worker->ready)
			deaths_end_worker(supervisor, worker);
		else
			wake(worker->pid);
	}
}

/*
 * Workers stay with the job that they have, and leave by themselves, and so do
 * templates that serve. Who was never ready has no job, and one that hangs in
 * its initializer, or a template in what it preloads, would never hear that
 * nobody waits for it.
 */
static void leave(struct supervisor *supervisor)
{
	for (int i = 0; i < POOLS_MAX; i++)
		if (supervisor->pools.list[i])
			leave_pool(supervisor, supervisor->pools.list[i]);
	supervisor->state = SUPERVISOR_DONE;
}

static void kill_workers(struct supervisor *supervisor, int64_t now_ns)
{
	for (int i = 0; i < POOLS_MAX; i++)
		if (supervisor->pools.list[i])
			kill_pool(supervisor, supervisor->pools.list[i]);
	supervisor->state = SUPERVISOR_KILLING;
	supervisor->stop_deadline_ns = now_ns + KILL_NS;
}

static void wait_for_broker(struct supervisor *supervisor, int64_t now_ns)
{
	if (supervisor->broker.state == BROKER_NONE) {
		if (supervisor->stop == STOP_KILL) {
			kill_workers(supervisor, now_ns);
			return;
		}
		leave(supervisor);
		return;
	}
	if (now_ns < supervisor->stop_deadline_ns)
		return;
	if (supervisor->broker.state == BROKER_KILLED) {
		log_error("broker does not end, leaving it");
		leave(supervisor);
		return;
	}
	broker_child_kill(&supervisor->broker, "the stop took too long",
			  now_ns);
	supervisor->stop_deadline_ns = now_ns + KILL_NS;
}

static void wait_for_kill(struct supervisor *supervisor, int64_t now_ns)
{
	/* An orphan that waits to be reaped is not gone. */
	if (!pool_set_living(&supervisor->pools) && !supervisor->hunt_ns &&
	    !supervisor->sweep_ns) {
		supervisor->state = SUPERVISOR_DONE;
		return;
	}
	if (now_ns < supervisor->stop_deadline_ns)
		return;
	log_error("processes do not end, leaving them");
	supervisor->state = SUPERVISOR_DONE;
}

void stop_turn(struct supervisor *supervisor, int64_t now_ns)
{
	switch (supervisor->state) {
	case SUPERVISOR_STOPPING:
		wait_for_broker(supervisor, now_ns);
		break;
	case SUPERVISOR_KILLING:
		wait_for_kill(supervisor, now_ns);
		break;
	case SUPERVISOR_SERVING:
	case SUPERVISOR_DONE:
		break;
	}
}
