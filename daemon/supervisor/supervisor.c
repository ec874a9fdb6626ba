#include "daemon/supervisor/supervisor.h"

#include "daemon/base/clock.h"
#include "daemon/supervisor/lock.h"
#include "daemon/supervisor/spawn.h"
#include "daemon/supervisor/tend.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LISTEN_CHECK_NS (5 * INT64_C(1000000000))
#define LOCK_CHECK_NS INT64_C(1000000000)
#define BROKER_RETRY_NS (1000 * INT64_C(1000000))
/* A turn this late means that we were stopped or the machine was: then the
 * broker could not beat either. */
#define LATE_NS (2 * INT64_C(1000000000))

static void tell_host(struct supervisor *supervisor, int64_t now_ns)
{
	struct channel_message message = {
		.kind = CHANNEL_HOST,
		.cgroups = supervisor->tree.on,
	};

	memcpy(message.reason, supervisor->tree.reason, sizeof(message.reason));
	broker_child_send(&supervisor->broker, &message, now_ns);
}

/* A new broker knows nothing: it is told all, and then that this was all. */
static void start_broker(struct supervisor *supervisor, int64_t now_ns)
{
	const struct channel_message announced = {.kind = CHANNEL_ANNOUNCED};
	int r;

	if (supervisor->broker.state != BROKER_NONE ||
	    now_ns < supervisor->broker_start_ns)
		return;
	r = broker_child_start(&supervisor->broker, &supervisor->listen,
			       supervisor->flags, supervisor->broker_program,
			       now_ns);
	if (r < 0) {
		log_error("cannot start the broker, retrying error=\"%s\"",
			  strerror(-r));
		supervisor->broker_start_ns = now_ns + BROKER_RETRY_NS;
		return;
	}
	log_info("broker started pid=%d", (int)supervisor->broker.pid);
	tell_host(supervisor, now_ns);
	reload_tell(supervisor, now_ns);
	tend_tell(supervisor, now_ns);
	broker_child_send(&supervisor->broker, &announced, now_ns);
}

static void now_ready(struct supervisor *supervisor)
{
	char text[128];

	snprintf(text, sizeof(text), "READY=1\nSTATUS=serving, %d workers",
		 supervisor->config->workers);
	notify_send(&supervisor->notify, text);
	spawn_ready(&supervisor->ready, 0);
	log_info("serving socket=%s", supervisor->config->socket);
	supervisor->ever_ready = true;
}

static void on_message(struct supervisor *supervisor,
		       const struct channel_message *message, int64_t now_ns)
{
	if (tend_order(supervisor, message))
		return;
	switch (message->kind) {
	case CHANNEL_READY:
		supervisor->serving_ns = now_ns;
		broker_child_heard(&supervisor->broker, message, now_ns);
		if (supervisor->state == SUPERVISOR_SERVING)
			now_ready(supervisor);
		break;
	case CHANNEL_BEAT:
		broker_child_heard(&supervisor->broker, message, now_ns);
		break;
	case CHANNEL_RELOAD:
		reload_run(supervisor, message, now_ns);
		break;
	case CHANNEL_SHUTDOWN:
		stop_begin(supervisor,
			   message->stop <= STOP_KILL
				   ? (enum channel_stop)message->stop
				   : STOP_LEAVE,
			   now_ns);
		break;
	default:
		log_warning("unknown message of the broker, ignored kind=%u",
			    message->kind);
		break;
	}
}

static void on_channel(struct supervisor *supervisor, int64_t now_ns)
{
	struct channel_message message;
	int r;

	broker_child_flush(&supervisor->broker);
	do {
		r = channel_receive(supervisor->broker.channel, &message);
		if (!r)
			on_message(supervisor, &message, now_ns);
		else if (r == CHANNEL_E_FORM)
			log_warning("broken message of the broker, ignored");
	} while (!r || r == CHANNEL_E_FORM);
	if (r == CHANNEL_E_EMPTY)
		return;
	/* It closed its end and has not ended yet: it will, or must. */
	close(supervisor->broker.channel);
	supervisor->broker.channel = -1;
}

static void on_signals(struct supervisor *supervisor, int64_t now_ns)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signals, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info))
		switch (info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			stop_begin(supervisor, STOP_LEAVE, now_ns);
			break;
		case SIGHUP:
			reload_run(supervisor, NULL, now_ns);
			break;
		default:
			break; /* SIGCHLD: every turn takes what ended */
		}
}

static void feed_watchdog(struct supervisor *supervisor, int64_t now_ns)
{
	const struct broker_child *broker = &supervisor->broker;

	if (!supervisor->notify.watchdog_ns || now_ns < supervisor->watchdog_ns)
		return;
	supervisor->watchdog_ns = now_ns + supervisor->notify.watchdog_ns / 2;
	/* A broker that survives SIGKILL: let somebody above have a try. */
	if (broker->state == BROKER_KILLED &&
	    now_ns - broker->killed_ns > BROKER_KILLED_NS)
		return;
	notify_send(&supervisor->notify, "WATCHDOG=1");
}

static void check_broker(struct supervisor *supervisor, int64_t now_ns)
{
	struct broker_child *broker = &supervisor->broker;
	int64_t deadline_ns;

	if (now_ns - supervisor->last_turn_ns > LISTEN_CHECK_NS + LATE_NS) {
		broker->beat_ns = now_ns;
		/* Nor could a worker say that it is ready. */
		if (supervisor->serving_ns)
			supervisor->serving_ns = now_ns;
	}
	deadline_ns = broker_child_deadline_ns(broker);
	if (deadline_ns && now_ns >= deadline_ns)
		broker_child_kill(broker, "it does not turn any more", now_ns);
}

static void check_sockets(struct supervisor *supervisor, int64_t now_ns)
{
	const struct channel_message stop = {
		.kind = CHANNEL_STOP_NOW,
		.stop = STOP_LEAVE,
	};

	if (now_ns < supervisor->listen_check_ns)
		return;
	supervisor->listen_check_ns = now_ns + LISTEN_CHECK_NS;
	/* Only a new broker can be given a new socket. */
	if (listen_check(&supervisor->listen, supervisor->config))
		broker_child_send(&supervisor->broker, &stop, now_ns);
}

/*
 * Somebody else may lock what is in its place, and the broker writes into what
 * nobody finds. A new, empty state would look like lost jobs: so end, and leave
 * the running jobs to their workers.
 */
static void check_lock(struct supervisor *supervisor, int64_t now_ns)
{
	char path[CONFIG_PATH_BYTES + 8];

	if (now_ns < supervisor->lock_check_ns)
		return;
	supervisor->lock_check_ns = now_ns + LOCK_CHECK_NS;
	snprintf(path, sizeof(path), "%s/lock", supervisor->config->state_dir);
	if (!lock_check(path, supervisor->lock))
		return;
	log_error("ending: %s was removed or replaced while it was in use: "
		  "put the state directory back, then start reeved",
		  path);
	stop_for(supervisor, SUPERVISOR_EXIT_GONE, now_ns);
}

static void serve_turn(struct supervisor *supervisor, int64_t now_ns)
{
	check_lock(supervisor, now_ns);
	if (supervisor->state != SUPERVISOR_SERVING)
		return;
	check_broker(supervisor, now_ns);
	check_sockets(supervisor, now_ns);
	start_broker(supervisor, now_ns);
	tend_pools(supervisor, now_ns);
	unready_keep(&supervisor->unready, &supervisor->pools);
}

static void earlier(int64_t *at_ns, int64_t candidate_ns)
{
	if (candidate_ns && candidate_ns < *at_ns)
		*at_ns = candidate_ns;
}

static int64_t next_turn_ns(const struct supervisor *supervisor, int64_t now_ns)
{
	int64_t at_ns = now_ns + LISTEN_CHECK_NS;

	if (supervisor->state == SUPERVISOR_SERVING) {
		earlier(&at_ns, supervisor->listen_check_ns);
		earlier(&at_ns, supervisor->lock_check_ns);
		earlier(&at_ns, supervisor->pool_wake_ns);
		earlier(&at_ns, broker_child_deadline_ns(&supervisor->broker));
		if (supervisor->broker.state == BROKER_NONE)
			earlier(&at_ns, supervisor->broker_start_ns);
	} else {
		earlier(&at_ns, supervisor->stop_deadline_ns);
	}
	earlier(&at_ns, supervisor->hunt_ns);
	earlier(&at_ns, supervisor->sweep_ns);
	if (supervisor->notify.watchdog_ns)
		earlier(&at_ns, supervisor->watchdog_ns);
	return at_ns;
}

enum { POLL_SIGNALS, POLL_BROKER, POLL_TEMPLATES };

/* What happened: bit 1 << POLL_x. */
static unsigned wait_for_events(struct supervisor *supervisor, int64_t now_ns)
{
	int64_t left_ns = next_turn_ns(supervisor, now_ns) - now_ns;
	struct pollfd polls[POLL_TEMPLATES + TEND_POLLS];
	struct timespec timeout = {0, 0};
	size_t templates;

	if (left_ns > 0)
		timeout = (struct timespec){left_ns / 1000000000,
					    left_ns % 1000000000};
	polls[POLL_SIGNALS] = (struct pollfd){.fd = supervisor->signals,
					      .events = POLLIN};
	polls[POLL_BROKER] = (struct pollfd){.fd = supervisor->broker.channel,
					     .events = POLLIN};
	if (broker_child_wants_write(&supervisor->broker))
		polls[POLL_BROKER].events |= POLLOUT;
	templates = tend_polls(supervisor, polls + POLL_TEMPLATES);
	if (ppoll(polls, POLL_TEMPLATES + templates, &timeout, NULL) < 0)
		return 0;
	return (polls[POLL_SIGNALS].revents ? 1U << POLL_SIGNALS : 0) |
	       (polls[POLL_BROKER].revents ? 1U << POLL_BROKER : 0);
}

/*
 * What the broker and the templates said comes before their death and before
 * their deadline; the dead come before the living.
 */
static void turn(struct supervisor *supervisor)
{
	int64_t now_ns = clock_mono_ns();
	unsigned events;

	supervisor->last_turn_ns = now_ns;
	events = wait_for_events(supervisor, now_ns);
	now_ns = clock_mono_ns();
	if (events & 1U << POLL_BROKER)
		on_channel(supervisor, now_ns);
	tend_templates(supervisor, now_ns);
	if (events & 1U << POLL_SIGNALS) {
		on_signals(supervisor, now_ns);
		deaths_take(supervisor, now_ns);
	}
	if (supervisor->hunt_ns && now_ns >= supervisor->hunt_ns)
		deaths_hunt(supervisor, false, now_ns);
	if (supervisor->sweep_ns && now_ns >= supervisor->sweep_ns)
		deaths_sweep(supervisor, now_ns);
	if (supervisor->state == SUPERVISOR_SERVING)
		serve_turn(supervisor, now_ns);
	stop_turn(supervisor, now_ns);
	feed_watchdog(supervisor, now_ns);
}

int supervisor_main(const struct settings *settings,
		    const struct settings_ask *ask)
{
	/* Static: it is large, and there is one. */
	static struct supervisor supervisor;

	if (start_up(&supervisor, settings, ask)) {
		start_down(&supervisor);
		return supervisor.exit_status;
	}
	log_info("started pid=%d state=%s workers=%d", (int)getpid(),
		 supervisor.config->state_dir, supervisor.config->workers);
	reload_warn(settings);
	supervisor.listen_check_ns = clock_mono_ns() + LISTEN_CHECK_NS;
	serve_turn(&supervisor, clock_mono_ns());
	while (supervisor.state != SUPERVISOR_DONE)
		turn(&supervisor);
	log_info("stopped");
	start_down(&supervisor);
	return supervisor.exit_status;
}
