#include "daemon/supervisor/broker_child.h"

#include "daemon/supervisor/spawn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int broker_child_start(struct broker_child *broker, const struct listen *listen,
		       char *const *flags, const char *program, int64_t now_ns)
{
	struct spawn spawn = {
		.role = "broker",
		.flags = flags,
		.program = program,
		.cgroup = -1,
		.listen_count = (int)listen->client_count,
		.raise_nofile = true,
	};
	int ends[2], r;

	require(broker->state == BROKER_NONE);
	r = channel_pair(ends);
	if (r < 0)
		return r;
	spawn.fds[spawn.fd_count++] = ends[1];
	spawn.fds[spawn.fd_count++] = listen->workers.fd;
	for (size_t i = 0; i < listen->client_count; i++)
		spawn.fds[spawn.fd_count++] = listen->clients[i].fd;
	r = spawn_role(&spawn, &broker->pid);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return r;
	}
	broker->state = BROKER_STARTING;
	broker->channel = ends[0];
	broker->born_ns = broker->beat_ns = now_ns;
	broker->recovering = true;
	broker->was_ready = false;
	return 0;
}

void broker_child_send(struct broker_child *broker,
		       const struct channel_message *message, int64_t now_ns)
{
	if (broker->state == BROKER_NONE || broker->channel < 0)
		return;
	/* Its end is told by its death; anything else it cannot make up for. */
	if (outbox_send(&broker->outbox, broker->channel, message) < 0)
		broker_child_kill(broker, "it cannot be told anything", now_ns);
}

void broker_child_flush(struct broker_child *broker)
{
	if (broker->channel >= 0)
		outbox_flush(&broker->outbox, broker->channel);
}

bool broker_child_wants_write(const struct broker_child *broker)
{
	return broker->channel >= 0 && outbox_waits(&broker->outbox);
}

void broker_child_heard(struct broker_child *broker,
			const struct channel_message *message, int64_t now_ns)
{
	broker->beat_ns = now_ns;
	if (message->kind == CHANNEL_BEAT)
		broker->recovering = message->starting;
	if (message->kind != CHANNEL_READY)
		return;
	broker->recovering = false;
	broker->was_ready = true;
	if (broker->state == BROKER_STARTING)
		broker->state = BROKER_SERVING;
}

int64_t broker_child_deadline_ns(const struct broker_child *broker)
{
	if (broker->state != BROKER_STARTING && broker->state != BROKER_SERVING)
		return 0;
	return broker->beat_ns +
	       (broker->recovering ? BROKER_STARTING_NS : BROKER_BEAT_NS);
}

void broker_child_kill(struct broker_child *broker, const char *why,
		       int64_t now_ns)
{
	int r;

	if (broker->state == BROKER_NONE || broker->state == BROKER_KILLED)
		return;
	log_error("broker is ended pid=%d reason=\"%s\"", (int)broker->pid,
		  why);
	broker->state = BROKER_KILLED;
	broker->killed_ns = now_ns;
	r = reap_signal(broker->pid, SIGKILL);
	if (r < 0 && r != -ESRCH)
		log_error("broker cannot be ended, continuing error=\"%s\"",
			  strerror(-r));
}

/*
 * A broker that served and was ended from outside did nothing wrong; one that
 * fails by itself gets the back-off unless it lived long.
 */
static bool was_useful(const struct broker_child *broker, int status)
{
	if (!broker->was_ready || broker->state == BROKER_KILLED)
		return false;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0;
	return WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM;
}

/* Whoever read the end of its connection has ended after this was closed. */
bool broker_child_is_gone(const struct broker_child *broker)
{
	struct pollfd end = {.fd = broker->channel};

	return broker->state == BROKER_NONE || broker->channel < 0 ||
	       (poll(&end, 1, 0) > 0 && end.revents & (POLLHUP | POLLERR));
}

bool broker_child_cut_off(const struct broker_child *broker, int64_t born_ns,
			  int64_t now_ns)
{
	int64_t died_ns = broker->died_ns;

	if (broker->state != BROKER_NONE && broker_child_is_gone(broker))
		died_ns = now_ns;
	/* Born behind it: then it was not connected, and ends for itself. */
	return died_ns && born_ns <= died_ns &&
	       now_ns - died_ns < BROKER_CUT_OFF_NS;
}

int64_t broker_child_died(struct broker_child *broker, int status,
			  int64_t now_ns)
{
	int64_t next_ns;

	require(broker->state != BROKER_NONE);
	next_ns = backoff_died(&broker->backoff, now_ns,
			       now_ns - broker->born_ns,
			       was_useful(broker, status));
	if (broker->channel >= 0)
		close(broker->channel);
	outbox_fini(&broker->outbox);
	*broker = (struct broker_child){
		.channel = -1,
		.died_ns = now_ns,
		.backoff = broker->backoff,
	};
	return next_ns;
}
