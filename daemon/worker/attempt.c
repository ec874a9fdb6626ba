#include "daemon/worker/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/worker/run_kill.h"
#include "daemon/worker/worker_crash.h"

#define ROUND_NS 5000000
#define CHUNK_BYTES (64 * 1024)
/* At the end of a job: then the loop gets a look at the clock. */
#define CHUNKS_A_TURN 16

enum { POLL_PROGRESS, POLL_PIPES };
_Static_assert(POLL_PIPES + ATTEMPT_PIPES <= RUNNER_FDS, "room for its pipes");

static const struct runner_kind attempt_kind;

static struct attempt *of(struct runner *runner)
{
	return (struct attempt *)runner;
}

static void set_state(struct attempt *attempt, enum attempt_state state)
{
	attempt->state = state;
	attempt->runner.state = state == ATTEMPT_IDLE	 ? RUNNER_IDLE
				: state == ATTEMPT_ENDED ? RUNNER_ENDED
							 : RUNNER_RUNNING;
}

int attempt_init(struct attempt *attempt, const struct config *config,
		 int slot_fd, int null_fd, int64_t nofile)
{
	static const char *const handlers[] = {"exec", NULL};
	int r;

	*attempt = (struct attempt){
		.runner = {.kind = &attempt_kind,
			   .handlers = handlers,
			   .prefetch = WORKER_PREFETCH},
		.config = config,
		.null_fd = null_fd,
	};
	attempt->output.fd = -1;
	for (int i = 0; i < ATTEMPT_PIPES; i++)
		attempt->read_fd[i] = attempt->write_fd[i] = -1;
	leaf_init(&attempt->leaf, slot_fd);
	r = progress_init(&attempt->progress);
	return r ? r : run_init(&attempt->run, nofile);
}

static void close_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_pipes(struct attempt *attempt)
{
	for (int i = 0; i < ATTEMPT_PIPES; i++) {
		close_at(&attempt->read_fd[i]);
		close_at(&attempt->write_fd[i]);
	}
}

void attempt_fini(struct attempt *attempt)
{
	close_pipes(attempt);
	order_free(attempt->runner.job);
	run_fini(&attempt->run);
	progress_fini(&attempt->progress);
	leaf_fini(&attempt->leaf);
	ring_fini(&attempt->output.tail);
	arena_fini(&attempt->arena);
}

/* @from_ns plus so many milliseconds, however large. */
static int64_t later(int64_t from_ns, int64_t ms)
{
	if (ms > (INT64_MAX - from_ns) / 1000000)
		return INT64_MAX;
	return from_ns + ms * 1000000;
}

static int open_pipes(struct attempt *attempt, const struct command *command)
{
	for (int i = 0; i < ATTEMPT_PIPES; i++) {
		int fd[2];

		/* It writes elsewhere: nothing of it comes to us. */
		if (command->given[GIVEN_STDOUT + i] >= 0)
			continue;
		if (pipe2(fd, O_CLOEXEC) < 0)
			return -errno;
		attempt->read_fd[i] = fd[0];
		attempt->write_fd[i] = fd[1];
		/* Only our end: programs expect theirs to block. */
		if (fcntl(fd[0], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return 0;
}

/* A file in memory: any length, and nobody has to feed it. */
static int open_input(struct slice input)
{
	int fd = memfd_create("stdin", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (size_t at = 0; at < input.n;) {
		ssize_t n = write(fd, input.p + at, input.n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int error = n < 0 ? errno : ENOSPC;

			close(fd);
			return -error;
		}
		at += (size_t)n;
	}
	if (lseek(fd, 0, SEEK_SET) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* A leaf can go away under us, or be refused: the second try is a new one. */
static int start_in_cgroup(struct attempt *attempt,
			   const struct command *command,
			   struct run_files *files)
{
	int r = COMMAND_E_FAULT;

	for (int i = 0; i < 2; i++) {
		files->cgroup_fd = leaf_get(&attempt->leaf);
		r = run_start(&attempt->run, command, files, &attempt->main,
			      &attempt->fault);
		if (r == 0 || files->cgroup_fd < 0 ||
		    (attempt->fault.error != ENODEV &&
		     attempt->fault.error != EBUSY &&
		     attempt->fault.error != EOPNOTSUPP))
			return r;
		leaf_abandon(&attempt->leaf);
	}
	return r;
}

static void unexpected(struct attempt *attempt, int error)
{
	attempt->fault = (struct command_fault){.error = error};
	snprintf(attempt->fault.message, sizeof(attempt->fault.message),
		 "cannot prepare the process: %s", strerror(error));
}

static int start(struct attempt *attempt)
{
	struct command command;
	struct run_files files;
	int r, input = -1;

	r = command_build(&command, &attempt->arena, attempt->runner.job,
			  attempt->runner.socket, &attempt->fault);
	if (r == 0)
		r = open_pipes(attempt, &command);
	if (r == 0 && command.has_input) {
		input = open_input(command.input);
		r = input < 0 ? input : 0;
	}
	if (r == 0) {
		files = (struct run_files){
			.fd =
				{
					input >= 0 ? input : attempt->null_fd,
					attempt->write_fd[ATTEMPT_STDOUT],
					attempt->write_fd[ATTEMPT_STDERR],
					attempt->progress.write_fd,
				},
			.cwd_fd = command.given[GIVEN_CWD],
		};
		for (int i = GIVEN_STDIN; i <= GIVEN_STDERR; i++) {
			if (command.given[i] >= 0)
				files.fd[i] = command.given[i];
		}
		r = start_in_cgroup(attempt, &command, &files);
	}
	close_at(&input);
	/* The job has them now, and nobody waits for us to let go. */
	parcel_unref(TAKE(attempt->runner.job->parcel));
	if (r < 0)
		unexpected(attempt, -r);
	return r;
}

static void attempt_begin(struct runner *runner)
{
	struct attempt *attempt = of(runner);
	const struct config *config = attempt->config;
	struct order *job = runner->job;

	require(attempt->state == ATTEMPT_IDLE);
	attempt->end = (struct run_end){0};
	attempt->cause = CAUSE_NONE;
	attempt->main = 0;
	attempt->run_us = 0;
	attempt->timeout_ns = attempt->kill_ns = INT64_MAX;
	attempt->group_killed = attempt->none_left = false;
	attempt->runner.started_ms = attempt->finished_ms = clock_wall_ms();
	attempt->started_ns = clock_mono_ns();
	output_begin(&attempt->output, config->state_dir, config->output_bytes,
		     job->id, job->attempt);
	if (start(attempt)) {
		attempt->cause = CAUSE_EXEC;
		attempt->finished_ms = clock_wall_ms();
		close_pipes(attempt);
		set_state(attempt, ATTEMPT_ENDED);
		return;
	}
	if (job->timeout_ms)
		attempt->timeout_ns = later(attempt->started_ns,
					    job->timeout_ms);
	set_state(attempt, ATTEMPT_RUNNING);
	worker_crash("start");
}

/* One read. Return: false at the end, and when there is nothing now. */
static bool read_chunk(struct attempt *attempt, int pipe)
{
	static char bytes[CHUNK_BYTES];
	int *fd = &attempt->read_fd[pipe];
	ssize_t n;

	if (*fd < 0)
		return false;
	n = read(*fd, bytes, sizeof(bytes));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		close_at(fd);
		return false;
	}
	output_take(&attempt->output,
		    pipe == ATTEMPT_STDOUT ? RECORD_STDOUT : RECORD_STDERR,
		    (struct slice){bytes, (size_t)n}, clock_wall_ms(),
		    clock_mono_ns());
	return true;
}

/* All that is left is in the pipes. */
static void drain(struct attempt *attempt, int64_t now_ns)
{
	int chunks = CHUNKS_A_TURN;

	for (int i = 0; i < ATTEMPT_PIPES; i++) {
		while (chunks && read_chunk(attempt, i))
			chunks--;
	}
	if ((attempt->read_fd[0] >= 0 || attempt->read_fd[1] >= 0) &&
	    now_ns < attempt->drain_ns)
		return;
	close_pipes(attempt);
	progress_end(&attempt->progress);
	set_state(attempt, ATTEMPT_ENDED);
}

static void kill_all(struct attempt *attempt)
{
	attempt->group_killed = true;
	leaf_kill(&attempt->leaf);
	run_kill_children();
}

/* After the main process: nothing of the job may be left, or it is kept. */
static void clear(struct attempt *attempt, int64_t now_ns)
{
	if (!attempt->none_left) {
		bool keep = attempt->runner.job->keep &&
			    attempt->cause == CAUSE_NONE;

		if (!keep && now_ns < attempt->round_ns)
			return;
		attempt->round_ns = now_ns + ROUND_NS;
		if (!keep && now_ns < attempt->clear_ns) {
			kill_all(attempt);
			attempt->none_left = run_reap(0, &attempt->end);
			if (!attempt->none_left)
				return;
		} else if (!attempt->none_left && !keep) {
			log_error("processes of a job withstand SIGKILL, "
				  "leaving them to the supervisor job=%" PRId64,
				  attempt->runner.job->id);
			attempt->runner.retire = WORKER_EXIT_UNCLEAN;
		}
		if (keep) {
			leaf_keep(&attempt->leaf);
			attempt->runner.retire = WORKER_EXIT_KEPT;
		}
	}
	if (attempt->group_killed || !attempt->none_left)
		leaf_abandon(&attempt->leaf);
	attempt->drain_ns = now_ns + ATTEMPT_DRAIN_NS;
	set_state(attempt, ATTEMPT_DRAINING);
	drain(attempt, now_ns);
}

static void attempt_children(struct runner *runner)
{
	struct attempt *attempt = of(runner);
	int64_t now_ns;

	attempt->none_left = run_reap(attempt->main, &attempt->end);
	if (attempt->state == ATTEMPT_CLEARING) {
		if (attempt->none_left)
			clear(attempt, clock_mono_ns());
		return;
	}
	if (attempt->state != ATTEMPT_RUNNING || !attempt->end.ended)
		return;
	attempt->main = 0;
	now_ns = clock_mono_ns();
	attempt->run_us = (now_ns - attempt->started_ns) / 1000;
	attempt->finished_ms = clock_wall_ms();
	for (int i = 0; i < ATTEMPT_PIPES; i++)
		close_at(&attempt->write_fd[i]);
	attempt->round_ns = now_ns;
	attempt->clear_ns = now_ns + ATTEMPT_CLEAR_NS;
	set_state(attempt, ATTEMPT_CLEARING);
	clear(attempt, now_ns);
}

static void attempt_fill(const struct runner *runner,
			 struct pollfd fds[RUNNER_FDS])
{
	const struct attempt *attempt = (const struct attempt *)runner;

	if (attempt->state != ATTEMPT_IDLE)
		fds[POLL_PROGRESS].fd = attempt->progress.read_fd;
	for (int i = 0; i < ATTEMPT_PIPES; i++)
		fds[POLL_PIPES + i].fd = attempt->read_fd[i];
}

static void attempt_readable(struct runner *runner,
			     const struct pollfd fds[RUNNER_FDS])
{
	struct attempt *attempt = of(runner);

	for (int i = 0; i < ATTEMPT_PIPES; i++) {
		if (!fds[POLL_PIPES + i].revents)
			continue;
		read_chunk(attempt, i);
		if (attempt->state == ATTEMPT_DRAINING)
			drain(attempt, clock_mono_ns());
	}
	if (fds[POLL_PROGRESS].revents)
		progress_read(&attempt->progress);
}

static void attempt_say(struct runner *runner, struct json_out *out,
			int64_t now_ns)
{
	progress_write(&of(runner)->progress, out, runner->job->id,
		       runner->job->token, now_ns);
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t attempt_due_ns(const struct runner *runner)
{
	const struct attempt *attempt = (const struct attempt *)runner;
	int64_t due = sooner(output_due_ns(&attempt->output),
			     progress_due_ns(&attempt->progress));

	switch (attempt->state) {
	case ATTEMPT_RUNNING:
		due = sooner(due, attempt->timeout_ns);
		return sooner(due, attempt->kill_ns);
	case ATTEMPT_CLEARING:
		return sooner(due, attempt->round_ns);
	case ATTEMPT_DRAINING:
		return sooner(due, attempt->drain_ns);
	case ATTEMPT_ENDED:
		return 0;
	case ATTEMPT_IDLE:
		break;
	}
	return progress_due_ns(&attempt->progress);
}

/* TERM now, KILL when the grace is over. CONT, or a stopped job never knows. */
static void stop(struct attempt *attempt, enum job_cause cause,
		 int64_t grace_ms, int64_t now_ns)
{
	int64_t kill_ns = later(now_ns, grace_ms);

	if (attempt->cause == CAUSE_NONE) {
		attempt->cause = cause;
		run_signal_group(attempt->main, SIGTERM);
		run_signal_group(attempt->main, SIGCONT);
		/* Those who left the group, as timeout(1) does, hear it too. */
		leaf_signal(&attempt->leaf, SIGTERM, attempt->main);
	}
	attempt->timeout_ns = INT64_MAX;
	attempt->kill_ns = sooner(attempt->kill_ns, kill_ns);
}

static void attempt_cancel(struct runner *runner, const struct order *job,
			   int64_t grace_ms, enum runner_reason reason,
			   int64_t now_ns)
{
	struct attempt *attempt = of(runner);

	(void)job;
	(void)reason; /* the worker itself times commands */
	if (attempt->state == ATTEMPT_RUNNING)
		stop(attempt, CAUSE_CANCELLED, grace_ms, now_ns);
}

static void attempt_tick(struct runner *runner, int64_t now_ns)
{
	struct attempt *attempt = of(runner);

	if (attempt->state != ATTEMPT_IDLE && attempt->state != ATTEMPT_ENDED)
		output_tick(&attempt->output, now_ns);
	if (attempt->state == ATTEMPT_RUNNING) {
		if (now_ns >= attempt->timeout_ns)
			stop(attempt, CAUSE_TIMEOUT,
			     attempt->runner.job->grace_ms, now_ns);
		if (now_ns >= attempt->kill_ns) {
			/* Once more later, for what is born meanwhile. */
			attempt->kill_ns = now_ns + ROUND_NS * 20;
			kill_all(attempt);
		}
	} else if (attempt->state == ATTEMPT_CLEARING) {
		clear(attempt, now_ns);
	} else if (attempt->state == ATTEMPT_DRAINING) {
		drain(attempt, now_ns);
	}
}

static void report_end(struct attempt *attempt, struct json_out *out)
{
	int status = attempt->end.status;
	enum job_cause cause = attempt->cause;

	if (cause == CAUSE_EXEC) {
		json_out_member_text(out, "cause", cause_name(cause));
		json_out_member_int(out, "errno", attempt->fault.error);
		json_out_member_text(out, "message", attempt->fault.message);
		return;
	}
	if (cause == CAUSE_NONE && WIFSIGNALED(status))
		cause = WTERMSIG(status) == SIGKILL && leaf_oom(&attempt->leaf)
				? CAUSE_MEMORY
				: CAUSE_SIGNAL;
	else if (cause == CAUSE_NONE && WEXITSTATUS(status))
		cause = CAUSE_EXIT;
	json_out_member_text(out, "cause", cause_name(cause));
	if (WIFSIGNALED(status)) {
		json_out_member_int(out, "signal", WTERMSIG(status));
		json_out_member_bool(out, "core", WCOREDUMP(status));
	} else {
		json_out_member_int(out, "exit", WEXITSTATUS(status));
	}
}

static void report_output(struct attempt *attempt, struct json_out *out)
{
	struct output_summary summary;

	output_end(&attempt->output, attempt->finished_ms, &summary);
	json_out_member_int(out, "stdout_bytes", attempt->output.stdout_bytes);
	json_out_member_int(out, "stderr_bytes", attempt->output.stderr_bytes);
	if (summary.file) {
		json_out_member_bool(out, "file", true);
		json_out_member_int(out, "file_bytes", summary.file_bytes);
		json_out_member_text(out, "sha256", summary.sha256);
	}
	if (summary.omitted_bytes)
		json_out_member_int(out, "omitted_bytes",
				    summary.omitted_bytes);
	if (summary.log.n) {
		json_out_key(out, "log64");
		json_out_base64(out, summary.log);
	}
}

static void attempt_report(struct runner *runner, struct json_out *out)
{
	struct attempt *attempt = of(runner);

	require(attempt->state == ATTEMPT_ENDED);
	json_out_object(out);
	json_out_member_int(out, "done", attempt->runner.job->id);
	json_out_member_int(out, "token", attempt->runner.job->token);
	report_end(attempt, out);
	json_out_member_int(out, "started_ms", attempt->runner.started_ms);
	json_out_member_int(out, "finished_ms", attempt->finished_ms);
	json_out_member_int(out, "run_us", attempt->run_us);
	json_out_member_int(out, "cpu_us", attempt->end.cpu_us);
	json_out_member_int(out, "peak_kib", attempt->end.peak_kib);
	report_output(attempt, out);
	json_out_object_end(out);
	json_out_byte(out, '\n');

	order_free(attempt->runner.job);
	attempt->runner.job = NULL;
	arena_reset(&attempt->arena);
	set_state(attempt, ATTEMPT_IDLE);
}

static const struct runner_kind attempt_kind = {
	.begin = attempt_begin,
	.cancel = attempt_cancel,
	.report = attempt_report,
	.children = attempt_children,
	.fill = attempt_fill,
	.readable = attempt_readable,
	.say = attempt_say,
	.due_ns = attempt_due_ns,
	.tick = attempt_tick,
};
