/*
 * Stands in for broker, worker, template and the program of a pool in the tests
 * of the supervisor, which runs it through $REEVE_TEST_BROKER and
 * $REEVE_TEST_WORKER, and as a program with the word "program" or "preload".
 *
 * The broker writes every message to $FAKE_LOG and does what a line on its
 * client socket says: "crash", "exit N", "silent", "kill NUMBER", "useful
 * NUMBER", "shutdown HOW". The worker lives as long as the supervisor does,
 * or exits at once with $FAKE_WORKER_EXIT; SIGUSR1 makes it leave a process
 * behind in a session of its own, SIGUSR2 makes it exit with 3, SIGWINCH makes
 * it fork $FAKE_CHILDREN that sleep. A program does the same, and notes what it
 * was born with. A template does as $FAKE_TEMPLATE says: "fail", "mute" (it
 * forks and says nothing), "crash" (it forks, and dies), "slow" (its forks have
 * died when it says so), or forks as it should. With $FAKE_READY the broker
 * takes each worker of a handler pool.
 */
#include "daemon/base/template.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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
		[CHANNEL_TEXT] = "text",	   [CHANNEL_POOLS] = "pools",
		[CHANNEL_DEFAULTS] = "defaults",
	};
	char line[1024];

	snprintf(line, sizeof(line),
		 "%d %s worker=%" PRId64
		 " slot=%d pid=%d status=%d degraded=%d cgroup=%s host=%d "
		 "pool=%s number=%d living=%d value=%" PRId64 " reason=%s\n",
		 (int)getpid(),
		 m->kind < ARRAY_COUNT(names) && names[m->kind] ? names[m->kind]
								: "?",
		 m->worker, m->slot, m->pid, m->status, m->pool_degraded,
		 m->cgroup, m->cgroups, m->pool, m->pool_number,
		 m->pool_workers, m->value, m->reason);
	note(line);
}

static void tell(uint32_t kind, int64_t worker, uint32_t stop)
{
	struct channel_message message = {
		.kind = kind, .worker = worker, .stop = stop};

	if (channel_send(CHANNEL, &message) < 0)
		_exit(9);
}

static void tell_pool(uint32_t kind, int pool, int64_t value)
{
	struct channel_message message = {
		.kind = kind, .pool_number = pool, .value = value};

	if (channel_send(CHANNEL, &message) < 0)
		_exit(9);
}

static void tell_value(uint32_t kind, int64_t worker, int64_t value)
{
	struct channel_message message = {
		.kind = kind, .worker = worker, .value = value};

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
	else if (sscanf(order, "term %" SCNd64, &number) == 1)
		tell(CHANNEL_TERM, number, 0);
	else if (sscanf(order, "retire %" SCNd64, &number) == 1)
		tell_value(CHANNEL_RETIRE, number, 0);
	else if (sscanf(order, "shrink %" SCNd64, &number) == 1)
		tell_value(CHANNEL_RETIRE, number, 1);
	else if (sscanf(order, "scale %d %" SCNd64, &status, &number) == 2)
		tell_pool(CHANNEL_SCALE, status, number);
	else if (sscanf(order, "recycle %d", &status) == 1)
		tell_pool(CHANNEL_RECYCLE, status, 0);
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
			if (message.kind == CHANNEL_BORN &&
			    message.pool_number > 0 && getenv("FAKE_READY"))
				tell(CHANNEL_READY_WORKER, message.worker, 0);
		}
		if (r == CHANNEL_E_END)
			return 0;
	}
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

/* Before it says anything: whoever reads that may signal at once. */
static void hold_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGUSR1);
	sigaddset(ret, SIGUSR2);
	sigaddset(ret, SIGWINCH);
	sigprocmask(SIG_BLOCK, ret, NULL);
}

/* 0: go on; else what to exit with, + 1. */
static int on_signal(const sigset_t *set)
{
	const struct timespec none = {0, 0};
	int number = sigtimedwait(set, NULL, &none);

	if (number == SIGUSR1)
		leave_orphan();
	else if (number == SIGWINCH)
		leave_children();
	else if (number == SIGUSR2)
		return 4;
	return 0;
}

static int be_worker(void)
{
	const char *exit_at_once = getenv("FAKE_WORKER_EXIT");
	struct channel_message born;
	struct pollfd parent = {.events = POLLIN};
	sigset_t set;
	int end;

	if (exit_at_once)
		return atoi(exit_at_once);
	if (read(3, &born, sizeof(born)) != (ssize_t)sizeof(born))
		return 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	hold_signals(&set);
	parent.fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
	if (getppid() != born.parent)
		return 0;
	note_message(&born);
	do {
		if (poll(&parent, 1, 10) > 0)
			return 0;
		end = on_signal(&set);
	} while (!end);
	return end - 1;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "-";
}

static void note_place(char *ret, size_t bytes)
{
	char text[4096] = "", *job;
	int fd = open("/proc/self/cgroup", O_RDONLY);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) >= 0)
		close(fd);
	job = strstr(text, "/job/");
	snprintf(ret, bytes, "%.*s", job ? (int)strcspn(job, "\n") : 1,
		 job ? job : "-");
}

/* Descriptors beyond the first three, and signals that are not as at birth. */
static int stray(void)
{
	int n = 0;

	for (int fd = 3; fd < 64; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	for (int number = 1; number < 32; number++) {
		struct sigaction action;

		/* Of a sanitizer. */
		if (number == SIGSEGV || number == SIGBUS || number == SIGFPE)
			continue;
		if (sigaction(number, NULL, &action) == 0 &&
		    action.sa_handler != SIG_DFL)
			n += 1000;
	}
	return n;
}

static void note_birth(const char *what)
{
	char line[1024], place[128], here[64] = "-";
	struct stat out, err;

	note_place(place, sizeof(place));
	if (!getcwd(here, sizeof(here)) || fstat(1, &out) < 0 ||
	    fstat(2, &err) < 0)
		_exit(9);
	snprintf(line, sizeof(line),
		 "%d %s pool=%s worker=%s slot=%s secret=%s handlers=%s "
		 "results=%s socket=%s workers=%s job=%s cwd=%s stray=%d "
		 "out=%d place=%s\n",
		 (int)getpid(), what, variable("REEVE_POOL"),
		 variable("REEVE_WORKER"), variable("REEVE_SLOT"),
		 variable("REEVE_WORKER_SECRET"), variable("REEVE_HANDLERS"),
		 variable("REEVE_RESULTS"), variable("REEVE_SOCKET"),
		 variable("REEVE_WORKER_SOCKET"), variable("REEVE_JOB"), here,
		 stray(), out.st_ino == err.st_ino, place);
	note(line);
}

static int be_program(void)
{
	pid_t supervisor = (pid_t)atoi(variable("REEVE_SUPERVISOR"));
	const char *exit_at_once = getenv("FAKE_PROGRAM_EXIT");
	sigset_t set;
	int end;

	hold_signals(&set);
	note_birth("program");
	if (exit_at_once)
		return atoi(exit_at_once);
	do {
		if (getppid() != supervisor) {
			note("left alone\n");
			return 0;
		}
		poll(NULL, 0, 10);
		end = on_signal(&set);
	} while (!end);
	return end - 1;
}

/* False: there is no supervisor any more. */
static bool say(const struct template_message *message)
{
	return send(TEMPLATE_FD, message, sizeof(*message), MSG_NOSIGNAL) ==
	       (ssize_t)sizeof(*message);
}

/* It is moved into its folder when it was announced: however late that is. */
static void await_place(const char *folder)
{
	char place[128];

	do {
		poll(NULL, 0, 1);
		note_place(place, sizeof(place));
	} while (!strstr(place, folder));
}

/* What a forked worker does: nothing, until its supervisor is gone. */
static void be_forked(const struct template_message *order, bool dies)
{
	pid_t supervisor = (pid_t)atoi(variable("REEVE_SUPERVISOR"));
	char line[256];

	if (dies)
		_exit(7);
	/* Also if the supervisor is never its parent. */
	alarm(LIFE_S);
	/* One that nobody announces is known by its session or its program. */
	if (strcmp(variable("FAKE_TEMPLATE"), "mute") == 0)
		setsid();
	while (getppid() != supervisor)
		poll(NULL, 0, 1);
	await_place(order->text);
	snprintf(line, sizeof(line), "%d forked worker=%" PRId64 " text=%s\n",
		 (int)getpid(), order->worker, order->text);
	note(line);
	note_birth("place");
	while (getppid() == supervisor)
		poll(NULL, 0, 10);
	_exit(0);
}

static pid_t fork_twice(const struct template_message *order, bool dies)
{
	pid_t pid = 0, middle;
	int ends[2];

	if (pipe(ends) < 0)
		_exit(9);
	middle = fork();
	if (middle == 0) {
		pid = fork();
		if (pid == 0) {
			close(TEMPLATE_FD);
			be_forked(order, dies);
		}
		_exit(write(ends[1], &pid, sizeof(pid)) < 0);
	}
	close(ends[1]);
	if (read(ends[0], &pid, sizeof(pid)) != (ssize_t)sizeof(pid))
		_exit(9);
	close(ends[0]);
	waitpid(middle, NULL, 0);
	return pid;
}

static int be_template(void)
{
	const char *how = variable("FAKE_TEMPLATE");
	struct template_message message = {
		.op = TEMPLATE_FAILED,
		.text = "KeyError: 'x'",
	};
	char line[64];
	bool slow = strcmp(how, "slow") == 0;

	note_birth("template");
	if (strcmp(how, "fail") == 0)
		return say(&message) ? TEMPLATE_EXIT_FAILED : 9;
	if (!say(&(struct template_message){.op = TEMPLATE_READY}))
		return 9;
	while (read(TEMPLATE_FD, &message, sizeof(message)) ==
	       (ssize_t)sizeof(message)) {
		struct template_message answer = {
			.op = TEMPLATE_FORKED,
			.slot = message.slot,
			.worker = message.worker,
			.pid = fork_twice(&message, slow),
		};

		snprintf(line, sizeof(line), "grandchild pid=%d\n", answer.pid);
		note(line);
		if (strcmp(how, "crash") == 0)
			return 5;
		if (strcmp(how, "mute") == 0)
			continue;
		/* Until the supervisor has reaped it. */
		while (slow && kill(answer.pid, 0) == 0)
			poll(NULL, 0, 1);
		if (!say(&answer))
			break;
	}
	snprintf(line, sizeof(line), "%d template left\n", (int)getpid());
	note(line);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 9;
	/* The rig started the supervisor with this one open. */
	if (fcntl(LEAK, F_GETFD) >= 0)
		note("leak\n");
	if (strcmp(argv[1], "program") == 0)
		return be_program();
	if (strcmp(argv[1], "template") == 0 || strcmp(argv[1], "preload") == 0)
		return be_template();
	return strcmp(argv[1], "broker") == 0 ? be_broker() : be_worker();
}
