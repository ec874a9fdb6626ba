#include "daemon/supervisor/cgroup_tree.h"

#include "daemon/base/clock.h"
#include "daemon/supervisor/cgroup_find.h"
#include "daemon/supervisor/cgroup_folder.h"
#include "daemon/supervisor/lock.h"
#include "daemon/supervisor/reap.h"
#include "daemon/supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define FOLDER_BYTES 32
#define PROBE_NAME "probe"
#define CLAIM_TRIES 100
#define PROBE_NS (2000 * INT64_C(1000000))

static int off(struct cgroup_tree *tree, const char *fmt, ...)
	printf_like(2, 3);

static int off(struct cgroup_tree *tree, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(tree->reason, sizeof(tree->reason), fmt, args);
	va_end(args);
	return 1;
}

static void nap(void)
{
	poll(NULL, 0, 1);
}

/* systemd marks what it gives away; it will not touch anything below. */
static bool is_delegated(const char *path)
{
	static const char *const names[] = {"user.delegate",
					    "trusted.delegate"};
	char value[4];

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (getxattr(path, names[i], value, sizeof(value)) == 1 &&
		    value[0] == '1')
			return true;
	return false;
}

/*
 * Makes the folder and takes its lock, which keeps it from being tidied away
 * by another daemon; one that was, between the two, is made again.
 */
static int claim(struct cgroup_tree *tree)
{
	struct stat mine, there;
	int r = -EBUSY;

	for (int try = 0; try < CLAIM_TRIES; try++) {
		int fd;

		if (mkdir(tree->path, 0755) < 0 && errno != EEXIST)
			return -errno;
		fd = open(tree->path,
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			return -errno;
		r = lock_take_open(fd);
		if (!r && fstat(fd, &mine) == 0 &&
		    stat(tree->path, &there) == 0 &&
		    mine.st_ino == there.st_ino) {
			tree->top = fd;
			return 0;
		}
		close(fd);
		if (r < 0)
			return r;
		nap();
	}
	return -EBUSY;
}

static int place(struct cgroup_tree *tree, const char *mount, const char *own,
		 const char *name)
{
	int n = snprintf(tree->inside, sizeof(tree->inside), "%s%s%s", own,
			 name[0] ? "/" : "", name);
	int m = snprintf(tree->path, sizeof(tree->path), "%s%s%s%s", mount, own,
			 name[0] ? "/" : "", name);

	tree->named = name[0];
	if (n >= (int)sizeof(tree->inside) || m >= (int)sizeof(tree->path))
		return -ENAMETOOLONG;
	return claim(tree);
}

/* The unit's own cgroup, else one of a stable name where we may make it. */
static int choose(struct cgroup_tree *tree, const struct config *config)
{
	static char text[65536], mount[CGROUP_PATH_BYTES],
		own[CGROUP_PATH_BYTES];
	char name[FOLDER_BYTES], path[2 * CGROUP_PATH_BYTES];
	int r;

	r = cgroup_find_read("/proc/self/mounts", text, sizeof(text));
	if (r < 0 || !cgroup_find_mount(text, mount))
		return off(tree, "no cgroup2 file system is mounted");
	r = cgroup_find_read("/proc/self/cgroup", text, sizeof(text));
	if (r < 0 || !cgroup_find_own(text, own))
		return off(tree, "this process is in no cgroup of version 2");
	snprintf(path, sizeof(path), "%s%s", mount, own);
	if (own[0] && is_delegated(path)) {
		r = place(tree, mount, own, "");
		return r ? off(tree, "cannot use the unit's cgroup: %s",
			       strerror(-r))
			 : 0;
	}
	cgroup_find_name(config->state_dir, geteuid(), name);
	r = geteuid() == 0 ? place(tree, mount, "", name) : -EACCES;
	if (r < 0)
		r = place(tree, mount, own, name);
	return r ? off(tree, "cannot make a cgroup here: %s", strerror(-r)) : 0;
}

static int open_below(const struct cgroup_tree *tree, const char *name)
{
	char path[CONFIG_PATH_BYTES + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", tree->path, name);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

static bool probe_empties(const struct cgroup_tree *tree, pid_t pid)
{
	int64_t end_ns = clock_mono_ns() + PROBE_NS;
	bool reaped = false;
	struct reap_end end;

	do {
		if (!reaped)
			reaped = reap_take(pid, &end) == 0;
		if (reaped && cgroup_folder_empty(tree->job, PROBE_NAME))
			return WIFSIGNALED(end.status) &&
			       WTERMSIG(end.status) == SIGKILL;
		nap();
	} while (clock_mono_ns() < end_ns);
	/* The kill did nothing: the child is still ours to end. */
	if (reap_signal(pid, SIGKILL) == 0)
		while (reap_take(pid, &end) == REAP_E_NONE)
			nap();
	return false;
}

static int probe_remove(const struct cgroup_tree *tree)
{
	int64_t end_ns = clock_mono_ns() + PROBE_NS;
	int r;

	while ((r = cgroup_folder_remove(tree->job, PROBE_NAME)) ==
		       CGROUP_E_BUSY &&
	       clock_mono_ns() < end_ns)
		nap();
	return r;
}

/* Everything that a job's end depends on, once. */
static int probe(struct cgroup_tree *tree)
{
	int fd, r;
	pid_t pid;

	if (probe_remove(tree) != 0)
		return off(tree, "a folder of an earlier trial stays");
	r = cgroup_folder_make(tree->job, PROBE_NAME, &fd);
	if (r < 0)
		return off(tree, "cannot make a folder: %s", strerror(-r));
	r = spawn_idle(fd, &pid);
	close(fd);
	if (r < 0) {
		if (probe_remove(tree) != 0)
			log_debug("trial folder stays, continuing");
		return off(tree, "cannot start a process in a cgroup: %s",
			   strerror(-r));
	}
	r = cgroup_folder_kill(tree->job, PROBE_NAME);
	if (!probe_empties(tree, pid) || r < 0)
		return off(tree, "cgroup.kill does not work: %s",
			   r < 0 ? strerror(-r) : "no effect");
	r = probe_remove(tree);
	if (r)
		return off(tree, "cannot remove a folder: %s",
			   r < 0 ? strerror(-r) : "it stays busy");
	return 0;
}

static int move_to(int folder)
{
	int fd, r = 0;

	fd = openat(folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, "0", 1) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int move_in(struct cgroup_tree *tree)
{
	int folder = open_below(tree, "main");
	int r;

	if (folder < 0)
		return off(tree, "cannot make main/: %s", strerror(-folder));
	r = move_to(folder);
	close(folder);
	return r < 0 ? off(tree, "cannot move into main/: %s", strerror(-r))
		     : 0;
}

/* The last one out removes it all. */
static void leave(const struct cgroup_tree *tree)
{
	int up = openat(tree->top, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (unlinkat(tree->top, "job", AT_REMOVEDIR) == 0 &&
	    unlinkat(tree->top, "pool", AT_REMOVEDIR) == 0 && up >= 0 &&
	    move_to(tree->named ? up : tree->top) == 0 &&
	    unlinkat(tree->top, "main", AT_REMOVEDIR) == 0 && tree->named)
		rmdir(tree->path);
	if (up >= 0)
		close(up);
}

/* A daemon whose workers outlived it could not remove its folders. */
static void tidy(const struct cgroup_tree *tree)
{
	int up = openat(tree->top, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char prefix[FOLDER_BYTES];

	if (up < 0)
		return;
	snprintf(prefix, sizeof(prefix), "reeve-%u-", (unsigned)geteuid());
	cgroup_folder_tidy(up, prefix, strrchr(tree->path, '/') + 1);
	close(up);
}

void cgroup_tree_open(struct cgroup_tree *ret, const struct config *config)
{
	int r;

	*ret = (struct cgroup_tree){.top = -1, .pool = -1, .job = -1};
	r = config->cgroups ? choose(ret, config)
			    : off(ret, "switched off by --no-cgroups");
	if (!r) {
		ret->pool = open_below(ret, "pool");
		ret->job = open_below(ret, "job");
		if (ret->pool < 0 || ret->job < 0)
			r = off(ret, "cannot make pool/ and job/: %s",
				strerror(ret->pool < 0 ? -ret->pool
						       : -ret->job));
	}
	if (!r)
		r = move_in(ret);
	if (!r)
		r = probe(ret);
	ret->on = !r;
	if (r)
		cgroup_tree_close(ret);
	else if (ret->named)
		tidy(ret);
}

bool cgroup_tree_folder_of(const struct cgroup_tree *tree, int pid, char *ret)
{
	char file[32], text[8192], own[CGROUP_PATH_BYTES];
	size_t n = strlen(tree->inside), m;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	if (!tree->on || cgroup_find_read(file, text, sizeof(text)) < 0 ||
	    !cgroup_find_own(text, own) || strncmp(own, tree->inside, n) != 0 ||
	    strncmp(own + n, "/job/", 5) != 0)
		return false;
	m = strcspn(own + n + 5, "/");
	if (m == 0 || m >= FOLDER_BYTES)
		return false;
	memcpy(ret, own + n + 5, m);
	ret[m] = '\0';
	return true;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void cgroup_tree_close(struct cgroup_tree *tree)
{
	if (tree->on)
		leave(tree);
	close_one(&tree->pool);
	close_one(&tree->job);
	close_one(&tree->top);
	tree->on = false;
}
