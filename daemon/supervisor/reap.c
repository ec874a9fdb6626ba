#include "daemon/supervisor/reap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int reap_peek(pid_t *ret_pid)
{
	siginfo_t info = {0};
	int r;

	do
		r = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == ECHILD ? REAP_E_NONE : -errno;
	if (info.si_pid == 0)
		return REAP_E_NONE;
	*ret_pid = info.si_pid;
	return 0;
}

static int64_t micro(struct timeval time)
{
	return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

int reap_take(pid_t pid, struct reap_end *ret)
{
	struct rusage usage;
	int status;
	pid_t r;

	do
		r = wait4(pid, &status, WNOHANG, &usage);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (r == 0)
		return REAP_E_NONE;
	*ret = (struct reap_end){
		.status = status,
		.cpu_us = micro(usage.ru_utime) + micro(usage.ru_stime),
		.peak_kib = usage.ru_maxrss,
	};
	return 0;
}

bool reap_is_child(pid_t pid)
{
	siginfo_t info = {0};

	/* Only a child has a state to wait for; a zombie keeps its pid. */
	return pid > 0 && waitid(P_PID, (id_t)pid, &info,
				 WEXITED | WNOHANG | WNOWAIT) == 0;
}

int reap_signal(pid_t pid, int number)
{
	int fd, r = 0;

	if (!reap_is_child(pid))
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_pidfd_send_signal, fd, number, NULL, 0) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* The fields behind the name, which may hold anything but its last ')'. */
static const char *read_stat(pid_t pid, char *text, size_t text_bytes)
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, text, text_bytes - 1);
	close(fd);
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	return strrchr(text, ')');
}

int64_t reap_start_ticks(pid_t pid)
{
	char text[1024];
	const char *p = read_stat(pid, text, sizeof(text));

	/* ')' is the end of field 2; each blank begins the next. */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoll(p, NULL, 10) : 0;
}

pid_t reap_session(pid_t pid)
{
	char text[1024];
	const char *p = read_stat(pid, text, sizeof(text));

	for (int field = 2; p && field < 6; field++)
		p = strchr(p + 1, ' ');
	return p ? (pid_t)strtol(p, NULL, 10) : 0;
}

static bool program_of(pid_t pid, struct stat *ret)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return stat(path, ret) == 0;
}

bool reap_same_program(pid_t a, pid_t b)
{
	struct stat of_a, of_b;

	return program_of(a, &of_a) && program_of(b, &of_b) &&
	       of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

struct pids {
	pid_t *list;
	size_t count, room;
};

static int pids_add(struct pids *pids, pid_t pid)
{
	if (pids->count == pids->room) {
		size_t room = pids->room ? 2 * pids->room : 16;
		pid_t *list = reallocarray(pids->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		pids->list = list;
		pids->room = room;
	}
	pids->list[pids->count++] = pid;
	return 0;
}

/* One thread's children: numbers, each followed by a blank. */
static int read_children(const char *path, struct pids *pids)
{
	char text[4096];
	int64_t pid = 0;
	ssize_t n;
	int fd, r = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	while (!r && (n = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; !r && i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + (text[i] - '0');
				continue;
			}
			if (pid > 0)
				r = pids_add(pids, (pid_t)pid);
			pid = 0;
		}
	if (!r && pid > 0)
		r = pids_add(pids, (pid_t)pid);
	close(fd);
	return r;
}

/* A child belongs to the thread that forked it. */
static int read_threads(pid_t pid, struct pids *pids)
{
	const struct dirent *entry;
	char path[320];
	DIR *folder;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	folder = opendir(path);
	if (!folder)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	while (!r && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/children",
			 (int)pid, entry->d_name);
		r = read_children(path, pids);
	}
	closedir(folder);
	return r;
}

int reap_children(pid_t pid, pid_t **ret, size_t *ret_count)
{
	struct pids pids = {0};
	int r;

	r = pid ? read_threads(pid, &pids)
		: read_children("/proc/thread-self/children", &pids);
	if (r < 0) {
		free(pids.list);
		return r;
	}
	*ret = pids.list;
	*ret_count = pids.count;
	return 0;
}
