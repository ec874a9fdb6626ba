#include "daemon/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/worker/attempt.h"
#include "daemon/worker/desk.h"

#define BIRTH_FD 3
#define CGROUP_FD 4
#define DEFAULT_NOFILE 1024

enum { POLL_SIGNAL, POLL_PARENT, POLL_LINK, POLL_RUNNER };
#define POLL_COUNT (POLL_RUNNER + RUNNER_FDS)

struct worker {
	struct config config; /* its own: the broker changes it */
	struct channel_message birth;
	struct desk desk;
	struct attempt attempt;
	struct runner *runner; /* the attempt's */
	int signal_fd;
	int parent_fd; /* pidfd of the supervisor */
};

/*
 * Jobs are born with default handlers and an empty mask, and resetting 64
 * handlers in each child costs more than all else: so the worker has no
 * handlers, ignores nothing, and blocks everything.
 */
static int set_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t set;
	int fd;

	for (int signal = 1; signal < NSIG; signal++)
		(void)sigaction(signal, &action, NULL);
	sigfillset(&set);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int read_birth(struct channel_message *birth)
{
	char *at = (char *)birth;
	size_t left = sizeof(*birth);

	while (left) {
		ssize_t n = read(BIRTH_FD, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		at += n;
		left -= (size_t)n;
	}
	birth->pool[CHANNEL_POOL_BYTES - 1] = '\0';
	birth->cgroup[sizeof(birth->cgroup) - 1] = '\0';
	return birth->kind == CHANNEL_BORN ? 0 : -EPROTO;
}

/* The cgroup folder, if there is one. */
static int take_cgroup(const struct channel_message *birth)
{
	struct stat st;

	if (!birth->cgroup[0] || fstat(CGROUP_FD, &st) < 0 ||
	    !S_ISDIR(st.st_mode)) {
		close(CGROUP_FD);
		return -1;
	}
	(void)fcntl(CGROUP_FD, F_SETFD, FD_CLOEXEC);
	return CGROUP_FD;
}

/* 0, 1, 2 and 3 are taken, so that no descriptor of a job's is in the way. */
static int fill_low(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	} while (fd < BIRTH_FD);
	if (fd == BIRTH_FD)
		return 0;
	if (dup3(fd, BIRTH_FD, O_CLOEXEC) < 0)
		return -errno;
	close(fd);
	return 0;
}

static int64_t wanted_nofile(void)
{
	const char *text = getenv("REEVE_NOFILE");
	int64_t n = text ? strtoll(text, NULL, 10) : 0;

	return n > 0 ? n : DEFAULT_NOFILE;
}

static int worker_init(struct worker *worker, const struct config *config)
{
	int cgroup_fd, r = read_birth(&worker->birth);

	if (r)
		return r;
	if (close_range(CGROUP_FD + 1, ~0U, 0) < 0)
		return -errno;
	cgroup_fd = take_cgroup(&worker->birth);
	r = fill_low();
	if (r)
		return r;
	if (chdir("/") < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -errno;
	worker->parent_fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
	if (worker->parent_fd < 0)
		return -errno;
	/* Gone already: then this pidfd is of whoever adopts orphans. */
	if (worker->birth.parent && getppid() != worker->birth.parent)
		return -ESRCH;
	worker->signal_fd = set_signals();
	if (worker->signal_fd < 0)
		return worker->signal_fd;
	worker->config = *config;
	r = attempt_init(&worker->attempt, &worker->config, cgroup_fd, BIRTH_FD,
			 wanted_nofile());
	if (r)
		return r;
	worker->runner = &worker->attempt.runner;
	desk_init(&worker->desk, &worker->config, &worker->birth,
		  worker->runner, clock_mono_ns());
	return 0;
}

static void worker_fini(struct worker *worker)
{
	desk_fini(&worker->desk);
	attempt_fini(&worker->attempt);
	close(worker->signal_fd);
	if (worker->parent_fd >= 0)
		close(worker->parent_fd);
}

static void on_signals(struct worker *worker)
{
	struct signalfd_siginfo info[8];
	ssize_t n = read(worker->signal_fd, info, sizeof(info));

	for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(info[0]); i++) {
		if (info[i].ssi_signo != SIGTERM)
			continue;
		log_info("worker leaves, asked to");
		desk_leave(&worker->desk, WORKER_EXIT_OK);
	}
	worker->runner->kind->children(worker->runner);
}

static void on_parent_gone(struct worker *worker)
{
	close(worker->parent_fd);
	worker->parent_fd = -1;
	log_info("worker leaves, the supervisor is gone");
	desk_leave(&worker->desk, WORKER_EXIT_OK);
}

static void fill(const struct worker *worker, struct pollfd fds[POLL_COUNT])
{
	const struct uplink *link = &worker->desk.link;

	fds[POLL_SIGNAL] = (struct pollfd){worker->signal_fd, POLLIN, 0};
	fds[POLL_PARENT] = (struct pollfd){worker->parent_fd, POLLIN, 0};
	fds[POLL_LINK] = (struct pollfd){link->fd, POLLIN, 0};
	if (uplink_pending(link))
		fds[POLL_LINK].events |= POLLOUT;
	for (int i = 0; i < RUNNER_FDS; i++)
		fds[POLL_RUNNER + i] = (struct pollfd){-1, POLLIN, 0};
	worker->runner->kind->fill(worker->runner, fds + POLL_RUNNER);
}

static int64_t due_ns(const struct worker *worker)
{
	int64_t due = desk_due_ns(&worker->desk), other;

	other = worker->runner->kind->due_ns(worker->runner);
	return other < due ? other : due;
}

/* Sleep until something happens. */
static void wait_events(const struct worker *worker,
			struct pollfd fds[POLL_COUNT])
{
	int64_t due = due_ns(worker);
	struct timespec timeout = {0};
	int n;

	if (due != INT64_MAX) {
		int64_t left = due - clock_mono_ns();

		if (left > 0)
			timeout = (struct timespec){left / 1000000000,
						    left % 1000000000};
	}
	fill(worker, fds);
	n = ppoll(fds, POLL_COUNT, due == INT64_MAX ? NULL : &timeout, NULL);
	if (n > 0)
		return;
	for (int i = 0; i < POLL_COUNT; i++)
		fds[i].revents = 0;
}

static void handle(struct worker *worker, const struct pollfd fds[POLL_COUNT])
{
	struct runner *runner = worker->runner;
	int64_t now_ns;

	/* Output before the end of who wrote it: what came first is first. */
	runner->kind->readable(runner, fds + POLL_RUNNER);
	if (fds[POLL_SIGNAL].revents)
		on_signals(worker);
	if (fds[POLL_PARENT].revents)
		on_parent_gone(worker);
	now_ns = clock_mono_ns();
	if (fds[POLL_LINK].revents & (POLLIN | POLLHUP | POLLERR))
		desk_receive(&worker->desk, now_ns);
	if (runner->job && worker->desk.link.greeted)
		runner->kind->say(runner, &worker->desk.link.out, now_ns);
	runner->kind->tick(runner, now_ns);
}

int worker_main(const struct config *config)
{
	static struct worker worker;
	struct pollfd fds[POLL_COUNT];
	int r;

	log_init("worker", config->log_level);
	r = worker_init(&worker, config);
	if (r == -ESRCH) {
		log_info("worker leaves, the supervisor is gone");
		return WORKER_EXIT_OK;
	}
	if (r) {
		log_error("worker cannot begin: %s", strerror(-r));
		return WORKER_EXIT_BIRTH;
	}
	while (!desk_turn(&worker.desk, clock_mono_ns())) {
		wait_events(&worker, fds);
		handle(&worker, fds);
	}
	r = (int)worker.desk.status;
	worker_fini(&worker);
	return r;
}
