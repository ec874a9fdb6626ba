#include "daemon/supervisor/state.h"

#include "daemon/base/clock.h"
#include "daemon/supervisor/cgroup_folder.h"
#include "daemon/supervisor/limits.h"
#include "daemon/supervisor/lock.h"
#include "daemon/supervisor/spawn.h"
#include "daemon/supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES 100
#define LOCK_PAUSE_MS 10

static int refuse(struct supervisor *supervisor, int status, const char *text)
{
	log_error("cannot start: %s", text);
	supervisor->exit_status = status;
	return 1;
}

static int refuse_errno(struct supervisor *supervisor, const char *what, int r)
{
	char text[512];

	snprintf(text, sizeof(text), "%.400s: %s", what, strerror(-r));
	return refuse(supervisor, SUPERVISOR_EXIT_SYSTEM, text);
}

/*
 * A daemon that was killed while it started a child leaves the lock to it for
 * a moment: that is no second daemon.
 */
static int take_state_lock(const char *path, int *ret_fd, int *ret_pid)
{
	int r;

	for (int try = 0; try < LOCK_TRIES; try++) {
		*ret_pid = 0;
		r = lock_take(path, ret_fd, ret_pid);
		if (r != LOCK_E_HELD || !lock_holder_gone(*ret_pid))
			break;
		poll(NULL, 0, LOCK_PAUSE_MS);
	}
	return r;
}

static int take_runtime_lock(const char *path, int *ret_fd)
{
	int r;

	for (int try = 0; try < LOCK_TRIES; try++) {
		r = lock_take_folder(path, ret_fd);
		if (r != LOCK_E_HELD)
			break;
		poll(NULL, 0, LOCK_PAUSE_MS);
	}
	return r;
}

static int refuse_lock(struct supervisor *supervisor, const char *path, int r)
{
	bool closed = r == -EROFS || r == -EACCES || r == -EPERM ||
		      r == -EISDIR || r == -ELOOP;
	char text[512];

	snprintf(text, sizeof(text), "%.300s: cannot be locked: %s: %s", path,
		 strerror(-r),
		 closed ? "name a folder that can be written, or make it so"
			: "mend that, and start it again");
	return refuse(supervisor,
		      closed ? SUPERVISOR_EXIT_CALLER : SUPERVISOR_EXIT_SYSTEM,
		      text);
}

static int take_locks(struct supervisor *supervisor)
{
	const struct config *config = supervisor->config;
	char path[CONFIG_PATH_BYTES + 8], text[512];
	int pid, r;

	snprintf(path, sizeof(path), "%s/lock", config->state_dir);
	r = take_state_lock(path, &supervisor->lock, &pid);
	if (r == LOCK_E_HELD) {
		snprintf(text, sizeof(text),
			 "another reeved (pid %d) serves %.400s", pid,
			 config->state_dir);
		return refuse(supervisor, SUPERVISOR_EXIT_CALLER, text);
	}
	if (r < 0)
		return refuse_lock(supervisor, path, r);
	r = take_runtime_lock(config->runtime_dir, &supervisor->runtime_lock);
	if (r == LOCK_E_HELD) {
		snprintf(text, sizeof(text),
			 "another reeved has its sockets in %.300s: give "
			 "--runtime-dir",
			 config->runtime_dir);
		return refuse(supervisor, SUPERVISOR_EXIT_CALLER, text);
	}
	return r < 0 ? refuse_errno(supervisor, config->runtime_dir, r) : 0;
}

/* Standard error becomes the log; the rest of the terminal is let go. */
static int leave_terminal(struct supervisor *supervisor)
{
	char path[CONFIG_PATH_BYTES + 16];
	int null, log;

	snprintf(path, sizeof(path), "%s/reeved.log",
		 supervisor->config->state_dir);
	log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		   0600);
	if (log < 0)
		return refuse_errno(supervisor, path, -errno);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		return refuse_errno(supervisor, "/dev/null", -errno);
	close(null);
	close(log);
	log_init("supervisor", supervisor->config->log_level);
	/* The folder we were called in must not stay busy for our sake. */
	if (chdir("/") < 0)
		return refuse_errno(supervisor, "/", -errno);
	return 0;
}

static int detach(struct supervisor *supervisor)
{
	int r;

	if (!supervisor->config->daemonize)
		return 0;
	r = spawn_detached(&supervisor->ready, &supervisor->exit_status);
	if (r < 0)
		return refuse_errno(supervisor, "cannot go on as a daemon", r);
	if (r == SPAWN_E_STARTER) {
		if (supervisor->exit_status)
			log_error("did not start: %s/reeved.log says why",
				  supervisor->config->state_dir);
		/* The locks and the sockets are the daemon's. */
		_exit(supervisor->exit_status);
	}
	r = lock_write_pid(supervisor->lock);
	if (r < 0)
		return refuse_errno(supervisor, "cannot write the lock", r);
	return leave_terminal(supervisor);
}

/* Nothing runs in a handler: signals are read like everything else. */
static int take_signals(struct supervisor *supervisor)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction normal = {.sa_handler = SIG_DFL};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		sigaddset(&set, numbers[i]);
		/* An ignored SIGCHLD, inherited, would reap behind our back. */
		sigaction(numbers[i], &normal, NULL);
	}
	sigaction(SIGPIPE, &ignore, NULL);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return refuse_errno(supervisor, "sigprocmask", -errno);
	supervisor->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (supervisor->signals < 0)
		return refuse_errno(supervisor, "signalfd", -errno);
	return 0;
}

static bool nobody_known(__attribute__((unused)) void *context,
			 __attribute__((unused)) pid_t pid)
{
	return false;
}

static bool no_folder_of_ours(__attribute__((unused)) void *context,
			      __attribute__((unused)) const char *name)
{
	return false;
}

static int adopt_children(struct supervisor *supervisor)
{
	const struct orphans_ask ask = {NULL, nobody_known, nobody_known};
	int r;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return refuse_errno(supervisor, "cannot be a subreaper",
				    -errno);
	/* Whoever exec'ed us may have left children: they are not ours. */
	r = orphans_spare(&supervisor->orphans, &ask);
	return r < 0 ? refuse_errno(supervisor, "cannot list children", r) : 0;
}

static int make_pools(struct supervisor *supervisor,
		      const struct pools_config *pools)
{
	const struct config *config = supervisor->config;
	int r;

	/* Microseconds since 1970 are below 2^53 until the year 2255. */
	r = pool_set_init(&supervisor->pools, config->workers,
			  clock_wall_ms() * 1000);
	if (!r)
		r = pool_set_apply(&supervisor->pools, pools, 0);
	if (r == POOL_SET_E_FULL)
		return refuse(supervisor, SUPERVISOR_EXIT_CALLER,
			      "there are too many pools");
	if (!r)
		r = config_argv(config, &supervisor->flags);
	if (r < 0)
		return refuse_errno(supervisor, "cannot start", r);
	supervisor->birth = (struct birth){
		.config = config,
		.tree = &supervisor->tree,
		.flags = supervisor->flags,
		.nofile = supervisor->nofile,
	};
#ifdef REEVE_TEST_HOOKS
	supervisor->broker_program = getenv("REEVE_TEST_BROKER");
	supervisor->birth.program = getenv("REEVE_TEST_WORKER");
#endif
	return 0;
}

static void open_cgroups(struct supervisor *supervisor)
{
	struct cgroup_tree *tree = &supervisor->tree;
	size_t soon = 0, later = 0;
	int r;

	cgroup_tree_open(tree, supervisor->config);
	if (!tree->on) {
		log_info("cgroups off: %s", tree->reason);
		return;
	}
	log_info("cgroups on path=%s", tree->path);
	/* What an earlier daemon left, except the folders of its workers. */
	r = cgroup_folder_sweep(tree->job, no_folder_of_ours, NULL, &soon,
				&later);
	if (r < 0)
		log_warning("leftover cgroups stay, continuing error=\"%s\"",
			    strerror(-r));
	if (soon || later)
		supervisor->sweep_ns = 1;
}

/* Jobs get the soft limit that we were started with. */
static int raise_limits(struct supervisor *supervisor,
			const struct pools_config *pools)
{
	int workers = supervisor->config->workers;
	struct limits_fault fault;
	struct rlimit limit;

	for (size_t i = 0; i < pools->count; i++)
		workers += pools->list[i].workers_max;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		supervisor->nofile = limit.rlim_cur;
	if (limits_raise(workers, &fault))
		return refuse(supervisor, SUPERVISOR_EXIT_CALLER,
			      fault.message);
	return 0;
}

int start_up(struct supervisor *supervisor, const struct settings *settings,
	     const struct settings_ask *ask)
{
	const struct config *config = &supervisor->now;
	struct config_fault fault;
	int r;

	*supervisor = (struct supervisor){
		.config = config,
		.now = settings->config,
		.first = settings,
		.ask = ask,
		.lock = -1,
		.runtime_lock = -1,
		.signals = -1,
		.ready = -1,
		.tree = {.top = -1, .pool = -1, .job = -1},
		.listen.workers.fd = -1,
		.broker.channel = -1,
		.notify.fd = -1,
	};
	umask(0077);
	r = raise_limits(supervisor, &settings->pools);
	if (r)
		return r;
	r = config_directories(config, &fault);
	if (r)
		return refuse(supervisor, SUPERVISOR_EXIT_CALLER,
			      fault.message);
	r = take_locks(supervisor);
	if (!r) {
		r = listen_open(&supervisor->listen, config, &fault);
		if (r)
			return refuse(supervisor,
				      r < 0 ? SUPERVISOR_EXIT_SYSTEM
					    : SUPERVISOR_EXIT_CALLER,
				      fault.message);
	}
	if (!r)
		r = detach(supervisor);
	if (r)
		return r;
	notify_init(&supervisor->notify);
	r = take_signals(supervisor);
	if (!r)
		r = adopt_children(supervisor);
	if (!r) {
		size_t count = unready_open(&supervisor->unready,
					    config->runtime_dir);

		if (count)
			log_info("ended who an earlier daemon left before it "
				 "was ready count=%zu",
				 count);
		r = make_pools(supervisor, &settings->pools);
	}
	if (!r)
		open_cgroups(supervisor);
	return r;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void start_down(struct supervisor *supervisor)
{
	spawn_ready(&supervisor->ready, supervisor->exit_status);
	listen_close(&supervisor->listen, supervisor->config);
	cgroup_tree_close(&supervisor->tree);
	orphans_fini(&supervisor->orphans);
	unready_close(&supervisor->unready);
	pool_set_fini(&supervisor->pools);
	notify_fini(&supervisor->notify);
	free(supervisor->flags);
	settings_free(supervisor->last);
	close_one(&supervisor->signals);
	close_one(&supervisor->runtime_lock);
	/* Last: until now nobody else could have taken our place. */
	close_one(&supervisor->lock);
}
