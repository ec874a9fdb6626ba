#include "daemon/worker/run_kill.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TREE_MAX 256 /* held at once; more is for the next round */

/* Everything below the worker, each held by a pidfd. */
struct tree {
	struct {
		pid_t pid;
		int fd;
	} all[TREE_MAX];
	size_t count;
};

void run_signal_group(int32_t main, int signal)
{
	require(main > 1);
	(void)kill(-main, signal);
}

/* "71 72 73 "; a list that changes meanwhile is for the next round. */
static void each_listed(const char *path, pid_t parent, struct tree *tree,
			void (*found)(struct tree *tree, pid_t parent,
				      pid_t pid))
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[4096];
	pid_t pid = 0;
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + text[i] - '0';
			} else {
				if (pid > 1)
					found(tree, parent, pid);
				pid = 0;
			}
		}
	}
	close(fd);
}

static bool has_parent(pid_t pid, pid_t parent)
{
	char path[32], text[512], *end;
	int fd, state_parent;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	/* Its name may hold anything; the last parenthesis ends it. */
	end = strrchr(text, ')');
	return end && sscanf(end, ") %*c %d", &state_parent) == 1 &&
	       state_parent == parent;
}

static int signal_held(int fd, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
}

/* Held first, looked at then: the number is still its own if it lives. */
static void freeze(struct tree *tree, pid_t parent, pid_t pid)
{
	int fd;

	for (size_t i = 0; i < tree->count; i++) {
		if (tree->all[i].pid == pid)
			return;
	}
	if (tree->count == TREE_MAX)
		return;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return;
	if (!has_parent(pid, parent) || signal_held(fd, SIGSTOP) < 0) {
		close(fd);
		return;
	}
	tree->all[tree->count].pid = pid;
	tree->all[tree->count++].fd = fd;
}

static void freeze_children(struct tree *tree, pid_t parent)
{
	struct dirent *entry;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)parent);
	tasks = opendir(path);
	if (!tasks)
		return;
	while ((entry = readdir(tasks))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.15s/children",
			 (int)parent, entry->d_name);
		each_listed(path, parent, tree, freeze);
	}
	closedir(tasks);
}

/* Until a look finds nobody new: who is stopped starts nobody. */
static void freeze_all(struct tree *tree)
{
	size_t before;

	do {
		before = tree->count;
		freeze_children(tree, getpid());
		for (size_t i = 0; i < tree->count; i++)
			freeze_children(tree, tree->all[i].pid);
	} while (tree->count > before && tree->count < TREE_MAX);
}

static void end_child(struct tree *tree, pid_t parent, pid_t pid)
{
	pid_t group = getpgid(pid);

	(void)tree;
	(void)parent;
	/* Never our own: every job has a session, none can join our group. */
	if (group > 1 && group != getpgrp())
		(void)kill(-group, SIGKILL);
	(void)kill(pid, SIGKILL);
}

void run_kill_children(void)
{
	struct tree tree;

	tree.count = 0;
	freeze_all(&tree);
	for (size_t i = 0; i < tree.count; i++) {
		(void)signal_held(tree.all[i].fd, SIGKILL);
		close(tree.all[i].fd);
	}
	each_listed("/proc/thread-self/children", 0, NULL, end_child);
}
