#include "daemon/config/table.h"

#include <stdio.h>

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define AT(field) offsetof(struct config, field)

/* In the order of etc/reeve.yaml. */
const struct table_row table_rows[TABLE_KEYS] = {
	[TABLE_STATE_DIR] = {"store.path", "--state-dir", "REEVE_STATE_DIR",
			     TABLE_PATH, AT(state_dir), 0, 0, "auto", "auto",
			     false, "DIR", "database, results, output, locks"},
	[TABLE_KEEP_SUCCEEDED] = {"store.keep.done", "--keep-succeeded", NULL,
				  TABLE_DURATION, AT(keep_succeeded_ms), 0,
				  36500 * DAY_MS, "7d", NULL, true, "TIME",
				  "keep jobs that succeeded; 0: for ever"},
	[TABLE_KEEP_FAILED] = {"store.keep.failed", "--keep-failed", NULL,
			       TABLE_DURATION, AT(keep_failed_ms), 0,
			       36500 * DAY_MS, "30d", NULL, true, "TIME",
			       "keep jobs that failed; 0: for ever"},
	[TABLE_KEEP_JOBS] = {"store.keep.max_jobs", "--keep-jobs", NULL,
			     TABLE_COUNT, AT(keep_jobs), 0,
			     INT64_C(1000000000000), "1M", NULL, true, "N",
			     "keep so many finished jobs; 0: no limit"},
	[TABLE_KEEP_EVENTS_AGE] = {"store.keep.events_age", "--keep-events-age",
				   NULL, TABLE_DURATION, AT(keep_events_ms), 0,
				   36500 * DAY_MS, "7d", NULL, true, "TIME",
				   "keep events; 0: for ever"},
	[TABLE_KEEP_EVENTS] = {"store.keep.events", "--keep-events", NULL,
			       TABLE_COUNT, AT(keep_events), 0,
			       INT64_C(1000000000000), "1M", NULL, true, "N",
			       "keep so many events; 0: no limit"},
	[TABLE_RUNTIME_DIR] = {"listen.path", "--runtime-dir",
			       "REEVE_RUNTIME_DIR", TABLE_PATH, AT(runtime_dir),
			       0, 0, "auto", "auto", false, "DIR",
			       "the sockets"},
	[TABLE_SOCKET] = {"listen.socket", "--socket", "REEVE_SOCKET",
			  TABLE_PATH, AT(socket), 0, 0, "auto", "auto", false,
			  "PATH", "socket of clients"},
	[TABLE_WORKER_SOCKET] = {"listen.workers", "--worker-socket", NULL,
				 TABLE_PATH, AT(worker_socket), 0, 0, "auto",
				 "auto", false, "PATH", "socket of workers"},
	[TABLE_OUTPUT_MAX] = {"output.keep", "--output-max", NULL, TABLE_BYTES,
			      AT(output_bytes), 0, INT64_C(1) << 40, "64M",
			      NULL, true, "SIZE",
			      "keep of an attempt's output"},
	[TABLE_TIMEOUT] = {"defaults.timeout", "--timeout", NULL,
			   TABLE_DURATION, AT(timeout_ms), 0, 36500 * DAY_MS,
			   "0s", "none", true, "TIME",
			   "end a job that runs longer; 0: never"},
	[TABLE_GRACE] = {"defaults.grace", "--grace", NULL, TABLE_DURATION,
			 AT(grace_ms), 0, DAY_MS, "10s", NULL, true, "TIME",
			 "from SIGTERM to SIGKILL"},
	[TABLE_CRASH_LIMIT] = {"defaults.crash_limit", "--crash-limit", NULL,
			       TABLE_COUNT, AT(crash_limit), 1, 1000, "3", NULL,
			       true, "N",
			       "a job fails when so many runs are lost"},
	[TABLE_CGROUPS] = {"limits.cgroups", "--no-cgroups", NULL, TABLE_SWITCH,
			   AT(cgroups), 0, 0, "auto", NULL, false, NULL,
			   "do not put jobs into cgroups"},
	[TABLE_WORKERS] = {"pools.exec.workers", "--workers", NULL, TABLE_INT,
			   AT(workers), 1, CONFIG_WORKERS_MAX, "cpus", "cpus",
			   false, "N", "jobs at a time"},
	[TABLE_LOG_LEVEL] = {"log.level", "--log-level", NULL, TABLE_LEVEL,
			     AT(log_level), 0, 0, "info", NULL, true, "WORD",
			     "error, warning, info or debug"},
	[TABLE_STOP_TIMEOUT] = {"stop.timeout", "--stop-timeout", NULL,
				TABLE_DURATION, AT(stop_timeout_ms), 1000,
				3600 * 1000, "30s", NULL, true, "TIME",
				"how long a stop may take"},
};

const struct table_row *table_find(struct slice key)
{
	for (size_t i = 0; i < TABLE_KEYS; i++)
		if (slice_is(key, table_rows[i].key))
			return &table_rows[i];
	return NULL;
}

/* What stands behind "@section."; NULL: the key is not below it. */
static const char *below(const char *key, struct slice section)
{
	if (section.n == 0)
		return key;
	if (strncmp(key, section.p, section.n) != 0 || key[section.n] != '.')
		return NULL;
	return key + section.n + 1;
}

bool table_is_section(struct slice path)
{
	for (size_t i = 0; path.n && i < TABLE_KEYS; i++)
		if (below(table_rows[i].key, path))
			return true;
	return false;
}

struct slice table_child(struct slice section, size_t i)
{
	struct slice last = {NULL, 0};

	/* Keys of one section stand together in the table. */
	for (size_t row = 0; row < TABLE_KEYS; row++) {
		const char *rest = below(table_rows[row].key, section);
		struct slice name = {rest, rest ? strcspn(rest, ".") : 0};

		if (!rest || slice_equal(name, last))
			continue;
		if (i-- == 0)
			return name;
		last = name;
	}
	return (struct slice){NULL, 0};
}

static const char usage_head[] =
	"Usage: reeved [FLAG]...\n"
	"The task daemon. In the foreground, unless --daemon is given.\n"
	"\n"
	"  --config FILE           read it instead of "
	"~/.config/reeve/reeve.yaml\n"
	"  --check[=json]          say what is wrong with the configuration, "
	"and\n"
	"                          exit: 0 nothing, 100 something\n"
	"  --daemon                return when the daemon serves; log to\n"
	"                          STATE-DIR/reeved.log\n";

static const char usage_foot[] =
	"  --help, --version\n"
	"\n"
	"TIME is like 500ms, 10s, 5m, 2h, 7d or 1h30m; SIZE like 4096, 64K, "
	"1G.\n"
	"Each is also a key of reeve.yaml(5). Flags come before the "
	"environment\n"
	"(REEVE_CONFIG, REEVE_STATE_DIR, REEVE_RUNTIME_DIR, REEVE_SOCKET), "
	"that before\n"
	"--config FILE, that before /etc/reeve/conf.d/*.yaml, those before\n"
	"/etc/reeve/reeve.yaml.\n";

const char *table_usage(void)
{
	static char text[4096];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", usage_head);

	for (size_t i = 0; i < TABLE_KEYS; i++) {
		const struct table_row *row = &table_rows[i];
		char flag[40];

		snprintf(flag, sizeof(flag), "%s%s%s", row->flag,
			 row->value ? " " : "", row->value ? row->value : "");
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, "  %-23s %s%s%s%s\n", flag,
			row->help, row->value ? " (" : "",
			row->value ? row->fallback : "", row->value ? ")" : "");
		require(n < sizeof(text));
	}
	snprintf(text + n, sizeof(text) - n, "%s", usage_foot);
	return text;
}
