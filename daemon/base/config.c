#include "daemon/base/config.h"

#include "daemon/base/quantity.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FLAG_NAME_BYTES 32
#define DAY_MS (24 * 3600 * INT64_C(1000))

enum flag_kind {
	FLAG_PATH,
	FLAG_INT, /* 1 .. most */
	FLAG_COUNT,
	FLAG_BYTES,
	FLAG_DURATION,
	FLAG_LEVEL,
	FLAG_ON,
	FLAG_OFF,
};

struct flag {
	const char *name;
	enum flag_kind kind;
	size_t offset;
	int64_t most;
	bool once; /* not handed on to the roles */
};

#define AT(field) offsetof(struct config, field)
static const struct flag flags[] = {
	{"--state-dir", FLAG_PATH, AT(state_dir), 0, false},
	{"--runtime-dir", FLAG_PATH, AT(runtime_dir), 0, false},
	{"--socket", FLAG_PATH, AT(socket), 0, false},
	{"--worker-socket", FLAG_PATH, AT(worker_socket), 0, false},
	{"--workers", FLAG_INT, AT(workers), CONFIG_WORKERS_MAX, false},
	{"--log-level", FLAG_LEVEL, AT(log_level), 0, false},
	{"--no-cgroups", FLAG_OFF, AT(cgroups), 0, false},
	{"--keep-succeeded", FLAG_DURATION, AT(keep_succeeded_ms), 0, false},
	{"--keep-failed", FLAG_DURATION, AT(keep_failed_ms), 0, false},
	{"--keep-jobs", FLAG_COUNT, AT(keep_jobs), 0, false},
	{"--output-max", FLAG_BYTES, AT(output_bytes), 0, false},
	{"--grace", FLAG_DURATION, AT(grace_ms), 0, false},
	{"--stop-timeout", FLAG_INT, AT(stop_timeout_s), 3600, false},
	{"--daemon", FLAG_ON, AT(daemonize), 0, true},
};

static const char usage_text[] =
	"Usage: reeved [FLAG]...\n"
	"The task daemon. In the foreground, unless --daemon is given.\n"
	"\n"
	"  --state-dir DIR         database, results, output, locks\n"
	"                          (~/.local/state/reeve)\n"
	"  --runtime-dir DIR       sockets ($XDG_RUNTIME_DIR/reeve)\n"
	"  --socket PATH           of clients (RUNTIME-DIR/reeve.sock)\n"
	"  --worker-socket PATH    of workers (RUNTIME-DIR/worker.sock)\n"
	"  --workers N             jobs at a time, 1 to 4096 (one a "
	"processor)\n"
	"  --log-level WORD        error, warning, info or debug (info)\n"
	"  --daemon                return when the daemon serves; log to\n"
	"                          STATE-DIR/reeved.log\n"
	"  --no-cgroups            do not put jobs into cgroups\n"
	"  --keep-succeeded TIME   of jobs that succeeded (7d; 0: for ever)\n"
	"  --keep-failed TIME      of jobs that failed (30d; 0: for ever)\n"
	"  --keep-jobs N           finished jobs at most (1M; 0: no limit)\n"
	"  --output-max SIZE       of one attempt (64M)\n"
	"  --grace TIME            from SIGTERM to SIGKILL (10s)\n"
	"  --stop-timeout N        seconds a stop may take (30)\n"
	"  --help, --version\n"
	"\n"
	"TIME is like 500ms, 10s, 5m, 2h, 7d or 1h30m; SIZE like 4096, 64K, "
	"1G.\n"
	"Environment: REEVE_STATE_DIR, REEVE_RUNTIME_DIR, REEVE_SOCKET.\n";

const char *config_usage(void)
{
	return usage_text;
}

static int usage_fault(struct config_fault *fault, const char *fmt, ...)
	printf_like(2, 3);

static int usage_fault(struct config_fault *fault, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(fault->message, sizeof(fault->message), fmt, args);
	va_end(args);
	return CONFIG_E_USAGE;
}

/* False when it does not fit: the caller names what it was. */
static bool join(char *ret, const char *folder, const char *name)
{
	int n = snprintf(ret, CONFIG_PATH_BYTES, "%s/%s", folder, name);

	return n > 0 && n < CONFIG_PATH_BYTES;
}

static int set_path(char *ret, const char *what, const char *value,
		    struct config_fault *fault)
{
	char here[CONFIG_PATH_BYTES];
	size_t n = strlen(value);

	if (n == 0)
		return usage_fault(fault, "%s is empty: give a path", what);
	while (n > 1 && value[n - 1] == '/')
		n--;
	here[0] = '\0';
	if (value[0] != '/' && !getcwd(here, sizeof(here)))
		return -errno;
	if (strlen(here) + n + 2 > CONFIG_PATH_BYTES)
		return usage_fault(fault, "%s is longer than %d bytes", what,
				   CONFIG_PATH_BYTES - 1);
	if (value[0] == '/')
		snprintf(ret, CONFIG_PATH_BYTES, "%.*s", (int)n, value);
	else if (!join(ret, here, value))
		return usage_fault(fault, "%s is longer than %d bytes", what,
				   CONFIG_PATH_BYTES - 1);
	return 0;
}

static int default_state(struct config *config, struct config_fault *fault)
{
	const char *env = getenv("REEVE_STATE_DIR");
	const char *home = getenv("HOME");
	const struct passwd *user;

	if (env && *env)
		return set_path(config->state_dir, "REEVE_STATE_DIR", env,
				fault);
	env = getenv("XDG_STATE_HOME");
	if (env && *env == '/' && join(config->state_dir, env, "reeve"))
		return 0;
	if (!home || *home != '/') {
		user = getpwuid(geteuid());
		home = user ? user->pw_dir : NULL;
	}
	if (!home || !join(config->state_dir, home, ".local/state/reeve"))
		return usage_fault(fault, "there is no home directory to keep "
					  "the jobs in: give --state-dir");
	return 0;
}

static int default_runtime(struct config *config, struct config_fault *fault)
{
	const char *env = getenv("REEVE_RUNTIME_DIR");
	struct stat st;

	if (env && *env)
		return set_path(config->runtime_dir, "REEVE_RUNTIME_DIR", env,
				fault);
	env = getenv("XDG_RUNTIME_DIR");
	if (env && *env == '/' && lstat(env, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() && join(config->runtime_dir, env, "reeve"))
		return 0;
	snprintf(config->runtime_dir, CONFIG_PATH_BYTES, "%s/reeve-%u",
		 geteuid() == 0 ? "/run" : "/tmp", (unsigned)geteuid());
	return 0;
}

static int processors(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n;
}

static int set_int(int *ret, const struct flag *flag, const char *value,
		   struct config_fault *fault)
{
	int64_t n;

	if (!quantity_count(value, &n) || n < 1 || n > flag->most)
		return usage_fault(fault, "%s '%s': give a number from 1 to %d",
				   flag->name, value, (int)flag->most);
	*ret = (int)n;
	return 0;
}

static int set_value(struct config *config, const struct flag *flag,
		     const char *value, struct config_fault *fault)
{
	void *at = (char *)config + flag->offset;

	switch (flag->kind) {
	case FLAG_PATH:
		return set_path(at, flag->name, value, fault);
	case FLAG_INT:
		return set_int(at, flag, value, fault);
	case FLAG_COUNT:
		if (quantity_count(value, at))
			return 0;
		return usage_fault(fault,
				   "%s '%s': give a number, like 5000 or 1M",
				   flag->name, value);
	case FLAG_BYTES:
		if (quantity_bytes(value, at))
			return 0;
		return usage_fault(fault,
				   "%s '%s': give a size, like 4096 or 64M",
				   flag->name, value);
	case FLAG_DURATION:
		if (quantity_duration_ms(value, at))
			return 0;
		return usage_fault(fault,
				   "%s '%s': give a time, like 10s or "
				   "7d",
				   flag->name, value);
	case FLAG_LEVEL:
		if (log_level_parse(value, at))
			return 0;
		return usage_fault(fault,
				   "%s '%s': give error, warning, info "
				   "or debug",
				   flag->name, value);
	case FLAG_ON:
	case FLAG_OFF:
		break;
	}
	*(bool *)at = flag->kind == FLAG_ON;
	return 0;
}

/* The flag that @arg names, with or without "=VALUE"; NULL: there is none. */
static const struct flag *find_flag(const char *arg, const char **ret_value)
{
	size_t n = strcspn(arg, "=");

	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		if (strncmp(flags[i].name, arg, n) != 0 ||
		    flags[i].name[n] != '\0')
			continue;
		*ret_value = arg[n] == '=' ? arg + n + 1 : NULL;
		return &flags[i];
	}
	return NULL;
}

static bool takes_value(const struct flag *flag)
{
	return flag->kind != FLAG_ON && flag->kind != FLAG_OFF;
}

static int parse_flags(struct config *config, int argc, char **argv,
		       struct config_fault *fault)
{
	for (int i = 0; i < argc; i++) {
		const struct flag *flag;
		const char *value = NULL;
		int r;

		if (strcmp(argv[i], "--help") == 0)
			return CONFIG_E_HELP;
		if (strcmp(argv[i], "--version") == 0)
			return CONFIG_E_VERSION;
		flag = find_flag(argv[i], &value);
		if (!flag)
			return usage_fault(fault,
					   "unknown flag '%.200s': "
					   "'reeved --help' lists them",
					   argv[i]);
		if (!takes_value(flag) && value)
			return usage_fault(fault, "%s takes no value",
					   flag->name);
		if (takes_value(flag) && !value) {
			if (i + 1 == argc)
				return usage_fault(fault, "%s needs a value",
						   flag->name);
			value = argv[++i];
		}
		r = set_value(config, flag, value, fault);
		if (r)
			return r;
	}
	return 0;
}

/* The sockets follow from the runtime folder, unless they were named. */
static int finish_sockets(struct config *config, const char *env,
			  struct config_fault *fault)
{
	const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	int r = 0;

	if (!config->socket[0] && env && *env)
		r = set_path(config->socket, "REEVE_SOCKET", env, fault);
	else if (!config->socket[0] &&
		 !join(config->socket, config->runtime_dir, "reeve.sock"))
		r = usage_fault(fault, "--runtime-dir is too long");
	if (!r && !config->worker_socket[0] &&
	    !join(config->worker_socket, config->runtime_dir, "worker.sock"))
		r = usage_fault(fault, "--runtime-dir is too long");
	if (r)
		return r;
	if (strlen(config->socket) > most ||
	    strlen(config->worker_socket) > most)
		return usage_fault(fault,
				   "the path of a socket has at most %zu "
				   "bytes, '%.200s' is longer: give a shorter "
				   "--runtime-dir",
				   most,
				   strlen(config->socket) > most
					   ? config->socket
					   : config->worker_socket);
	return 0;
}

int config_parse(struct config *ret, int argc, char **argv,
		 struct config_fault *ret_fault)
{
	AUTO(free) struct config *config = calloc(1, sizeof(*config));
	const char *env_socket = getenv("REEVE_SOCKET");
	int r;

	if (!config)
		return -ENOMEM;
	config->log_level = LOG_INFO;
	config->cgroups = true;
	config->keep_succeeded_ms = 7 * DAY_MS;
	config->keep_failed_ms = 30 * DAY_MS;
	config->keep_jobs = 1000000;
	config->output_bytes = 64 * 1024 * 1024;
	config->grace_ms = 10000;
	config->stop_timeout_s = 30;
	config->workers = processors();
	if (config->workers > CONFIG_WORKERS_MAX)
		config->workers = CONFIG_WORKERS_MAX;

	r = parse_flags(config, argc, argv, ret_fault);
	if (!r && !config->state_dir[0])
		r = default_state(config, ret_fault);
	/* In a job $REEVE_SOCKET is the daemon's above: a flag outdoes it. */
	if (config->runtime_dir[0])
		env_socket = NULL;
	if (!r && !config->runtime_dir[0])
		r = default_runtime(config, ret_fault);
	if (!r)
		r = finish_sockets(config, env_socket, ret_fault);
	if (!r)
		*ret = *config;
	return r;
}

/* The value as its flag takes it; NULL: the flag stands alone or is left out. */
static int value_text(const struct config *config, const struct flag *flag,
		      char *ret, size_t ret_bytes)
{
	const void *at = (const char *)config + flag->offset;
	const char *const levels[] = {
		[LOG_ERROR] = "error",
		[LOG_WARNING] = "warning",
		[LOG_INFO] = "info",
		[LOG_DEBUG] = "debug",
	};

	switch (flag->kind) {
	case FLAG_PATH:
		return snprintf(ret, ret_bytes, "%s", (const char *)at);
	case FLAG_INT:
		return snprintf(ret, ret_bytes, "%d", *(const int *)at);
	case FLAG_COUNT:
	case FLAG_BYTES:
		return snprintf(ret, ret_bytes, "%" PRId64,
				*(const int64_t *)at);
	case FLAG_DURATION:
		return snprintf(ret, ret_bytes, "%" PRId64 "ms",
				*(const int64_t *)at);
	case FLAG_LEVEL:
		return snprintf(ret, ret_bytes, "%s",
				levels[*(const enum log_level *)at]);
	case FLAG_ON:
	case FLAG_OFF:
		break;
	}
	return -1;
}

int config_argv(const struct config *config, char ***ret_argv)
{
	const size_t slots = 2 * ARRAY_COUNT(flags) + 1;
	const size_t text_bytes = ARRAY_COUNT(flags) *
				  (CONFIG_PATH_BYTES + FLAG_NAME_BYTES);
	char **argv = calloc(1, slots * sizeof(*argv) + text_bytes);
	char *text;
	size_t n = 0;

	if (!argv)
		return -ENOMEM;
	text = (char *)(argv + slots);
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		const struct flag *flag = &flags[i];
		bool on = !takes_value(flag) &&
			  *((const bool *)config + flag->offset) ==
				  (flag->kind == FLAG_ON);

		if (flag->once || (!takes_value(flag) && !on))
			continue;
		argv[n++] = text;
		text += snprintf(text, FLAG_NAME_BYTES, "%s", flag->name) + 1;
		if (on)
			continue;
		argv[n++] = text;
		text += value_text(config, flag, text, CONFIG_PATH_BYTES) + 1;
	}
	*ret_argv = argv;
	return 0;
}
