#include "daemon/worker/leaf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/base/channel.h"
#include "daemon/base/log.h"

#define LEAF_TRIES 16
#define NEST_MAX 16
#define SIGNAL_MAX 256

/* Jobs may have made groups of their own in it; files go with the folder. */
static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (kind == FTW_DP)
		(void)rmdir(path);
	return 0;
}

static void remove_leaf(const struct leaf *leaf, const char *name)
{
	char path[NAME_MAX + 64];

	if (unlinkat(leaf->slot_fd, name, AT_REMOVEDIR) == 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", leaf->slot_fd,
		 name);
	(void)nftw(path, remove_one, NEST_MAX, FTW_DEPTH | FTW_PHYS);
}

/* Leaves of the slot's last worker: gone if empty, else passed over. */
static void clear_leaves(struct leaf *leaf)
{
	int fd = openat(leaf->slot_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		unsigned n = 0;
		char end;

		if (sscanf(entry->d_name, "%u%c", &n, &end) != 1)
			continue;
		remove_leaf(leaf, entry->d_name);
		if (n > leaf->number)
			leaf->number = n;
	}
	closedir(dir);
}

void leaf_init(struct leaf *leaf, int slot_fd)
{
	*leaf = (struct leaf){.slot_fd = slot_fd, .fd = -1, .memory_fd = -1};
	if (slot_fd >= 0)
		clear_leaves(leaf);
}

static void close_leaf(struct leaf *leaf)
{
	if (leaf->memory_fd >= 0)
		close(leaf->memory_fd);
	if (leaf->fd >= 0)
		close(leaf->fd);
	leaf->fd = leaf->memory_fd = -1;
}

void leaf_fini(struct leaf *leaf)
{
	if (leaf->fd >= 0)
		leaf_abandon(leaf);
	if (leaf->slot_fd >= 0)
		close(leaf->slot_fd);
	leaf->slot_fd = -1;
}

static int make_leaf(struct leaf *leaf)
{
	char name[16];

	for (int i = 0; i < LEAF_TRIES; i++) {
		snprintf(name, sizeof(name), "%u", ++leaf->number);
		if (mkdirat(leaf->slot_fd, name, 0755) == 0) {
			leaf->fd = openat(leaf->slot_fd, name,
					  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			return leaf->fd < 0 ? -errno : 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int leaf_get(struct leaf *leaf)
{
	int r;

	if (leaf->slot_fd < 0 || leaf->refused || leaf->fd >= 0)
		return leaf->fd;
	r = make_leaf(leaf);
	if (r) {
		log_warning("no cgroup for jobs, continuing without: %s",
			    strerror(-r));
		leaf->refused = true;
		return -1;
	}
	leaf->memory_fd = openat(leaf->fd, "memory.events",
				 O_RDONLY | O_CLOEXEC);
	leaf->oom_kills = 0;
	return leaf->fd;
}

/* The numbers in cgroup.procs; at most @max, their count is returned. */
static size_t read_procs(const struct leaf *leaf, int32_t *ret, size_t max)
{
	int fd = openat(leaf->fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	size_t n = 0;

	if (!file) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (n < max && fscanf(file, "%d", &ret[n]) == 1)
		n++;
	fclose(file);
	return n;
}

static bool is_among(int32_t pid, const int32_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

/*
 * A number may be somebody else's by the time it is used. So: get hold of the
 * process, look whether the number is still listed, and then it was the right
 * one; what ended since cannot be signalled through its pidfd.
 */
void leaf_signal(struct leaf *leaf, int signal, int32_t group)
{
	int32_t pids[SIGNAL_MAX], again[SIGNAL_MAX];
	int fds[SIGNAL_MAX];
	size_t count, count_again;

	if (leaf->fd < 0)
		return;
	count = read_procs(leaf, pids, SIGNAL_MAX);
	for (size_t i = 0; i < count; i++)
		fds[i] = getpgid(pids[i]) == group
				 ? -1
				 : (int)syscall(SYS_pidfd_open, pids[i], 0);
	count_again = read_procs(leaf, again, SIGNAL_MAX);
	for (size_t i = 0; i < count; i++) {
		if (fds[i] < 0)
			continue;
		if (is_among(pids[i], again, count_again))
			(void)syscall(SYS_pidfd_send_signal, fds[i], signal,
				      NULL, 0);
		close(fds[i]);
	}
}

void leaf_kill(struct leaf *leaf)
{
	int fd;

	if (leaf->fd < 0)
		return;
	fd = openat(leaf->fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		log_warning("cgroup.kill failed, killing one by one: %s",
			    strerror(errno));
	if (fd >= 0)
		close(fd);
}

void leaf_keep(const struct leaf *leaf)
{
	if (leaf->slot_fd < 0)
		return;
	if (fsetxattr(leaf->slot_fd, CHANNEL_KEPT_ATTRIBUTE, "1", 1, 0) < 0)
		log_warning("cannot mark what is to be kept, continuing: %s",
			    strerror(errno));
}

void leaf_abandon(struct leaf *leaf)
{
	char name[16];

	if (leaf->fd < 0)
		return;
	close_leaf(leaf);
	snprintf(name, sizeof(name), "%u", leaf->number);
	remove_leaf(leaf, name);
}

bool leaf_oom(struct leaf *leaf)
{
	char text[512];
	const char *line;
	int64_t kills, before = leaf->oom_kills;
	ssize_t n;

	if (leaf->memory_fd < 0)
		return false;
	n = pread(leaf->memory_fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return false;
	text[n] = '\0';
	line = strstr(text, "oom_kill ");
	if (!line)
		return false;
	kills = strtoll(line + strlen("oom_kill "), NULL, 10);
	leaf->oom_kills = kills;
	return kills > before;
}
