#include "client/autostart.h"

#include "client/clock.h"
#include "client/say.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENVIRONMENT_MAX 32
#define READY_MS 60000 /* a big store may have to be recovered */

bool autostart_wanted(const struct tool *tool)
{
	const char *value = getenv("REEVE_AUTOSTART");

	if (tool->no_autostart || tool->socket)
		return false;
	return !value || strcmp(value, "0") != 0;
}

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

static bool find_beside(char *ret)
{
	static const char *const places[] = {
		"reeved",
		"../daemon/reeved",
		"../libexec/reeved",
		"../libexec/reeve/reeved",
		"../lib/reeve/reeved",
		"../sbin/reeved",
	};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n <= 0)
		return false;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		int bytes = snprintf(ret, PATH_MAX, "%s/%s", self, places[i]);

		if (bytes > 0 && bytes < PATH_MAX && is_program(ret))
			return true;
	}
	return false;
}

static bool find_in_path(char *ret)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t n = strcspn(path, ":");
		int bytes = snprintf(ret, PATH_MAX, "%.*s/reeved", (int)n,
				     path);

		if (n > 0 && bytes > 0 && bytes < PATH_MAX && is_program(ret))
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

bool autostart_find(char *ret)
{
	const char *given = getenv("REEVED");

	if (given && given[0]) {
		snprintf(ret, PATH_MAX, "%s", given);
		return is_program(ret);
	}
	return find_beside(ret) || find_in_path(ret);
}

/* What a daemon may know of the session that happened to start it. */
static bool is_kept(const char *variable)
{
	static const char *const names[] = {
		"HOME=",
		"USER=",
		"LOGNAME=",
		"SHELL=",
		"LANG=",
		"LC_ALL=",
		"LC_CTYPE=",
		"TZ=",
		"XDG_RUNTIME_DIR=",
		"XDG_STATE_HOME=",
		"XDG_CONFIG_HOME=",
		"REEVE_STATE_DIR=",
		"REEVE_RUNTIME_DIR=",
		"REEVE_SOCKET=",
		/* For builds with sanitizers. */
		"ASAN_OPTIONS=",
		"UBSAN_OPTIONS=",
		"TSAN_OPTIONS=",
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static void clean_environment(char *ret[ENVIRONMENT_MAX])
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin:"
			     "/usr/local/sbin:/usr/sbin:/sbin";
	size_t n = 0;

	ret[n++] = path;
	for (char **at = environ; *at && n + 1 < ENVIRONMENT_MAX; at++) {
		if (is_kept(*at))
			ret[n++] = *at;
	}
	ret[n] = NULL;
}

/* Until the other end is closed; 0 or a positive errno. */
static int read_all(int fd, char *ret, size_t bytes)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	for (;;) {
		int ready = poll(&end, 1, READY_MS);
		char rest[512];
		ssize_t got;

		if (ready == 0)
			return ETIMEDOUT;
		/* What does not fit is read and forgotten. */
		if (n + 1 < bytes)
			got = read(fd, ret + n, bytes - 1 - n);
		else
			got = read(fd, rest, sizeof(rest));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		if (n + 1 < bytes)
			n += (size_t)got;
		ret[n] = '\0';
	}
}

/*
 * Run @argv with the descriptor @fd (1 or 2) into a pipe, everything else
 * closed, and read what it says until it has ended (the daemon closes its copy
 * when it serves).
 *
 * Return: exit code, or negative errno.
 */
static int run_quietly(const char *path, char *const *argv, char *const *env,
		       int fd, char *said, size_t bytes)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int ends[2], result, status;
	pid_t pid;

	said[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 3 - fd, "/dev/null",
					 O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], fd);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETSID);
	result = posix_spawnp(&pid, path, &actions, &attributes, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close(ends[1]);
	if (result == 0)
		result = read_all(ends[0], said, bytes);
	close(ends[0]);
	if (result != 0)
		return -result;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static bool user_manager_has_unit(void)
{
	static const char *const system_places[] = {
		"/etc/systemd/user/reeved.socket",
		"/usr/local/lib/systemd/user/reeved.socket",
		"/usr/lib/systemd/user/reeved.socket",
	};
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	const char *home = getenv("HOME");
	char path[PATH_MAX];

	if (!runtime || getenv("REEVE_RUNTIME_DIR") ||
	    getenv("REEVE_STATE_DIR"))
		return false;
	snprintf(path, sizeof(path), "%s/systemd/private", runtime);
	if (access(path, F_OK) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_COUNT(system_places); i++) {
		if (access(system_places[i], F_OK) == 0)
			return true;
	}
	snprintf(path, sizeof(path), "%s/.config/systemd/user/reeved.socket",
		 home ? home : "");
	return access(path, F_OK) == 0;
}

/*
 * @said: its reason, when it was asked and could not; else ""
 * Return: it did.
 */
static bool start_by_manager(char *said, size_t bytes)
{
	char systemctl[] = "systemctl", user[] = "--user", start[] = "start",
	     unit[] = "reeved.socket";
	char *argv[] = {systemctl, user, start, unit, NULL};

	int code;

	said[0] = '\0';
	if (!user_manager_has_unit())
		return false;
	code = run_quietly(systemctl, argv, environ, 2, said, bytes);
	if (code == 0)
		return true;
	said[strcspn(said, "\n")] = '\0';
	if (code < 0)
		snprintf(said, bytes, "systemctl: %s", strerror(-code));
	else if (!said[0])
		snprintf(said, bytes, "systemctl ended with code %d", code);
	return false;
}

bool autostart_ask(char *ret, size_t bytes)
{
	char path[PATH_MAX], check[] = "--check=json";
	char *argv[] = {path, check, NULL};
	char *env[ENVIRONMENT_MAX];

	if (!autostart_find(path))
		return false;
	clean_environment(env);
	return run_quietly(path, argv, env, 1, ret, bytes) >= 0;
}

/* The first line, without what a log has in front: name, time, level, part. */
static const char *first_line(char *said)
{
	static const char refused[] = "cannot start: ";
	const char *reason;

	said[strcspn(said, "\n")] = '\0';
	reason = strstr(said, refused);
	if (reason)
		return reason + sizeof(refused) - 1;
	if (strncmp(said, "reeved: ", 8) == 0)
		said += 8;
	return said;
}

/* Did it refuse because of another one, which may not listen yet? */
static bool is_second(const char *said)
{
	return strstr(said, "another reeved") != NULL;
}

static int connect_patiently(struct tool *tool, int64_t patience_ms)
{
	int64_t deadline_ms = clock_monotonic_ms() + patience_ms;

	for (;;) {
		int result = tool_reach(tool);

		if (result != REEVE_E_UNREACHABLE ||
		    clock_monotonic_ms() >= deadline_ms)
			return result;
		clock_pause(20);
	}
}

int autostart_run(struct tool *tool)
{
	char path[PATH_MAX], said[2048] = "", refused[256];
	char flag[] = "--daemon";
	char *argv[] = {path, flag, NULL};
	char *env[ENVIRONMENT_MAX];
	bool managed = start_by_manager(refused, sizeof(refused));
	int code = 0;

	if (!managed) {
		if (!autostart_find(path))
			return say_fail(tool, EXIT_UNREACHABLE,
					"Say where it is: REEVED=/path/reeved",
					"cannot start a daemon: there is no "
					"reeved beside this program or in "
					"PATH");
		clean_environment(env);
		code = run_quietly(path, argv, env, 2, said, sizeof(said));
		if (code < 0)
			return say_fail(tool, EXIT_UNREACHABLE,
					"See what is amiss: reeve doctor",
					"cannot start %s: %s", path,
					strerror(-code));
	}
	if (refused[0])
		say_note(tool,
			 "your service manager did not start the daemon: "
			 "%s",
			 refused);
	/* Who gave up is not waited for. */
	if (connect_patiently(tool, code == 0 || is_second(said)
					    ? AUTOSTART_PATIENCE_MS
					    : 0) != 0) {
		if (code == 0)
			return say_error(tool);
		return say_fail(tool, EXIT_UNREACHABLE,
				"See what is amiss: reeve doctor",
				"cannot start a daemon: %s", first_line(said));
	}
	if (managed)
		say_note(tool, "started the daemon through your service "
			       "manager; stop it with: reeve daemon stop");
	else if (code == 0)
		say_note(tool,
			 "started a daemon for you (pid %d); stop it with: "
			 "reeve daemon stop",
			 tool_daemon_pid(tool));
	return 0;
}

int autostart_check(struct tool *tool, const char *file)
{
	char path[PATH_MAX], config[] = "--config";
	char check[16];
	char *argv[] = {path, check, file ? config : NULL, (char *)file, NULL};
	int r, status;
	pid_t pid;

	if (!autostart_find(path))
		return say_fail(tool, EXIT_FAILED,
				"Say where it is: REEVED=/path/reeved",
				"there is no reeved beside this program or in "
				"PATH");
	snprintf(check, sizeof(check), "--check%s", tool->json ? "=json" : "");
	r = posix_spawn(&pid, path, NULL, NULL, argv, environ);
	while (r == 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			r = errno;
	if (r != 0)
		return say_fail(tool, EXIT_FAILED, NULL, "cannot run %s: %s",
				path, strerror(r));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EXIT_FAILED;
}
