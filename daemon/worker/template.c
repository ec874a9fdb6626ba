#include "daemon/worker/template.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/template.h"
#include "daemon/base/title.h"
#include "daemon/worker/run_plugin.h"

/* What the middle process says of the worker that it forked. */
struct born {
	pid_t pid;
	int error;
};

struct template
{
	char **run; /* copied: the plugin may keep them */
	const struct config *config;
	struct plugin plugin;
	struct born *born; /* shared with the middle process */
	int parent_fd;	   /* pidfd of the supervisor */
	int told[2];	   /* a pipe: its end says that FORKED was sent */
};

static int say(const struct template_message *message)
{
	ssize_t n;

	do
		n = send(TEMPLATE_FD, message, sizeof(*message), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Return: false at the end of the channel. */
static bool hear(struct template_message *ret)
{
	ssize_t n;

	do
		n = recv(TEMPLATE_FD, ret, sizeof(*ret), 0);
	while ((n < 0 && errno == EINTR) ||
	       (n > 0 && (size_t)n != sizeof(*ret)));
	if (n <= 0)
		return false;
	ret->text[TEMPLATE_TEXT_BYTES - 1] = '\0';
	return true;
}

/* Whatever fork() leaves behind of another thread is a lock that nobody opens.
 * Return: how many there are; -1: nobody can tell. */
static int count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	if (!tasks)
		return -1;
	while ((entry = readdir(tasks)))
		count += entry->d_name[0] != '.';
	closedir(tasks);
	return count;
}

/* SIGTERM asks the worker to leave, and comes by a descriptor; the rest is as
 * the plugin wants it. */
static int take_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void fill_birth(struct channel_message *birth,
		       const struct template_message *order)
{
	const char *pool = getenv("REEVE_POOL");

	*birth = (struct channel_message){.kind = CHANNEL_BORN};
	birth->worker = order->worker;
	birth->slot = order->slot;
	memcpy(birth->secret, order->secret, sizeof(birth->secret));
	snprintf(birth->pool, sizeof(birth->pool), "%s",
		 pool ? pool : "plugin");
}

static int serve_pool(const struct template *template,
		      const struct template_message *order)
{
	static struct config config;
	static struct channel_message birth;
	static struct run_plugin run;
	static struct attend attend;
	static struct serve serve;
	char why[PLUGIN_WHY_BYTES], name[CHANNEL_POOL_BYTES + 16];
	int signal_fd, r;
	void *data;

	config = *template->config;
	log_init("worker", config.log_level);
	fill_birth(&birth, order);
	snprintf(name, sizeof(name), "%s/%d", birth.pool, (int)birth.slot);
	title_set("worker", name);
	signal_fd = take_signals();
	if (signal_fd < 0) {
		log_error("worker cannot begin: %s", strerror(-signal_fd));
		return WORKER_EXIT_BIRTH;
	}
	if (plugin_init(&template->plugin, &data, why)) {
		log_error("worker cannot begin pool=%s: %s", birth.pool, why);
		return WORKER_EXIT_BIRTH;
	}
	run_plugin_init(&run, &template->plugin, &attend, data);
	serve_init(&serve, &config, &birth, &run.runner, signal_fd,
		   template->parent_fd);
	r = attend_init(&attend, &serve);
	if (r) {
		log_error("worker cannot begin: no thread: %s", strerror(-r));
		return WORKER_EXIT_BIRTH;
	}
	r = (int)serve_loop(&serve);
	attend_fini(&attend);
	if (template->plugin.copy.fini)
		template->plugin.copy.fini(data);
	serve_fini(&serve);
	run_plugin_fini(&run);
	return r;
}

static int be_worker(const struct template *template,
		     const struct template_message *order)
{
	char byte;

	close(TEMPLATE_FD);
	/* Until then it is by its session that the supervisor knows us. */
	close(template->told[1]);
	while (read(template->told[0], &byte, 1) < 0 && errno == EINTR)
		continue;
	close(template->told[0]);
	(void)setsid();
	prctl(PR_SET_NAME, "reeved-worker");
	return serve_pool(template, order);
}

/* In the middle process: the worker is to be nobody's child but the
 * supervisor's. Return: 0 in the worker, else it does not return. */
static int fork_on(const struct template *template)
{
	pid_t pid = fork();

	if (pid == 0)
		return 0;
	template->born->pid = pid;
	template->born->error = pid < 0 ? errno : 0;
	_exit(0);
}

static void close_told(struct template *template)
{
	for (int i = 0; i < 2; i++) {
		if (template->told[i] >= 0)
			close(template->told[i]);
		template->told[i] = -1;
	}
}

/* Return: 0 in the worker; 1 in the template, when all is said. */
static int fork_worker(struct template *template,
		       const struct template_message *order)
{
	struct template_message answer = {
		.op = TEMPLATE_FAILED,
		.slot = order->slot,
		.worker = order->worker,
	};
	int threads = count_threads();
	pid_t middle;

	template->told[0] = template->told[1] = -1;
	*template->born = (struct born){.error = EAGAIN};
	if (threads != 1) {
		answer.error = EDEADLK;
		snprintf(answer.text, sizeof(answer.text),
			 "the template has %d threads and cannot fork: preload "
			 "must leave none behind",
			 threads);
	} else if (pipe2(template->told, O_CLOEXEC) < 0) {
		answer.error = (uint32_t)errno;
	} else if ((middle = fork()) == 0) {
		return fork_on(template);
	} else if (middle < 0) {
		answer.error = (uint32_t)errno;
	} else {
		while (waitpid(middle, NULL, 0) < 0 && errno == EINTR)
			continue;
		answer.error = (uint32_t) template->born->error;
	}
	if (!answer.error) {
		answer.op = TEMPLATE_FORKED;
		answer.pid = template->born->pid;
	} else if (!answer.text[0]) {
		snprintf(answer.text, sizeof(answer.text), "cannot fork: %s",
			 strerror((int)answer.error));
	}
	(void)!say(&answer); /* if nobody hears it, the channel has ended */
	close_told(template);
	return 1;
}

static int fail(const char *why)
{
	struct template_message message = {.op = TEMPLATE_FAILED};

	snprintf(message.text, sizeof(message.text), "%s", why);
	(void)!say(&message);
	return TEMPLATE_EXIT_FAILED;
}

/* A plugin may keep its arguments, and a worker's title is written over ours. */
static char **copy_list(char **list)
{
	size_t n = 0;
	char **copy;

	while (list[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(list[i]);
		if (!copy[i])
			return NULL;
	}
	return copy;
}

static int prepare(struct template *template, char **run, char *why)
{
	int r;

	/* A preload that hangs would not see the end of the channel. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	template->parent_fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
	template->born = mmap(NULL, sizeof(*template->born),
			      PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (template->parent_fd < 0 || template->born == MAP_FAILED ||
	    fcntl(TEMPLATE_FD, F_SETFD, FD_CLOEXEC) < 0 || chdir("/") < 0) {
		snprintf(why, PLUGIN_WHY_BYTES, "cannot begin: %s",
			 strerror(errno));
		return PLUGIN_E_REFUSED;
	}
	/* What a handler prints is for the log, like its errors. */
	(void)dup2(STDERR_FILENO, STDOUT_FILENO);
	(void)setenv("REEVE_SOCKET", template->config->socket, 1);
	r = plugin_load(&template->plugin, run[0], why);
	return r ? r : plugin_preload(&template->plugin, run, why);
}

int template_main(const struct config *config, char **run)
{
	static struct template template;
	struct template_message order = {.op = TEMPLATE_READY};
	char why[PLUGIN_WHY_BYTES];

	log_init("template", config->log_level);
	template.config = config;
	if (!run[0])
		return fail("the pool names no plugin");
	template.run = copy_list(run);
	if (!template.run)
		return fail("no memory");
	if (prepare(&template, template.run, why))
		return fail(why);
	if (say(&order))
		return 0;
	while (hear(&order)) {
		if (order.op != TEMPLATE_FORK)
			continue;
		fflush(NULL);
		if (fork_worker(&template, &order) == 0)
			return be_worker(&template, &order);
	}
	return 0;
}
