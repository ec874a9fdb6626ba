/*
 * Stands in for broker and worker in the tests of the supervisor, which runs
 * it through $REEVE_TEST_BROKER and $REEVE_TEST_WORKER.
 *
 * The broker writes every message to $FAKE_LOG and does what a line on its
 * client socket says: "crash", "exit N", "silent", "kill NUMBER", "useful
 * NUMBER", "shutdown HOW". The worker lives as long as the supervisor does,
 * or exits at once with $FAKE_WORKER_EXIT; SIGUSR1 makes it leave a process
 * behind in a session of its own, SIGUSR2 makes it exit with 3, SIGWINCH makes
 * it fork $FAKE_CHILDREN that sleep.
 */
#include "daemon/base/channel.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHANNEL = 3, WORKERS = 4, CLIENTS = 5, LEAK = 40 };
/* What a supervisor that fails its test does not end ends by itself. */
enum { LIFE_S = 60 };

static void note(const char *line)
{
	const char *path = getenv("FAKE_LOG");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;

	if (fd < 0)
		return;
	if (write(fd, line, strlen(line)) < 0)
		_exit(9);
	close(fd);
}

static void note_message(const struct channel_message *m)
{
	static const char *const names[] = {
		[CHANNEL_BORN] = "born",	   [CHANNEL_DIED] = "died",
		[CHANNEL_POOL] = "pool",	   [CHANNEL_STOP_NOW] = "stop",
		[CHANNEL_ANNOUNCED] = "announced", [CHANNEL_HOST] = "host",
	};
	char line[512];

	snprintf(line, sizeof(line),
		 "%d %s worker=%" PRId64
		 " slot=%d pid=%d status=%d degraded=%d cgroup=%s host=%d "
		 "reason=%s\n",
		 (int)getpid(),
		 m->kind < ARRAY_COUNT(names) && names[m->kind] ? names[m->kind]
								: "?",
		 m->worker, m->slot, m->pid, m->status, m->pool_degraded,
		 m->cgroup, m->cgroups, m->reason);
	note(line);
}

static void tell(uint32_t kind, int64_t worker, uint32_t stop)
{
	struct channel_message message = {
		.kind = kind, .worker = worker, .stop = stop};

	if (channel_send(CHANNEL, &message) < 0)
		_exit(9);
}

static bool beating = true;

static void obey(const char *order)
{
	int64_t number = 0;
	int status;

	if (strcmp(order, "crash") == 0) {
		/* A sanitizer would make an exit of it. */
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	} else if (sscanf(order, "exit %d", &status) == 1)
		_exit(status);
	else if (strcmp(order, "silent") == 0)
		beating = false;
	else if (sscanf(order, "kill %" SCNd64, &number) == 1)
		tell(CHANNEL_KILL, number, 0);
	else if (sscanf(order, "useful %" SCNd64, &number) == 1)
		tell(CHANNEL_USEFUL, number, 0);
	else if (sscanf(order, "shutdown %d", &status) == 1)
		tell(CHANNEL_SHUTDOWN, 0, (uint32_t)status);
}

static void serve_client(void)
{
	char order[64];
	ssize_t n;
	int fd = accept(CLIENTS, NULL, NULL);

	if (fd < 0)
		return;
	n = read(fd, order, sizeof(order) - 1);
	order[n > 0 ? n : 0] = '\0';
	obey(order);
	if (write(fd, "ok", 2) < 0)
		_exit(9);
	close(fd);
}

static int be_broker(void)
{
	struct channel_message message;
	const char *exit_at_once = getenv("FAKE_BROKER_EXIT");
	char line[64];
	int r = 0;

	if (exit_at_once)
		return atoi(exit_at_once);
	snprintf(line, sizeof(line), "%d broker listen=%s\n", (int)getpid(),
		 getenv("REEVE_LISTEN"));
	note(line);
	tell(CHANNEL_READY, 0, 0);
	for (;;) {
		struct pollfd polls[] = {{.fd = CHANNEL, .events = POLLIN},
					 {.fd = CLIENTS, .events = POLLIN}};

		if (poll(polls, 2, 100) == 0 && beating)
			tell(CHANNEL_BEAT, 0, 0);
		if (polls[1].revents)
			serve_client();
		while ((r = channel_receive(CHANNEL, &message)) == 0) {
			note_message(&message);
			if (message.kind == CHANNEL_STOP_NOW)
				return 0;
		}
		if (r == CHANNEL_E_END)
			return 0;
	}
}

static void nothing(__attribute__((unused)) int number)
{
}

/* Grandchild in a session of its own, whose parent is gone at once. */
static void leave_orphan(void)
{
	char line[64];
	pid_t middle;

	if (fork() > 0)
		return;
	setsid();
	middle = getpid();
	if (fork() > 0)
		_exit(0);
	while (getppid() == middle)
		poll(NULL, 0, 1);
	snprintf(line, sizeof(line), "orphan pid=%d\n", (int)getpid());
	note(line);
	alarm(LIFE_S);
	for (;;)
		pause();
}

static void leave_children(void)
{
	const char *count = getenv("FAKE_CHILDREN");

	for (int i = count ? atoi(count) : 0; i > 0; i--)
		if (fork() == 0) {
			alarm(LIFE_S);
			for (;;)
				pause();
		}
	note("children left\n");
}

static int be_worker(void)
{
	static const int numbers[] = {SIGUSR1, SIGUSR2, SIGWINCH};
	const char *exit_at_once = getenv("FAKE_WORKER_EXIT");
	struct sigaction action = {.sa_handler = nothing};
	struct channel_message born;
	struct pollfd parent = {.events = POLLIN};
	sigset_t set;

	if (exit_at_once)
		return atoi(exit_at_once);
	if (read(3, &born, sizeof(born)) != (ssize_t)sizeof(born))
		return 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		sigaction(numbers[i], &action, NULL);
		sigaddset(&set, numbers[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	parent.fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
	if (getppid() != born.parent)
		return 0;
	note_message(&born);
	for (;;) {
		const struct timespec none = {0, 0};
		int number;

		if (poll(&parent, 1, 10) > 0)
			return 0;
		number = sigtimedwait(&set, NULL, &none);
		if (number == SIGUSR1)
			leave_orphan();
		else if (number == SIGWINCH)
			leave_children();
		else if (number == SIGUSR2)
			return 3;
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 9;
	/* The rig started the supervisor with this one open. */
	if (fcntl(LEAK, F_GETFD) >= 0)
		note("leak\n");
	return strcmp(argv[1], "broker") == 0 ? be_broker() : be_worker();
}
