#include "daemon/worker/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/worker/run_kill.h"

#define ROUND_NS 5000000
#define CLEAR_NS INT64_C(5000000000)
#define LEAVE_MS 1000 /* to end by itself when its input ends */
#define READ_BYTES (64 * 1024)
#define KEEP_BYTES (256 * 1024)
#define ABOVE_FD 4 /* sources of its descriptors are not among them */

static void close_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int copy_argv(struct filter *filter, char **run)
{
	size_t count = 0;

	while (run[count])
		count++;
	filter->argv = calloc(count + 2, sizeof(*run));
	if (!filter->argv)
		return -ENOMEM;
	filter->argv++;
	memcpy(filter->argv, run, count * sizeof(*run));
	return 0;
}

int filter_init(struct filter *filter, char **run, int slot_fd, int null_fd,
		int progress_fd, int64_t nofile)
{
	const char *path = getenv("PATH");
	int r;

	*filter = (struct filter){
		.null_fd = null_fd,
		.progress_fd = progress_fd,
		.input_fd = -1,
		.output_fd = -1,
		.unread_fd = -1,
	};
	leaf_init(&filter->leaf, slot_fd);
	filter->error_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, ABOVE_FD);
	if (filter->error_fd < 0)
		return -errno;
	r = copy_argv(filter, run);
	if (r == 0)
		r = place_new(&filter->place, 0, SLICE("{}"));
	if (r)
		return r;
	filter->paths = command_paths(&filter->arena, filter->argv[0],
				      path ? path : filter->place->path);
	return filter->paths ? run_init(&filter->run, nofile) : -ENOMEM;
}

static void close_pipes(struct filter *filter)
{
	close_at(&filter->input_fd);
	close_at(&filter->output_fd);
	close_at(&filter->unread_fd);
}

/* Its input has ended. Most filters end then, and may have something to do. */
static void await_end(struct filter *filter)
{
	struct pollfd ended = {-1, POLLIN, 0};

	if (!filter->pid)
		return;
	ended.fd = (int)syscall(SYS_pidfd_open, filter->pid, 0);
	if (ended.fd < 0)
		return;
	(void)poll(&ended, 1, LEAVE_MS);
	close(ended.fd);
}

void filter_fini(struct filter *filter)
{
	struct run_end end;
	int64_t until_ns;

	close_pipes(filter);
	await_end(filter);
	until_ns = clock_mono_ns() + LEAVE_MS * INT64_C(1000000);
	while (filter->state != FILTER_DOWN && !run_reap(0, &end) &&
	       clock_mono_ns() < until_ns) {
		leaf_kill(&filter->leaf);
		run_kill_children();
		(void)poll(NULL, 0, 1);
	}
	close_at(&filter->error_fd);
	run_fini(&filter->run);
	leaf_fini(&filter->leaf);
	place_unref(filter->place);
	if (filter->argv)
		free(filter->argv - 1);
	free(filter->output);
	json_out_fini(&filter->input);
	arena_fini(&filter->arena);
}

static int open_pipes(struct filter *filter, int *ret_output)
{
	int input[2], output[2];

	if (pipe2(input, O_CLOEXEC) < 0)
		return -errno;
	filter->unread_fd = input[0];
	filter->input_fd = input[1];
	if (pipe2(output, O_CLOEXEC) < 0)
		return -errno;
	filter->output_fd = output[0];
	*ret_output = output[1];
	/* Only our ends: programs expect theirs to block. */
	if (fcntl(filter->input_fd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(filter->output_fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

/* A leaf can go away under us, or be refused: the second try is a new one. */
static int start_in_cgroup(struct filter *filter, struct run_files *files,
			   struct command_fault *ret_fault)
{
	struct command command = {
		.argv = filter->argv,
		.envp = environ,
		.paths = filter->paths,
		.place = filter->place,
		.given = {-1, -1, -1, -1},
	};
	int r = FILTER_E_FAULT;

	for (int i = 0; i < 2; i++) {
		files->cgroup_fd = leaf_get(&filter->leaf);
		r = run_start(&filter->run, &command, files, &filter->pid,
			      ret_fault);
		if (r == 0 || files->cgroup_fd < 0)
			return r;
		leaf_abandon(&filter->leaf);
	}
	return r;
}

int filter_start(struct filter *filter, int64_t now_ns,
		 struct command_fault *ret_fault)
{
	struct run_files files = {.cwd_fd = -1};
	int output = -1, r;

	require(filter->state == FILTER_DOWN);
	filter_forget(filter);
	close_pipes(filter);
	filter->end = (struct run_end){0};
	filter->killed = filter->none_left = filter->output_ended = false;
	filter->ever_read = false;
	r = open_pipes(filter, &output);
	if (r == 0) {
		files.fd[0] = filter->unread_fd;
		files.fd[1] = output;
		files.fd[2] = filter->error_fd;
		files.fd[3] = filter->progress_fd;
		r = start_in_cgroup(filter, &files, ret_fault);
		r = r > 0 ? FILTER_E_FAULT : r;
	}
	close_at(&output);
	if (r) {
		close_pipes(filter);
		return r;
	}
	filter->started_ns = now_ns;
	filter->kill_ns = INT64_MAX;
	filter->state = FILTER_UP;
	return 0;
}

int filter_send(struct filter *filter, struct slice json)
{
	require(filter->state == FILTER_UP);
	json_out_reset(&filter->input);
	json_out_raw(&filter->input, json);
	json_out_byte(&filter->input, '\n');
	filter->input_sent = 0;
	if (!json_out_ok(&filter->input)) {
		json_out_fini(&filter->input);
		return -ENOMEM;
	}
	filter_flush(filter);
	return 0;
}

void filter_flush(struct filter *filter)
{
	struct slice line = json_out_slice(&filter->input);

	/* We hold the other end, too: nobody gets a SIGPIPE. */
	while (filter->input_fd >= 0 && filter->input_sent < line.n) {
		ssize_t n = write(filter->input_fd, line.p + filter->input_sent,
				  line.n - filter->input_sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		filter->input_sent += (size_t)n;
	}
}

bool filter_wants_write(const struct filter *filter)
{
	return filter->state == FILTER_UP &&
	       filter->input_sent < json_out_slice(&filter->input).n;
}

static int make_room(struct filter *filter)
{
	size_t capacity = filter->output_capacity;
	char *output;

	if (capacity - filter->output_bytes >= READ_BYTES)
		return 0;
	capacity = capacity ? capacity * 2 : 2 * (size_t)READ_BYTES;
	output = realloc(filter->output, capacity);
	if (!output)
		return -ENOMEM;
	filter->output = output;
	filter->output_capacity = capacity;
	return 0;
}

int filter_receive(struct filter *filter, size_t max_bytes)
{
	while (filter->output_fd >= 0) {
		ssize_t n;
		int r = make_room(filter);

		if (r)
			return r;
		n = read(filter->output_fd,
			 filter->output + filter->output_bytes, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return 0;
		if (n == 0) {
			filter->output_ended = true;
			close_at(&filter->output_fd);
			return 0;
		}
		filter->output_bytes += (size_t)n;
		if (filter->output_bytes > max_bytes)
			return FILTER_E_LONG;
		if (memchr(filter->output + filter->output_bytes - n, '\n',
			   (size_t)n))
			return 0;
	}
	return 0;
}

bool filter_line(const struct filter *filter, struct slice *ret, bool *ret_more)
{
	const char *end = filter->output_bytes ? memchr(filter->output, '\n',
							filter->output_bytes)
					       : NULL;

	if (!end)
		return false;
	*ret = (struct slice){filter->output, (size_t)(end - filter->output)};
	*ret_more = ret->n + 1 < filter->output_bytes;
	return true;
}

void filter_forget(struct filter *filter)
{
	filter->ever_read = filter->ever_read || filter_has_read(filter);
	json_out_reset(&filter->input);
	filter->input_sent = 0;
	filter->output_bytes = 0;
	if (filter->output_capacity > KEEP_BYTES) {
		free(TAKE(filter->output));
		filter->output_capacity = 0;
	}
	if (filter->input.capacity > KEEP_BYTES)
		json_out_fini(&filter->input);
}

bool filter_has_read(const struct filter *filter)
{
	int unread = 0;

	if (filter->unread_fd < 0 ||
	    ioctl(filter->unread_fd, FIONREAD, &unread) < 0)
		return filter->input_sent > 0;
	return (size_t)unread < filter->input_sent;
}

static void kill_all(struct filter *filter)
{
	filter->killed = true;
	leaf_kill(&filter->leaf);
	run_kill_children();
}

void filter_stop(struct filter *filter, int64_t grace_ns, int64_t now_ns)
{
	int64_t kill_ns = grace_ns > INT64_MAX - now_ns ? INT64_MAX
							: now_ns + grace_ns;

	if (filter->state == FILTER_UP) {
		filter->state = FILTER_STOPPING;
		run_signal_group(filter->pid, SIGTERM);
		/* Or a stopped one never knows. */
		run_signal_group(filter->pid, SIGCONT);
		leaf_signal(&filter->leaf, SIGTERM, filter->pid);
	}
	if (filter->state == FILTER_STOPPING && kill_ns < filter->kill_ns)
		filter->kill_ns = kill_ns;
}

/* After the main process: nothing of it may be left. */
static void clear(struct filter *filter, int64_t now_ns)
{
	if (!filter->none_left) {
		if (now_ns < filter->round_ns)
			return;
		filter->round_ns = now_ns + ROUND_NS;
		kill_all(filter);
		filter->none_left = run_reap(0, &filter->end);
		if (!filter->none_left && now_ns < filter->clear_ns)
			return;
		if (!filter->none_left) {
			log_error("processes of a filter withstand SIGKILL, "
				  "leaving them to the supervisor");
			filter->unclean = true;
		}
	}
	if (filter->killed)
		leaf_abandon(&filter->leaf);
	filter->state = FILTER_DOWN;
}

void filter_children(struct filter *filter, int64_t now_ns)
{
	filter->none_left = run_reap(filter->pid, &filter->end);
	if (filter->state == FILTER_CLEARING) {
		if (filter->none_left)
			clear(filter, now_ns);
		return;
	}
	if (!filter->end.ended || filter->state == FILTER_DOWN)
		return;
	filter->pid = 0;
	filter->round_ns = now_ns;
	filter->clear_ns = now_ns + CLEAR_NS;
	filter->state = FILTER_CLEARING;
	clear(filter, now_ns);
}

int64_t filter_due_ns(const struct filter *filter)
{
	switch (filter->state) {
	case FILTER_STOPPING:
		return filter->kill_ns;
	case FILTER_CLEARING:
		return filter->round_ns;
	case FILTER_UP:
	case FILTER_DOWN:
		break;
	}
	return INT64_MAX;
}

void filter_tick(struct filter *filter, int64_t now_ns)
{
	if (filter->state == FILTER_STOPPING && now_ns >= filter->kill_ns) {
		/* Once more later, for what is born meanwhile. */
		filter->kill_ns = now_ns + ROUND_NS * 20;
		kill_all(filter);
	} else if (filter->state == FILTER_CLEARING) {
		clear(filter, now_ns);
	}
}

int64_t filter_cpu_us(const struct filter *filter)
{
	return filter->pid ? clock_cpu_us_of(filter->pid) : 0;
}
