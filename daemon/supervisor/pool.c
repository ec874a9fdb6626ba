#include "daemon/supervisor/pool.h"

#include "daemon/supervisor/cgroup_folder.h"
#include "daemon/supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#define REFUSED_NS (1000 * INT64_C(1000000))

int pool_init(struct pool *pool, int size, int64_t first_number)
{
	require(size > 0 && first_number > 0);
	*pool = (struct pool){.size = size, .next_number = first_number};
	pool->workers = calloc((size_t)size, sizeof(*pool->workers));
	return pool->workers ? 0 : -ENOMEM;
}

/* Has a worker of this generation proved that workers can live? */
static bool is_proved(const struct pool *pool, int64_t now_ns,
		      int64_t *ret_youngest_ns)
{
	*ret_youngest_ns = 0;
	for (int slot = 0; slot < pool->size; slot++) {
		const struct pool_worker *worker = &pool->workers[slot];

		if (!worker->number || worker->born_ns <= pool->backoff.died_ns)
			continue;
		if (worker->useful || now_ns - worker->born_ns >= POOL_PROOF_NS)
			return true;
		if (worker->born_ns > *ret_youngest_ns)
			*ret_youngest_ns = worker->born_ns;
	}
	return false;
}

int pool_next_slot(const struct pool *pool, int64_t now_ns,
		   int64_t *ret_wake_ns)
{
	int64_t youngest_ns;
	int slot = 0;

	*ret_wake_ns = 0;
	while (slot < pool->size && pool->workers[slot].number)
		slot++;
	if (slot == pool->size)
		return -1;
	if (pool->backoff.until_ns > now_ns) {
		*ret_wake_ns = pool->backoff.until_ns;
		return -1;
	}
	if (pool->retry_ns > now_ns) {
		*ret_wake_ns = pool->retry_ns;
		return -1;
	}
	if (pool->backoff.deaths < 2 || is_proved(pool, now_ns, &youngest_ns) ||
	    !youngest_ns)
		return slot;
	*ret_wake_ns = youngest_ns + POOL_PROOF_NS;
	return -1;
}

static int make_secret(uint8_t secret[CHANNEL_SECRET_BYTES])
{
	ssize_t n;

	do
		n = getrandom(secret, CHANNEL_SECRET_BYTES, 0);
	while (n < 0 && errno == EINTR);
	return n == CHANNEL_SECRET_BYTES ? 0 : -EIO;
}

/* Its folder, locked; the lock passes to the worker with the descriptor. */
static int make_folder(struct pool_worker *worker, int slot,
		       const struct cgroup_tree *tree)
{
	int fd, r;

	worker->folder[0] = '\0';
	if (!tree->on)
		return -1;
	snprintf(worker->folder, sizeof(worker->folder), "%d-%" PRIx64, slot,
		 (uint64_t)worker->number);
	r = cgroup_folder_make(tree->job, worker->folder, &fd);
	if (!r)
		return fd;
	log_warning("no cgroup for a worker, continuing slot=%d error=\"%s\"",
		    slot, strerror(-r));
	worker->folder[0] = '\0';
	return -1;
}

static int spawn_worker(const struct pool *pool, const struct cgroup_tree *tree,
			int birth, int folder, pid_t *ret_pid)
{
	struct spawn spawn = {
		.role = "worker",
		.flags = pool->flags,
		.program = pool->program,
		.fds = {birth, folder},
		.fd_count = 2,
		.cgroup = tree->pool,
		.nofile = pool->nofile,
		.drop_oom_protection = true,
	};
	int r;

	r = spawn_role(&spawn, ret_pid);
	if (r < 0 && spawn.cgroup >= 0 && r != -EAGAIN && r != -ENOMEM) {
		log_warning("cannot start a worker in pool/, continuing "
			    "without error=\"%s\"",
			    strerror(-r));
		spawn.cgroup = -1;
		r = spawn_role(&spawn, ret_pid);
	}
	return r;
}

/* Through a pipe: environment and arguments can be read by others. */
static int send_birth(const struct pool *pool, const struct pool_worker *worker,
		      int fd)
{
	struct channel_message message;
	ssize_t n;

	pool_born_message(pool, worker, &message);
	n = write(fd, &message, sizeof(message));
	return n == (ssize_t)sizeof(message) ? 0 : n < 0 ? -errno : -EIO;
}

static int start(struct pool *pool, struct pool_worker *worker, int slot,
		 const struct cgroup_tree *tree)
{
	int birth[2], folder, r;

	r = make_secret(worker->secret);
	if (r < 0)
		return r;
	if (pipe2(birth, O_CLOEXEC) < 0)
		return -errno;
	folder = make_folder(worker, slot, tree);
	r = spawn_worker(pool, tree, birth[0], folder, &worker->pid);
	close(birth[0]);
	if (folder >= 0)
		close(folder);
	if (!r) {
		worker->start_ticks = reap_start_ticks(worker->pid);
		/* Without it the worker reads the end and exits by itself. */
		if (send_birth(pool, worker, birth[1]) < 0)
			log_warning("worker cannot be told who it is, "
				    "continuing slot=%d",
				    slot);
	} else if (worker->folder[0] &&
		   cgroup_folder_remove(tree->job, worker->folder) != 0) {
		log_debug("folder stays until the next sweep, continuing");
	}
	close(birth[1]);
	return r;
}

struct pool_worker *pool_start(struct pool *pool, int slot,
			       const struct cgroup_tree *tree, int64_t now_ns)
{
	struct pool_worker *worker = &pool->workers[slot];
	int r;

	require(worker->number == 0);
	worker->number = pool->next_number++;
	worker->born_ns = now_ns;
	r = start(pool, worker, slot, tree);
	if (r < 0) {
		log_error("cannot start a worker, retrying slot=%d "
			  "error=\"%s\"",
			  slot, strerror(-r));
		*worker = (struct pool_worker){0};
		pool->retry_ns = now_ns + REFUSED_NS;
		return NULL;
	}
	log_info("worker started slot=%d worker=%" PRId64 " pid=%d", slot,
		 worker->number, (int)worker->pid);
	return worker;
}

struct pool_worker *pool_find(const struct pool *pool, pid_t pid)
{
	for (int slot = 0; slot < pool->size; slot++)
		if (pool->workers[slot].number &&
		    pool->workers[slot].pid == pid)
			return &pool->workers[slot];
	return NULL;
}

struct pool_worker *pool_by_number(const struct pool *pool, int64_t number)
{
	for (int slot = 0; number && slot < pool->size; slot++)
		if (pool->workers[slot].number == number)
			return &pool->workers[slot];
	return NULL;
}

bool pool_has_folder(const struct pool *pool, const char *name)
{
	for (int slot = 0; slot < pool->size; slot++)
		if (pool->workers[slot].number &&
		    strcmp(pool->workers[slot].folder, name) == 0)
			return true;
	return false;
}

void pool_died(struct pool *pool, struct pool_worker *worker,
	       const struct reap_end *end, int64_t now_ns,
	       struct channel_message *ret)
{
	pool_born_message(pool, worker, ret);
	ret->kind = CHANNEL_DIED;
	memset(ret->secret, 0, sizeof(ret->secret));
	ret->status = end->status;
	ret->cpu_us = end->cpu_us;
	ret->peak_kib = end->peak_kib;
	backoff_died(&pool->backoff, now_ns, now_ns - worker->born_ns,
		     worker->useful);
	*worker = (struct pool_worker){0};
}

void pool_born_message(const struct pool *pool,
		       const struct pool_worker *worker,
		       struct channel_message *ret)
{
	*ret = (struct channel_message){
		.kind = CHANNEL_BORN,
		.worker = worker->number,
		.slot = (int32_t)(worker - pool->workers),
		.pid = (int32_t)worker->pid,
		.parent = (int32_t)getpid(),
		.start_ticks = worker->start_ticks,
		.pool = POOL_NAME,
	};
	memcpy(ret->secret, worker->secret, sizeof(ret->secret));
	memcpy(ret->cgroup, worker->folder, sizeof(ret->cgroup));
}

void pool_state_message(const struct pool *pool, int64_t now_ns,
			struct channel_message *ret)
{
	bool degraded = backoff_degraded(&pool->backoff, now_ns);

	*ret = (struct channel_message){
		.kind = CHANNEL_POOL,
		.pool_workers = pool->size,
		.pool_degraded = degraded,
		.pool_retry_ns = degraded ? pool->backoff.until_ns : 0,
		.pool = POOL_NAME,
	};
}

void pool_fini(struct pool *pool)
{
	free(pool->workers);
	*pool = (struct pool){0};
}
