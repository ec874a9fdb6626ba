#include "daemon/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/worker/attempt.h"
#include "daemon/worker/run_http.h"
#include "daemon/worker/run_lines.h"
#include "daemon/worker/serve.h"

#define BIRTH_FD 3
#define CGROUP_FD 4
#define DEFAULT_NOFILE 1024

struct worker {
	struct config config; /* its own: the broker changes it */
	struct channel_message birth;
	struct serve serve;
	struct runner *runner; /* one of these */
	struct attempt attempt;
	struct run_lines lines;
#ifdef REEVE_HTTP
	struct run_http http;
#endif
};

/* What it is born to run. */
enum worker_kind { WORKER_COMMANDS, WORKER_LINES, WORKER_HTTP };

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

/* No child ever lives in it: only its lock is of use. */
static int init_http(struct worker *worker, char **words)
{
#ifdef REEVE_HTTP
	worker->runner = &worker->http.runner;
	return run_http_init(&worker->http, words);
#else
	(void)worker;
	(void)words;
	log_error("this reeved was built without libcurl");
	return WORKER_EXIT_BIRTH;
#endif
}

static int init_runner(struct worker *worker, enum worker_kind kind, char **run,
		       int cgroup_fd)
{
	switch (kind) {
	case WORKER_LINES:
		worker->runner = &worker->lines.runner;
		return run_lines_init(&worker->lines, run, cgroup_fd, BIRTH_FD,
				      wanted_nofile());
	case WORKER_HTTP:
		return init_http(worker, run);
	case WORKER_COMMANDS:
		break;
	}
	worker->runner = &worker->attempt.runner;
	return attempt_init(&worker->attempt, &worker->config, cgroup_fd,
			    BIRTH_FD, wanted_nofile());
}

static int worker_init(struct worker *worker, const struct config *config,
		       enum worker_kind kind, char **run)
{
	int cgroup_fd, parent_fd, signal_fd, r = read_birth(&worker->birth);

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
	parent_fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
	if (parent_fd < 0)
		return -errno;
	/* Gone already: then this pidfd is of whoever adopts orphans. */
	if (worker->birth.parent && getppid() != worker->birth.parent)
		return -ESRCH;
	signal_fd = set_signals();
	if (signal_fd < 0)
		return signal_fd;
	worker->config = *config;
	r = init_runner(worker, kind, run, cgroup_fd);
	if (r)
		return r;
	serve_init(&worker->serve, &worker->config, &worker->birth,
		   worker->runner, signal_fd, parent_fd);
	return 0;
}

static void worker_fini(struct worker *worker)
{
	serve_fini(&worker->serve);
	if (worker->runner == &worker->lines.runner)
		run_lines_fini(&worker->lines);
	else if (worker->runner == &worker->attempt.runner)
		attempt_fini(&worker->attempt);
#ifdef REEVE_HTTP
	else
		run_http_fini(&worker->http);
#endif
}

static int be(const struct config *config, enum worker_kind kind, char **run)
{
	static struct worker worker;
	int r;

	log_init("worker", config->log_level);
	r = worker_init(&worker, config, kind, run);
	if (r == -ESRCH) {
		log_info("worker leaves, the supervisor is gone");
		return WORKER_EXIT_OK;
	}
	if (r) {
		if (r < 0)
			log_error("worker cannot begin: %s", strerror(-r));
		return WORKER_EXIT_BIRTH;
	}
	r = (int)serve_loop(&worker.serve);
	worker_fini(&worker);
	return r;
}

int worker_main(const struct config *config, char **run)
{
	return be(config, run[0] ? WORKER_LINES : WORKER_COMMANDS, run);
}

int worker_http_main(const struct config *config, char **run)
{
	return be(config, WORKER_HTTP, run);
}
