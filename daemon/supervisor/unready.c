#include "daemon/supervisor/unready.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/supervisor/reap.h"

static void read_boot_id(char boot_id[40])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!file || fscanf(file, "%36s", boot_id) != 1)
		boot_id[0] = '\0';
	if (file)
		fclose(file);
}

/* By pidfd: what was looked at is what gets the signal. */
static bool end(const struct unready_child *child)
{
	int fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	bool ended;

	if (fd < 0)
		return false;
	ended = reap_start_ticks(child->pid) == child->start_ticks &&
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
	close(fd);
	return ended;
}

static size_t end_all(const struct unready *unready)
{
	FILE *file = fopen(unready->path, "re");
	char boot_id[40];
	size_t count = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%36s", boot_id) == 1 && unready->boot_id[0] &&
	    strcmp(boot_id, unready->boot_id) == 0) {
		struct unready_child child;
		int pid;

		while (fscanf(file, "%d %" SCNd64, &pid, &child.start_ticks) ==
		       2) {
			child.pid = (pid_t)pid;
			if (pid > 1 && child.start_ticks > 0 && end(&child))
				count++;
		}
	}
	fclose(file);
	return count;
}

size_t unready_open(struct unready *unready, const char *folder)
{
	size_t count;

	*unready = (struct unready){0};
	snprintf(unready->path, sizeof(unready->path), "%s/unready", folder);
	read_boot_id(unready->boot_id);
	count = end_all(unready);
	unlink(unready->path);
	return count;
}

static int add(struct unready *unready, pid_t pid, int64_t start_ticks)
{
	if (unready->next_count == unready->next_room) {
		size_t more = unready->next_room ? 2 * unready->next_room : 16;
		struct unready_child *grown = reallocarray(
			unready->next, more, sizeof(*unready->next));

		if (!grown)
			return -ENOMEM;
		unready->next = grown;
		unready->next_room = more;
	}
	unready->next[unready->next_count++] =
		(struct unready_child){pid, start_ticks};
	return 0;
}

static int add_template(struct unready *unready,
			const struct template *template)
{
	/* One that serves leaves when its channel is closed. */
	return template->state != TEMPLATE_LOADING
		       ? 0
		       : add(unready, template->pid,
			     reap_start_ticks(template->pid));
}

static int add_pool(struct unready *unready, const struct pool *pool)
{
	int r = add_template(unready, &pool->next);

	for (int slot = 0; !r && slot < pool->size; slot++) {
		const struct pool_worker *worker = &pool->workers[slot];

		if (worker->pid && !worker->ready)
			r = add(unready, worker->pid, worker->start_ticks);
	}
	return r;
}

static int gather(struct unready *unready, const struct pool_set *pools)
{
	int r = 0;

	unready->next_count = 0;
	for (int i = 0; !r && i < POOLS_MAX; i++) {
		const struct pool *pool = pools->list[i];

		/* A worker of commands is ready when it begins, or ends. */
		if (pool && pool->config.kind != POOL_COMMAND)
			r = add_pool(unready, pool);
	}
	return r;
}

/* In a new file that takes the name: who reads finds one or the other. */
static int write_file(const struct unready *unready)
{
	char path[sizeof(unready->path) + 8];
	FILE *file;
	int fd, r = 0;

	snprintf(path, sizeof(path), "%s.new", unready->path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return -errno;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	fprintf(file, "%s\n", unready->boot_id);
	for (size_t i = 0; i < unready->count; i++)
		fprintf(file, "%d %" PRId64 "\n", (int)unready->list[i].pid,
			unready->list[i].start_ticks);
	if (ferror(file))
		r = -EIO;
	if (fclose(file) || (!r && rename(path, unready->path)))
		r = r ? r : -errno;
	return r;
}

static bool same(const struct unready *unready)
{
	if (unready->count != unready->next_count)
		return false;
	for (size_t i = 0; i < unready->count; i++) {
		if (unready->list[i].pid != unready->next[i].pid ||
		    unready->list[i].start_ticks !=
			    unready->next[i].start_ticks)
			return false;
	}
	return true;
}

void unready_keep(struct unready *unready, const struct pool_set *pools)
{
	struct unready_child *list = unready->list;
	size_t room = unready->room;
	int r;

	if (!unready->boot_id[0])
		return;
	r = gather(unready, pools);
	if (!r && same(unready))
		return;
	if (!r) {
		unready->list = unready->next;
		unready->count = unready->next_count;
		unready->room = unready->next_room;
		unready->next = list;
		unready->next_room = room;
		r = write_file(unready);
	}
	if (r < 0)
		log_warning("cannot write down who is not ready, continuing "
			    "path=%s error=\"%s\"",
			    unready->path, strerror(-r));
}

void unready_close(struct unready *unready)
{
	if (unready->path[0])
		unlink(unready->path);
	free(unready->list);
	free(unready->next);
	*unready = (struct unready){0};
}
