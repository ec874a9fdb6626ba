#include "daemon/supervisor/birth.h"

#include "daemon/supervisor/cgroup_folder.h"
#include "daemon/supervisor/pool_message.h"
#include "daemon/supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#define VARIABLES_MAX 16

/* The environment of a process of a handler pool, beyond the daemon's own. */
struct variables {
	char *list[VARIABLES_MAX + 1];
	size_t count;
	bool failed;
};

static void add(struct variables *variables, const char *fmt, ...)
	printf_like(2, 3);

static void add(struct variables *variables, const char *fmt, ...)
{
	va_list args;

	require(variables->count < VARIABLES_MAX);
	va_start(args, fmt);
	if (vasprintf(&variables->list[variables->count], fmt, args) < 0)
		variables->list[variables->count] = NULL;
	va_end(args);
	if (variables->list[variables->count])
		variables->count++;
	else
		variables->failed = true;
}

static void drop(struct variables *variables)
{
	for (size_t i = 0; i < variables->count; i++)
		free(variables->list[i]);
}

static void add_handlers(struct variables *variables, char *const *handles)
{
	size_t bytes = 1, at = 0;
	char *text;

	for (char *const *name = handles; name && *name; name++)
		bytes += strlen(*name) + 1;
	text = calloc(1, bytes);
	if (!text) {
		variables->failed = true;
		return;
	}
	for (char *const *name = handles; name && *name; name++)
		at += (size_t)snprintf(text + at, bytes - at, "%s%s",
				       at ? " " : "", *name);
	add(variables, "REEVE_HANDLERS=%s", text);
	free(text);
}

static void add_common(struct variables *variables, const struct birth *birth,
		       const struct pool *pool)
{
	add(variables, "REEVE_POOL=%s", pool->config.name);
	add(variables, "REEVE_SUPERVISOR=%d", (int)getpid());
	add(variables, "REEVE_WORKER_SOCKET=%s", birth->config->worker_socket);
	add(variables, "REEVE_SOCKET=%s", birth->config->socket);
	add(variables, "REEVE_RESULTS=%s/results", birth->config->state_dir);
	add_handlers(variables, pool->config.handles);
}

/* The secret only to a program: our own role gets it by its pipe. */
static void add_worker(struct variables *variables, const struct pool *pool,
		       const struct pool_worker *worker)
{
	char hex[2 * CHANNEL_SECRET_BYTES + 1];

	add(variables, "REEVE_WORKER=%" PRId64, worker->number);
	add(variables, "REEVE_SLOT=%d", (int)(worker - pool->workers));
	if (pool->config.kind != POOL_WORKER)
		return;
	for (size_t i = 0; i < CHANNEL_SECRET_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", worker->secret[i]);
	add(variables, "REEVE_WORKER_SECRET=%s", hex);
}

static int make_secret(uint8_t secret[CHANNEL_SECRET_BYTES])
{
	ssize_t n;

	do
		n = getrandom(secret, CHANNEL_SECRET_BYTES, 0);
	while (n < 0 && errno == EINTR);
	return n == CHANNEL_SECRET_BYTES ? 0 : -EIO;
}

/* Locked; the lock lives as long as the descriptor is open anywhere. */
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

static int spawn_in(struct spawn *spawn, pid_t *ret_pid)
{
	int r = spawn_role(spawn, ret_pid);

	if (r < 0 && spawn->cgroup >= 0 && r != -EAGAIN && r != -ENOMEM) {
		log_warning("cannot start a process in its cgroup, continuing "
			    "without error=\"%s\"",
			    strerror(-r));
		spawn->cgroup = -1;
		r = spawn_role(spawn, ret_pid);
	}
	return r;
}

/* "-- RUN": what follows is not ours. */
static char **make_tail(char *const *run)
{
	size_t n = 0;
	char **tail;

	while (run && run[n])
		n++;
	tail = calloc(n + 2, sizeof(*tail));
	if (!tail)
		return NULL;
	tail[0] = (char *)"--";
	for (size_t i = 0; i < n; i++)
		tail[i + 1] = run[i];
	return tail;
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

/* The lock of its folder passes to it with the descriptor. */
static int start_role(const struct birth *birth, struct pool *pool,
		      struct pool_worker *worker, int folder,
		      struct variables *variables)
{
	AUTO(free) char **tail = NULL;
	bool http = pool->config.kind == POOL_HTTP;
	bool handlers = http || pool->config.kind == POOL_LINES;
	struct spawn spawn = {
		.role = http ? "http" : "worker",
		.flags = birth->flags,
		.program = birth->program,
		.env = handlers ? variables->list : NULL,
		.fd_count = 2,
		.cgroup = birth->tree->pool,
		.nofile = birth->nofile,
		.drop_oom_protection = true,
	};
	int ends[2], r;

	if (worker->words)
		spawn.words = worker->words->fd;
	if (handlers) {
		tail = make_tail(pool->config.run);
		if (!tail)
			return -ENOMEM;
		spawn.tail = tail;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	spawn.fds[0] = ends[0];
	spawn.fds[1] = folder;
	r = spawn_in(&spawn, &worker->pid);
	close(ends[0]);
	if (!r) {
		worker->start_ticks = reap_start_ticks(worker->pid);
		/* Without it the worker reads the end and exits by itself. */
		if (send_birth(pool, worker, ends[1]) < 0)
			log_warning("worker cannot be told who it is, "
				    "continuing worker=%" PRId64,
				    worker->number);
	}
	close(ends[1]);
	return r;
}

static void own_folder(const struct birth *birth,
		       const struct pool_worker *worker)
{
	int r;

	if (!birth->tree->on || !worker->folder[0])
		return;
	r = cgroup_folder_own(birth->tree->job, worker->folder, worker->pid,
			      worker->start_ticks);
	if (r < 0)
		log_warning("cgroup has no owner, continuing folder=%s "
			    "error=\"%s\"",
			    worker->folder, strerror(-r));
}

/* It lives in its folder itself, and gets no descriptor of ours. */
static int start_program(const struct birth *birth, struct pool *pool,
			 struct pool_worker *worker, int folder,
			 struct variables *variables)
{
	struct spawn spawn = {
		.tail = pool->config.run,
		.env = variables->list,
		.cgroup = folder,
		.nofile = birth->nofile,
		.drop_oom_protection = true,
	};
	int r;

	if (worker->words)
		spawn.words = worker->words->fd;
	r = spawn_in(&spawn, &worker->pid);
	if (r)
		return r;
	worker->start_ticks = reap_start_ticks(worker->pid);
	own_folder(birth, worker);
	return 0;
}

static int ask_template(struct pool *pool, struct pool_worker *worker,
			int64_t now_ns)
{
	struct template_message message = {
		.op = TEMPLATE_FORK,
		.slot = (int32_t)(worker - pool->workers),
		.worker = worker->number,
	};
	int r;

	memcpy(message.secret, worker->secret, sizeof(message.secret));
	memcpy(message.text, worker->folder, sizeof(worker->folder));
	r = template_fork(&pool->template, &message, now_ns);
	if (!r)
		worker->template = pool->template.pid;
	return r > 0 ? -EAGAIN : r;
}

static int start(const struct birth *birth, struct pool *pool,
		 struct pool_worker *worker, int64_t now_ns)
{
	struct variables variables = {0};
	int slot = (int)(worker - pool->workers), folder;
	int r = make_secret(worker->secret);

	if (r < 0)
		return r;
	add_common(&variables, birth, pool);
	add_worker(&variables, pool, worker);
	if (variables.failed) {
		drop(&variables);
		return -ENOMEM;
	}
	folder = make_folder(worker, slot, birth->tree);
	if (pool_forks(pool))
		r = ask_template(pool, worker, now_ns);
	else if (pool->config.kind == POOL_WORKER)
		r = start_program(birth, pool, worker, folder, &variables);
	else
		r = start_role(birth, pool, worker, folder, &variables);
	drop(&variables);
	if (folder >= 0)
		close(folder);
	if (r && worker->folder[0] &&
	    cgroup_folder_remove(birth->tree->job, worker->folder) != 0)
		log_debug("folder stays until the next sweep, continuing");
	return r;
}

struct pool_worker *birth_worker(const struct birth *birth, struct pool *pool,
				 int slot, int64_t number, int64_t now_ns)
{
	struct pool_worker *worker = &pool->workers[slot];
	int r;

	require(worker->number == 0);
	worker->number = number;
	worker->born_ns = now_ns;
	worker->generation = pool->generation;
	if (pool_listens(pool) && !pool_forks(pool))
		worker->words = words_new();
	r = start(birth, pool, worker, now_ns);
	if (r < 0) {
		log_error("cannot start a worker, retrying pool=%s slot=%d "
			  "error=\"%s\"",
			  pool->config.name, slot, strerror(-r));
		words_free(&worker->words);
		*worker = (struct pool_worker){0};
		pool->retry_ns = now_ns + POOL_REFUSED_NS;
		return NULL;
	}
	if (worker->pid)
		log_info("worker started slot=%d worker=%" PRId64
			 " pid=%d pool=%s",
			 slot, worker->number, (int)worker->pid,
			 pool->config.name);
	return worker;
}

static int start_template(const struct birth *birth, struct pool *pool, int fd,
			  const struct words *words,
			  struct variables *variables, pid_t *ret_pid)
{
	AUTO(free) char **tail = NULL;
	struct spawn spawn = {
		.tail = pool->config.run,
		.flags = birth->flags,
		.env = variables->list,
		.program = birth->program,
		.fds = {fd},
		.fd_count = 1,
		.cgroup = birth->tree->pool,
		.nofile = birth->nofile,
		.drop_oom_protection = true,
	};

	if (words)
		spawn.words = words->fd;
	if (pool->config.kind == POOL_PLUGIN) {
		tail = make_tail(pool->config.run);
		if (!tail)
			return -ENOMEM;
		spawn.role = "template";
		spawn.tail = tail;
	}
	return spawn_in(&spawn, ret_pid);
}

bool birth_template(const struct birth *birth, struct pool *pool,
		    int64_t now_ns)
{
	struct variables variables = {0};
	int ends[2] = {-1, -1}, r;
	struct words *words = NULL;
	pid_t pid = 0;

	if (pool_listens(pool))
		words = words_new();
	add_common(&variables, birth, pool);
	add(&variables, "REEVE_TEMPLATE_FD=%d", TEMPLATE_FD);
	r = variables.failed ? -ENOMEM : template_pair(ends);
	if (!r) {
		r = start_template(birth, pool, ends[1], words, &variables,
				   &pid);
		close(ends[1]);
	}
	drop(&variables);
	if (r < 0) {
		log_error("cannot start a template, retrying pool=%s "
			  "error=\"%s\"",
			  pool->config.name, strerror(-r));
		if (ends[0] >= 0)
			close(ends[0]);
		words_free(&words);
		pool->preload_ns = now_ns + POOL_REFUSED_NS;
		return false;
	}
	template_started(&pool->next, pid, ends[0], now_ns);
	pool->next.words = words;
	log_info("template started pid=%d pool=%s", (int)pid,
		 pool->config.name);
	return true;
}

void birth_adopt(const struct birth *birth, struct pool_worker *worker,
		 pid_t pid)
{
	int r;

	worker->pid = pid;
	worker->start_ticks = reap_start_ticks(pid);
	if (!birth->tree->on || !worker->folder[0])
		return;
	r = cgroup_folder_move(birth->tree->job, worker->folder, pid);
	/* One that has died already has nothing to move. */
	if (r < 0 && r != -ESRCH)
		log_warning("worker stays out of its cgroup, continuing "
			    "pid=%d error=\"%s\"",
			    (int)pid, strerror(-r));
	own_folder(birth, worker);
}
