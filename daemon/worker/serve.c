#include "daemon/worker/serve.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"

enum { POLL_SIGNAL, POLL_PARENT, POLL_LINK, POLL_RUNNER };
_Static_assert(POLL_RUNNER + RUNNER_FDS == SERVE_FDS, "one for each");

void serve_init(struct serve *serve, struct config *config,
		const struct channel_message *birth, struct runner *runner,
		int signal_fd, int parent_fd)
{
	serve->runner = runner;
	serve->signal_fd = signal_fd;
	serve->parent_fd = parent_fd;
	desk_init(&serve->desk, config, birth, runner, clock_mono_ns());
}

void serve_fini(struct serve *serve)
{
	desk_fini(&serve->desk);
	close(serve->signal_fd);
	if (serve->parent_fd >= 0)
		close(serve->parent_fd);
}

static void on_signals(struct serve *serve)
{
	struct signalfd_siginfo info[8];
	ssize_t n = read(serve->signal_fd, info, sizeof(info));

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(info[0]); i++) {
		if (info[i].ssi_signo != SIGTERM)
			continue;
		log_info("worker leaves, asked to");
		desk_leave(&serve->desk, WORKER_EXIT_OK);
	}
	serve->runner->kind->children(serve->runner);
}

static void on_parent_gone(struct serve *serve)
{
	close(serve->parent_fd);
	serve->parent_fd = -1;
	log_info("worker leaves, the supervisor is gone");
	desk_leave(&serve->desk, WORKER_EXIT_OK);
}

void serve_fill(const struct serve *serve, struct serve_wait *ret)
{
	const struct uplink *link = &serve->desk.link;
	const struct runner *runner = serve->runner;
	struct pollfd *fds = ret->fds;
	int64_t due = desk_due_ns(&serve->desk), other;

	fds[POLL_SIGNAL] = (struct pollfd){serve->signal_fd, POLLIN, 0};
	fds[POLL_PARENT] = (struct pollfd){serve->parent_fd, POLLIN, 0};
	fds[POLL_LINK] = (struct pollfd){link->fd, POLLIN, 0};
	if (uplink_pending(link))
		fds[POLL_LINK].events |= POLLOUT;
	for (int i = 0; i < RUNNER_FDS; i++)
		fds[POLL_RUNNER + i] = (struct pollfd){-1, POLLIN, 0};
	runner->kind->fill(runner, fds + POLL_RUNNER);
	other = runner->kind->due_ns(runner);
	ret->due_ns = other < due ? other : due;
}

void serve_sleep(struct serve_wait *wait)
{
	int64_t due = wait->due_ns;
	struct timespec timeout = {0};
	int n;

	if (due != INT64_MAX && due > 0) {
		int64_t left = due - clock_mono_ns();

		if (left > 0)
			timeout = (struct timespec){left / 1000000000,
						    left % 1000000000};
	}
	n = ppoll(wait->fds, SERVE_FDS, due == INT64_MAX ? NULL : &timeout,
		  NULL);
	if (n > 0)
		return;
	for (int i = 0; i < SERVE_FDS; i++)
		wait->fds[i].revents = 0;
}

bool serve_turn(struct serve *serve, const struct serve_wait *wait)
{
	const struct pollfd *fds = wait->fds;
	struct runner *runner = serve->runner;
	struct desk *desk = &serve->desk;
	int64_t now_ns;

	/* Output before the end of who wrote it: what came first is first. */
	runner->kind->readable(runner, fds + POLL_RUNNER);
	if (fds[POLL_SIGNAL].revents)
		on_signals(serve);
	if (fds[POLL_PARENT].revents)
		on_parent_gone(serve);
	now_ns = clock_mono_ns();
	if (fds[POLL_LINK].revents & (POLLIN | POLLHUP | POLLERR))
		desk_receive(desk, now_ns);
	if ((runner->job || !TAILQ_EMPTY(&runner->others)) &&
	    desk->link.greeted)
		runner->kind->say(runner, &desk->link.out, now_ns);
	runner->kind->tick(runner, now_ns);
	return desk_turn(desk, clock_mono_ns());
}

enum worker_exit serve_loop(struct serve *serve)
{
	struct serve_wait wait;

	if (desk_turn(&serve->desk, clock_mono_ns()))
		return serve->desk.status;
	do {
		serve_fill(serve, &wait);
		serve_sleep(&wait);
	} while (!serve_turn(serve, &wait));
	return serve->desk.status;
}
