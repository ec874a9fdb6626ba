#include "daemon/worker/run_command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/utf8.h"

#define STACK_BYTES (64 * 1024)
#define GUARD_BYTES 4096
#define DEFAULT_UMASK 022
#define SHOWN_BYTES 160 /* of a path in a message */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RUN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||     \
	__has_feature(memory_sanitizer)
#define RUN_SANITIZED 1
#endif
#endif

#if defined(__x86_64__) && !defined(RUN_SANITIZED)
#define RUN_SHARES_MEMORY 1
#else
#define RUN_SHARES_MEMORY 0
#endif

/* How far the child came. */
enum run_stage { STAGE_SETUP, STAGE_LIMIT, STAGE_NICE, STAGE_CWD, STAGE_EXEC };

struct run_shared {
	int error; /* 0: it became the program */
	enum run_stage stage;
	size_t limit; /* STAGE_LIMIT: which of the place's */
};

/* What the child looks at. */
struct child {
	const struct run *run;
	const struct command *command;
	const struct run_files *files;
};

int run_init(struct run *run, int64_t nofile)
{
	void *shared = mmap(NULL, sizeof(struct run_shared),
			    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	char *stack;

	*run = (struct run){.pid = getpid()};
	if (shared == MAP_FAILED)
		return -errno;
	run->shared = shared;
	stack = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE,
		     -1, 0);
	if (stack == MAP_FAILED || mprotect(stack, GUARD_BYTES, PROT_NONE) < 0)
		return -errno;
	run->stack = stack;
	if (getrlimit(RLIMIT_NOFILE, &run->nofile) < 0)
		return -errno;
	if ((rlim_t)nofile < run->nofile.rlim_max)
		run->nofile.rlim_cur = (rlim_t)nofile;
	else
		run->nofile.rlim_cur = run->nofile.rlim_max;
	return 0;
}

void run_fini(struct run *run)
{
	if (run->shared)
		munmap(run->shared, sizeof(*run->shared));
	if (run->stack)
		munmap(run->stack, GUARD_BYTES + STACK_BYTES);
	*run = (struct run){0};
}

/*
 * From here to child_main(): in the child, which may share the worker's memory.
 * System calls only; no malloc, no stdio, no lock.
 */

static __attribute__((noreturn)) void child_fail(const struct child *child,
						 enum run_stage stage)
{
	child->run->shared->error = errno;
	child->run->shared->stage = stage;
	_exit(127);
}

static void child_limits(const struct child *child)
{
	const struct place *place = child->command->place;

	if (setrlimit(RLIMIT_NOFILE, &child->run->nofile) < 0)
		child_fail(child, STAGE_SETUP);
	for (size_t i = 0; i < place->limit_count; i++) {
		const struct place_limit *limit = &place->limits[i];
		struct rlimit value = {RLIM_INFINITY, RLIM_INFINITY};

		if (limit->value >= 0)
			value.rlim_cur = value.rlim_max = (rlim_t)limit->value;
		/* SIGXCPU comes at the soft limit, SIGKILL a second later. */
		if (limit->resource == RLIMIT_CPU && limit->value >= 0)
			value.rlim_max++;
		child->run->shared->limit = i;
		if (setrlimit((__rlimit_resource_t)limit->resource, &value) < 0)
			child_fail(child, STAGE_LIMIT);
	}
	if (place->has_nice && setpriority(PRIO_PROCESS, 0, place->nice) < 0)
		child_fail(child, STAGE_NICE);
}

/* Sources are above 3, so none is overwritten before its turn. */
static void child_files(const struct child *child)
{
	for (int i = 0; i < RUN_DESCRIPTORS; i++) {
		if (dup2(child->files->fd[i], i) < 0)
			child_fail(child, STAGE_SETUP);
	}
	if (close_range(RUN_DESCRIPTORS, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		child_fail(child, STAGE_SETUP);
}

/* As execvp(): a directory that refuses does not hide one that has it. */
static __attribute__((noreturn)) void child_exec(const struct child *child)
{
	const struct command *command = child->command;
	int error = ENOENT;

	for (const char **path = command->paths; *path; path++) {
		/* Cheaper than an execve() that fails. */
		if (path[1] && access(*path, X_OK) < 0) {
			if (errno == EACCES)
				error = EACCES;
			continue;
		}
		execve(*path, command->argv, command->envp);
		if (errno == ENOEXEC) {
			static char sh[] = "/bin/sh";

			command->argv[-1] = sh;
			command->argv[0] = (char *)*path;
			execve(sh, command->argv - 1, command->envp);
		}
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
			error = errno;
			break;
		}
		if (errno == EACCES)
			error = EACCES;
		else if (!path[1] && error != EACCES)
			error = errno;
	}
	errno = error;
	child_fail(child, STAGE_EXEC);
}

static int child_main(void *arg)
{
	const struct child *child = arg;
	const struct place *place = child->command->place;
	sigset_t none;

	if (setsid() < 0)
		child_fail(child, STAGE_SETUP);
	/* If the worker is killed, so is what it runs. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		child_fail(child, STAGE_SETUP);
	if (getppid() != child->run->pid)
		_exit(127);
	/* Files first: a job may be limited to fewer than we hold. */
	child_files(child);
	child_limits(child);
	umask(place->umask < 0 ? DEFAULT_UMASK : (mode_t)place->umask);
	if (child->files->cwd_fd >= 0 ? fchdir(child->files->cwd_fd) < 0
				      : chdir(place->cwd) < 0)
		child_fail(child, STAGE_CWD);
	/* All handlers are the default ones already; see worker.c. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	child_exec(child);
}

#if RUN_SHARES_MEMORY
/*
 * clone3() with a new stack cannot be called from C: the child would return on
 * it. This calls child_main() there instead.
 */
static __attribute__((noinline)) long clone_child(struct clone_args *args,
						  struct child *child)
{
	register int (*entry)(void *) __asm__("r8") = child_main;
	register void *argument __asm__("r9") = child;
	long r = SYS_clone3;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%%r8\n\t"
			 "hlt\n"
			 "1:"
			 : "+a"(r)
			 : "D"(args), "S"(sizeof(*args)), "r"(entry),
			   "r"(argument)
			 : "rcx", "r10", "r11", "rdx", "memory", "cc");
	return r;
}
#else
static long clone_child(struct clone_args *args, struct child *child)
{
	long r;

	args->flags &= ~(uint64_t)CLONE_VM;
	args->stack = args->stack_size = 0;
	r = syscall(SYS_clone3, args, sizeof(*args));
	if (r == 0)
		child_main(child);
	return r < 0 ? -errno : r;
}
#endif

/*
 * Where clone3() is forbidden (RestrictNamespaces= of systemd cannot look into
 * its arguments) the child moves by itself, before it runs anything of the job.
 */
static long fork_child(struct child *child)
{
	long r = syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL,
			 NULL);

	if (r < 0)
		return -errno;
	if (r > 0)
		return r;
	if (child->files->cgroup_fd >= 0) {
		int fd = openat(child->files->cgroup_fd, "cgroup.procs",
				O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "0", 1) != 1)
			child_fail(child, STAGE_SETUP);
		close(fd);
	}
	child_main(child);
	_exit(127);
}

/* A path for a message: whole characters, not too many. */
static void show(char ret[SHOWN_BYTES + sizeof(UTF8_ELLIPSIS)],
		 const char *path)
{
	struct slice text = slice_of(path);
	size_t n = utf8_cut(text, SHOWN_BYTES);

	memcpy(ret, path, n);
	memcpy(ret + n, n < text.n ? UTF8_ELLIPSIS : "\0\0\0",
	       sizeof(UTF8_ELLIPSIS));
}

static void explain(const struct run_shared *shared,
		    const struct command *command, bool cwd_given,
		    struct command_fault *fault)
{
	const struct place *place = command->place;
	const char *why = strerror(shared->error);
	size_t size = sizeof(fault->message);
	char shown[SHOWN_BYTES + sizeof(UTF8_ELLIPSIS)];

	show(shown,
	     shared->stage == STAGE_EXEC ? command->argv[0] : place->cwd);
	fault->error = shared->error;
	switch (shared->stage) {
	case STAGE_LIMIT:
		snprintf(
			fault->message, size,
			"cannot set the limit %s to %" PRId64 ": %s",
			place_limit_name(place->limits[shared->limit].resource),
			place->limits[shared->limit].value, why);
		break;
	case STAGE_NICE:
		snprintf(fault->message, size, "cannot set nice to %d: %s",
			 place->nice, why);
		break;
	case STAGE_CWD:
		snprintf(fault->message, size,
			 "cannot enter the directory %s%s%s: %s",
			 cwd_given ? "" : "'",
			 cwd_given ? "that came with it" : shown,
			 cwd_given ? "" : "'", why);
		break;
	case STAGE_SETUP:
		snprintf(fault->message, size, "cannot prepare the process: %s",
			 why);
		break;
	case STAGE_EXEC:
		snprintf(fault->message, size, "cannot start '%s': %s", shown,
			 why);
		break;
	}
}

int run_start(struct run *run, const struct command *command,
	      const struct run_files *files, int32_t *ret_pid,
	      struct command_fault *ret_fault)
{
	struct child child = {run, command, files};
	struct clone_args args = {
		.flags = CLONE_VM | CLONE_VFORK,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)(run->stack + GUARD_BYTES),
		.stack_size = STACK_BYTES,
	};
	long pid;

	if (files->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)files->cgroup_fd;
	}
	*run->shared = (struct run_shared){0};
	pid = clone_child(&args, &child);
	if (pid == -ENOSYS)
		pid = fork_child(&child);
	if (pid < 0) {
		run->shared->error = (int)-pid;
		run->shared->stage = STAGE_EXEC;
	}
	if (run->shared->error) {
		explain(run->shared, command, files->cwd_fd >= 0, ret_fault);
		if (pid > 0)
			(void)waitpid((pid_t)pid, NULL, 0);
		return RUN_E_FAULT;
	}
	*ret_pid = (int32_t)pid;
	return 0;
}

bool run_reap(int32_t main, struct run_end *end)
{
	for (;;) {
		struct rusage usage;
		int status;
		pid_t pid = wait4(-1, &status, WNOHANG | __WALL, &usage);

		if (pid == 0)
			return false;
		if (pid < 0)
			return errno == ECHILD;
		if (pid != main)
			continue; /* an orphan of a job */
		end->ended = true;
		end->status = status;
		end->cpu_us = (int64_t)(usage.ru_utime.tv_sec +
					usage.ru_stime.tv_sec) *
				      1000000 +
			      usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
		end->peak_kib = usage.ru_maxrss;
	}
}
