/* reeve daemon start, stop, restart, status, reload. */

#include "client/autostart.h"
#include "client/clock.h"
#include "client/command.h"
#include "client/config.h"
#include "client/say.h"
#include "client/suggest.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define START_PATIENCE_MS 5000
#define STOP_PATIENCE_MS 40000

struct daemon_options {
	bool drain, kill;
	int64_t timeout_ms;
};

static const struct arg_flag flags[] = {
	{"drain", 0, ARG_ON, offsetof(struct daemon_options, drain), NULL,
	 "stop, restart: let running jobs end first, start no others", 0, NULL},
	{"kill", 0, ARG_ON, offsetof(struct daemon_options, kill), NULL,
	 "stop, restart: end the running jobs first", 0, NULL},
	{"timeout", 0, ARG_DURATION,
	 offsetof(struct daemon_options, timeout_ms), "TIME",
	 "with --drain: how long to let them run", 0, NULL},
};

/* A zombie is not: in a container nobody may be there to reap it. */
static bool is_alive(int pid)
{
	char path[32], text[512];
	const char *name_end;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	name_end = strrchr(text, ')');
	return name_end && !strchr("ZX", name_end[1] ? name_end[2] : 'Z');
}

static int say_running(const struct tool *tool, const char *how, int pid)
{
	if (tool->json)
		printf("{\"v\":1,\"running\":true,\"pid\":%d}\n", pid);
	else
		printf("%s (pid %d)\n", how, pid);
	return 0;
}

/*
 * Is there a daemon? One whose supervisor was killed may answer for a moment
 * more: that is none, and the next try tells.
 *
 * Return: enum reeve_code of the last try; @ret_pid: 0 unless it is there.
 */
static int find_running(struct tool *tool, int *ret_pid)
{
	int64_t deadline_ms = clock_monotonic_ms() + START_PATIENCE_MS;
	int result;

	*ret_pid = 0;
	reeve_set_patience(tool->r, 0);
	while ((result = tool_reach(tool)) == 0) {
		int pid = tool_daemon_pid(tool);

		if (pid > 0 && is_alive(pid)) {
			*ret_pid = pid;
			return 0;
		}
		if (clock_monotonic_ms() >= deadline_ms)
			return 0;
		clock_pause(20);
	}
	return result;
}

/* @there: what to say of one that runs */
static int start(struct tool *tool, const char *there)
{
	int result, pid;

	if (!tool->r)
		tool->r = reeve_new();
	if (!tool->r)
		return say_memory(tool);
	result = find_running(tool, &pid);
	if (result == 0)
		return say_running(tool, there, pid);
	if (result != REEVE_E_UNREACHABLE)
		return say_error(tool);
	if (tool->socket)
		return say_usage(tool,
				 "Start that one yourself: reeved "
				 "--socket PATH",
				 "--socket names a daemon that somebody else "
				 "starts");
	tool->quiet = true;
	result = autostart_run(tool);
	if (result != 0)
		return result;
	return say_running(tool, "started", tool_daemon_pid(tool));
}

/* Until the process is gone: only then may the next one be started. */
static bool wait_gone(int pid, int64_t patience_ms)
{
	int64_t deadline_ms = clock_monotonic_ms() + patience_ms;

	while (is_alive(pid)) {
		if (patience_ms >= 0 && clock_monotonic_ms() >= deadline_ms)
			return false;
		clock_pause(10);
	}
	return true;
}

/* It has stopped; or the exit code, with the error said. */
static int end(struct tool *tool, const struct daemon_options *options)
{
	const char *mode = "leave";
	char params[96];
	int64_t patience_ms = STOP_PATIENCE_MS;
	int pid;
	int result, n;

	if (options->drain && options->kill)
		return say_usage(tool, "Give one of them",
				 "--drain and --kill exclude each other");
	result = tool_connect_only(tool, "There is nothing to stop");
	if (result != 0)
		return result;
	pid = tool_daemon_pid(tool);
	if (options->drain) {
		mode = "drain";
		say_hint(tool, "running jobs end first; Ctrl-C ends only the "
			       "waiting, and the daemon stops all the same");
	}
	if (options->kill)
		mode = "kill";
	n = snprintf(params, sizeof(params), "{\"mode\":\"%s\"", mode);
	if (options->timeout_ms)
		snprintf(params + n, sizeof(params) - (size_t)n,
			 ",\"timeout_ms\":%" PRId64 "}", options->timeout_ms);
	else
		snprintf(params + n, sizeof(params) - (size_t)n, "}");
	reeve_set_patience(tool->r, 0);
	result = reeve_call(tool->r, "org.reeve.admin.Shutdown", params, NULL);
	/* It may be gone before its answer is on its way. */
	if (result != 0 && result != REEVE_E_LOST)
		return say_error(tool);
	if (options->drain)
		patience_ms = options->timeout_ms
				      ? options->timeout_ms + STOP_PATIENCE_MS
				      : -1;
	if (pid > 0 && !wait_gone(pid, patience_ms))
		return say_fail(tool, EXIT_FAILED,
				"Look at its log, or try --kill",
				"the daemon (pid %d) has not stopped yet", pid);
	return 0;
}

static int stop(struct tool *tool, const struct daemon_options *options)
{
	int result = end(tool, options);

	if (result != 0)
		return result;
	if (tool->json)
		printf("{\"v\":1,\"running\":false}\n");
	else
		printf("stopped\n");
	return 0;
}

/* Jobs that run go on meanwhile, and the new one finds them. */
static int restart(struct tool *tool, const struct daemon_options *options)
{
	enum reeve_scope scope;
	char path[108];
	int result, pid;

	if (tool->socket ||
	    reeve_socket_path(path, sizeof(path), &scope) != 0 ||
	    scope != REEVE_SCOPE_USER)
		return say_usage(tool,
				 "The daemon of the machine: systemctl restart "
				 "reeved",
				 "only the daemon of this user is restarted, "
				 "and without --socket or REEVE_SOCKET");
	if (!tool->r)
		tool->r = reeve_new();
	if (!tool->r)
		return say_memory(tool);
	result = find_running(tool, &pid);
	if (result == 0)
		result = end(tool, options);
	else if (result == REEVE_E_UNREACHABLE)
		result = 0;
	else
		result = say_error(tool);
	return result ? result : start(tool, "restarted");
}

static int status(struct tool *tool)
{
	int result = tool_connect_only(tool, NULL);

	if (result != 0)
		return result;
	return say_running(tool, "running", tool_daemon_pid(tool));
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	static const char *const verbs[] = {"start", "stop", "restart",
					    "status", "reload"};
	const char *verb = argc > 0 ? argv[0] : "";
	struct suggest suggest;
	char hint[64] = "Like: reeve daemon status";

	if (argc == 1 && strcmp(verb, "start") == 0)
		return start(tool, "already running");
	if (argc == 1 && strcmp(verb, "stop") == 0)
		return stop(tool, options);
	if (argc == 1 && strcmp(verb, "restart") == 0)
		return restart(tool, options);
	if (argc == 1 && strcmp(verb, "status") == 0)
		return status(tool);
	if (argc == 1 && strcmp(verb, "reload") == 0)
		return config_reload(tool, false);
	suggest_init(&suggest, verb, strlen(verb));
	for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
		suggest_try(&suggest, verbs[i]);
	if (strcmp(verb, "upgrade") == 0)
		snprintf(hint, sizeof(hint),
			 "Install the new one, then: reeve daemon restart");
	else if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean: reeve daemon %s?",
			 suggest.best);
	return say_usage(tool, hint,
			 "daemon takes one of start, stop, restart, status and "
			 "reload");
}

const struct command command_daemon = {
	.name = "daemon",
	.group = "System",
	.synopsis = "start|stop|restart|status|reload",
	.summary = "Start, stop, restart or reload the daemon of this user.",
	.text = "  reeve daemon stop            running jobs go on\n"
		"  reeve daemon stop --drain    they end first\n"
		"  reeve daemon reload          read its configuration again\n",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct daemon_options),
	.run = run,
};
