#include "tests/unit/supervisor/rig.h"

#include "daemon/base/clock.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_NS (60 * INT64_C(1000000000))

static void tick(void)
{
	poll(NULL, 0, 2);
}

void rig_init(struct rig *rig)
{
	char path[128];

	*rig = (struct rig){.folder = "/tmp/reeve-rig-XXXXXX"};
	assert_non_null(mkdtemp(rig->folder));
	snprintf(rig->socket, sizeof(rig->socket), "%s/run/reeve.sock",
		 rig->folder);
	snprintf(path, sizeof(path), "%s/fake", rig->folder);
	setenv("FAKE_LOG", path, 1);
	setenv("REEVE_TEST_BROKER", getenv("REEVE_FAKE_ROLE"), 1);
	setenv("REEVE_TEST_WORKER", getenv("REEVE_FAKE_ROLE"), 1);
	unsetenv("FAKE_WORKER_EXIT");
	unsetenv("FAKE_BROKER_EXIT");
	unsetenv("FAKE_PROGRAM_EXIT");
	unsetenv("FAKE_TEMPLATE");
	unsetenv("FAKE_READY");
	unsetenv("FAKE_POOLS");
	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
}

pid_t rig_launch(struct rig *rig, const char *const *flags, const char *log)
{
	const char *argv[24] = {getenv("REEVE_SUPERVISED")};
	char state[128], run[128], path[128];
	int argc = 1;
	pid_t pid;

	snprintf(state, sizeof(state), "--state-dir=%s/state", rig->folder);
	snprintf(run, sizeof(run), "--runtime-dir=%s/run", rig->folder);
	snprintf(path, sizeof(path), "%s/%s", rig->folder, log);
	argv[argc++] = state;
	argv[argc++] = run;
	while (flags && *flags)
		argv[argc++] = *flags++;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

		/* 40: something careless that started us left it open. */
		if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || dup2(fd, 40) < 0)
			_exit(9);
		close(fd);
		execv(argv[0], (char **)argv);
		_exit(9);
	}
	return pid;
}

void rig_start(struct rig *rig, const char *const *flags)
{
	rig->pid = rig_launch(rig, flags, "log");
	rig_await(rig, "log", "serving socket", 1);
}

static char text[1 << 20];

static void read_log(const struct rig *rig, const char *log)
{
	char path[128];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", rig->folder, log);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static const char *find_nth(const char *what, int times)
{
	const char *p = text;

	while ((p = strstr(p, what))) {
		p += strlen(what);
		if (--times == 0)
			return p;
	}
	return NULL;
}

const char *rig_await(const struct rig *rig, const char *log, const char *what,
		      int times)
{
	int64_t end_ns = clock_mono_ns() + DEADLINE_NS;
	const char *found;

	do {
		read_log(rig, log);
		found = find_nth(what, times);
		if (found && strchr(found, '\n')) {
			*strchr(found, '\n') = '\0';
			return found;
		}
		tick();
	} while (clock_mono_ns() < end_ns);
	print_message("no '%s' (%d times) in the log:\n%s", what, times, text);
	fail();
	return NULL;
}

int rig_count(const struct rig *rig, const char *log, const char *what)
{
	int n = 0;

	read_log(rig, log);
	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

void rig_order(const struct rig *rig, const char *order)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char answer[8];
	int fd;

	memcpy(address.sun_path, rig->socket, sizeof(address.sun_path));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, order, strlen(order)), strlen(order));
	/* A broker that was told to crash cannot answer. */
	if (read(fd, answer, sizeof(answer)) < 0)
		assert_int_equal(errno, ECONNRESET);
	close(fd);
}

pid_t rig_worker_pid(const struct rig *rig, int nth)
{
	const char *rest = rig_await(rig, "log", "worker started slot=", nth);
	int slot, pid;

	assert_int_equal(sscanf(rest, "%d worker=%*d pid=%d", &slot, &pid), 2);
	return pid;
}

int rig_exit(pid_t pid)
{
	int64_t end_ns = clock_mono_ns() + DEADLINE_NS;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_mono_ns() >= end_ns)
			fail_msg("process %d does not end", (int)pid);
		tick();
	}
	return status;
}

void rig_stop(struct rig *rig)
{
	int status;

	assert_int_equal(kill(rig->pid, SIGTERM), 0);
	status = rig_exit(rig->pid);
	rig->pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

void rig_gone(pid_t pid)
{
	int64_t end_ns = clock_mono_ns() + DEADLINE_NS;

	while (kill(pid, 0) == 0) {
		if (clock_mono_ns() >= end_ns)
			fail_msg("process %d is still there", (int)pid);
		tick();
	}
}

/* RUNTIME/unready: a line for the boot, and one for each who is not. */
void rig_all_ready(const struct rig *rig)
{
	int64_t end_ns = clock_mono_ns() + DEADLINE_NS;
	const char *end;

	for (;;) {
		read_log(rig, "run/unready");
		end = strchr(text, '\n');
		if (end && !end[1])
			return;
		if (clock_mono_ns() >= end_ns)
			fail_msg("somebody is not ready: %s", text);
		tick();
	}
}

static int remove_one(const char *path,
		      __attribute__((unused)) const struct stat *st,
		      __attribute__((unused)) int type,
		      __attribute__((unused)) struct FTW *at)
{
	return remove(path);
}

void rig_fini(struct rig *rig)
{
	if (rig->pid) {
		kill(rig->pid, SIGKILL);
		waitpid(rig->pid, NULL, 0);
	}
	nftw(rig->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
