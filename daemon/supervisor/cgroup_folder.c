#include "daemon/supervisor/cgroup_folder.h"

#include "daemon/base/channel.h"
#include "daemon/base/log.h"
#include "daemon/supervisor/reap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* "PID TICKS" of the owner; by both it is the same process for ever. */
#define OWNER_ATTRIBUTE "user.reeve.owner"
/* Jobs may make cgroups of their own below: one removal has this many steps. */
#define REMOVE_STEPS 10000

static int open_folder(int parent, const char *name)
{
	int fd = openat(parent, name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

int cgroup_folder_make(int parent, const char *name, int *ret_fd)
{
	int fd, r;

	if (mkdirat(parent, name, 0700) < 0)
		return -errno;
	fd = open_folder(parent, name);
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int write_file(int folder, const char *name, const char *text)
{
	int fd, r = 0;

	fd = openat(folder, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

int cgroup_folder_kill(int parent, const char *name)
{
	int fd, r;

	fd = open_folder(parent, name);
	if (fd < 0)
		return fd;
	r = write_file(fd, "cgroup.kill", "1");
	close(fd);
	return r;
}

bool cgroup_folder_is_kept(int parent, const char *name)
{
	char value[4];
	bool kept;
	int fd;

	fd = open_folder(parent, name);
	if (fd < 0)
		return false;
	kept = fgetxattr(fd, CHANNEL_KEPT_ATTRIBUTE, value, sizeof(value)) > 0;
	close(fd);
	return kept;
}

int cgroup_folder_keep(int parent, const char *name)
{
	int fd, r = 0;

	fd = open_folder(parent, name);
	if (fd < 0)
		return fd;
	if (fsetxattr(fd, CHANNEL_KEPT_ATTRIBUTE, "1", 1, 0) < 0)
		r = -errno;
	close(fd);
	return r;
}

int cgroup_folder_own(int parent, const char *name, int pid,
		      int64_t start_ticks)
{
	char text[64];
	int fd, n, r = 0;

	fd = open_folder(parent, name);
	if (fd < 0)
		return fd;
	n = snprintf(text, sizeof(text), "%d %" PRId64, pid, start_ticks);
	if (fsetxattr(fd, OWNER_ATTRIBUTE, text, (size_t)n, 0) < 0)
		r = -errno;
	close(fd);
	return r;
}

static bool owner_lives(int folder)
{
	char text[64];
	int64_t ticks;
	ssize_t n;
	int pid;

	n = fgetxattr(folder, OWNER_ATTRIBUTE, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return sscanf(text, "%d %" SCNd64, &pid, &ticks) == 2 && ticks > 0 &&
	       reap_start_ticks(pid) == ticks;
}

int cgroup_folder_move(int parent, const char *name, int pid)
{
	char text[16];
	int fd, r;

	fd = open_folder(parent, name);
	if (fd < 0)
		return fd;
	snprintf(text, sizeof(text), "%d", pid);
	r = write_file(fd, "cgroup.procs", text);
	close(fd);
	return r;
}

/* "populated 0" in cgroup.events counts everything below too. */
static bool is_empty(int folder)
{
	char text[256];
	ssize_t n;
	int fd;

	fd = openat(folder, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return strstr(text, "populated 0") != NULL;
}

bool cgroup_folder_empty(int parent, const char *name)
{
	int fd = open_folder(parent, name);
	bool empty;

	if (fd < 0)
		return fd == -ENOENT;
	empty = is_empty(fd);
	close(fd);
	return empty;
}

/* Steps into the first folder below @fd: 0 with @fd replaced, 1: none left. */
static int descend(int *fd, char *ret_name)
{
	const struct dirent *entry;
	int below = -ENOENT, copy;
	DIR *folder;

	copy = openat(*fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	folder = copy < 0 ? NULL : fdopendir(copy);
	if (!folder) {
		below = -errno;
		if (copy >= 0)
			close(copy);
		return below;
	}
	while (below < 0 && (entry = readdir(folder))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(ret_name, NAME_MAX + 1, "%s", entry->d_name);
		below = open_folder(*fd, ret_name);
	}
	closedir(folder);
	if (below < 0)
		return 1;
	close(*fd);
	*fd = below;
	return 0;
}

/*
 * Removes the deepest folder on the way down from @name, and that may be @name
 * itself. Down by descriptors, so that no depth is too deep for a path.
 *
 * Return: 0 and whether it was the last one, or negative errno.
 */
static int remove_deepest(int parent, const char *name, bool *ret_last)
{
	char last[NAME_MAX + 1];
	int at, up, r;

	snprintf(last, sizeof(last), "%s", name);
	*ret_last = true;
	at = open_folder(parent, name);
	if (at < 0)
		return at;
	while ((r = descend(&at, last)) == 0)
		*ret_last = false;
	if (r < 0) {
		close(at);
		return r;
	}
	up = *ret_last ? -1
		       : openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = 0;
	if (!*ret_last && up < 0)
		r = -errno;
	else if (unlinkat(*ret_last ? parent : up, last, AT_REMOVEDIR) < 0)
		r = -errno;
	close(at);
	if (up >= 0)
		close(up);
	return r;
}

static int remove_tree(int parent, const char *name)
{
	bool last = false;
	int r = 0;

	for (int step = 0; !r && !last && step < REMOVE_STEPS; step++)
		r = remove_deepest(parent, name, &last);
	if (r == -ENOENT)
		return 0;
	if (r == -EBUSY)
		return CGROUP_E_BUSY;
	return r ? r : last ? 0 : CGROUP_E_BUSY;
}

int cgroup_folder_remove(int parent, const char *name)
{
	bool kept, empty;
	int fd, r;

	fd = open_folder(parent, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? CGROUP_E_OWNED : -errno;
		close(fd);
		return r;
	}
	if (owner_lives(fd)) {
		close(fd);
		return CGROUP_E_OWNED;
	}
	kept = cgroup_folder_is_kept(parent, name);
	empty = is_empty(fd);
	if (!kept && !empty) {
		r = write_file(fd, "cgroup.kill", "1");
		if (r < 0) {
			close(fd);
			return r;
		}
		empty = is_empty(fd);
	}
	close(fd);
	if (!empty)
		return kept ? CGROUP_E_KEPT : CGROUP_E_BUSY;
	return remove_tree(parent, name);
}

static DIR *list_folders(int parent)
{
	int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (!folder && fd >= 0)
		close(fd);
	return folder;
}

static void remove_if_empty(int parent, const char *name)
{
	int fd = open_folder(parent, name);

	if (fd < 0)
		return;
	/* With the lock held, so that its daemon does not start in it now. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_empty(fd) &&
	    remove_tree(parent, name) < 0)
		log_debug("cgroup of another daemon stays, continuing "
			  "folder=%s",
			  name);
	close(fd);
}

void cgroup_folder_tidy(int parent, const char *prefix, const char *except)
{
	const struct dirent *entry;
	DIR *folder = list_folders(parent);

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (entry->d_type == DT_DIR &&
		    strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    strcmp(entry->d_name, except) != 0)
			remove_if_empty(parent, entry->d_name);
	closedir(folder);
}

int cgroup_folder_sweep(int parent,
			bool (*is_ours)(void *context, const char *name),
			void *context, size_t *ret_soon, size_t *ret_later)
{
	const struct dirent *entry;
	size_t soon = 0, later = 0;
	DIR *folder = list_folders(parent);
	int r, failed = 0;

	if (!folder)
		return -errno;
	while ((entry = readdir(folder))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    is_ours(context, entry->d_name))
			continue;
		r = cgroup_folder_remove(parent, entry->d_name);
		soon += r == CGROUP_E_BUSY;
		later += r == CGROUP_E_KEPT || r == CGROUP_E_OWNED;
		if (r < 0)
			failed = r;
	}
	closedir(folder);
	*ret_soon = soon;
	*ret_later = later;
	return failed;
}
