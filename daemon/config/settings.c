#include "daemon/config/settings.h"

#include "daemon/config/callbacks_served.h"
#include "daemon/config/defaults_read.h"
#include "daemon/config/layers.h"
#include "daemon/config/pools_read.h"
#include "daemon/config/value.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int processors(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	n = CPU_COUNT(&set);
	return n < 1 ? 1 : n > CONFIG_WORKERS_MAX ? CONFIG_WORKERS_MAX : n;
}

/* False when it does not fit: the caller names what it was. */
static bool join(char *ret, const char *folder, const char *name)
{
	int n = snprintf(ret, CONFIG_PATH_BYTES, "%s/%s", folder, name);

	return n > 0 && n < CONFIG_PATH_BYTES;
}

static void resolve_state(struct settings *settings)
{
	const char *env = getenv("XDG_STATE_HOME");
	char *ret = settings->config.state_dir;
	const char *home;

	if (ret[0] || (env && *env == '/' && join(ret, env, "reeve")))
		return;
	home = layers_home();
	if (!home || !join(ret, home, ".local/state/reeve"))
		layers_problem(settings, "there is no home directory to keep "
					 "the jobs in: give --state-dir");
}

static void resolve_runtime(struct settings *settings)
{
	const char *env = getenv("XDG_RUNTIME_DIR");
	char *ret = settings->config.runtime_dir;
	struct stat st;

	if (ret[0] || (env && *env == '/' && lstat(env, &st) == 0 &&
		       S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
		       join(ret, env, "reeve")))
		return;
	snprintf(ret, CONFIG_PATH_BYTES, "%s/reeve-%u",
		 geteuid() == 0 ? "/run" : "/tmp", (unsigned)geteuid());
}

/* The sockets follow from their folder, unless they were named above it. */
static void resolve_socket(struct settings *settings, enum table_key key,
			   char *ret, const char *name)
{
	const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	const struct settings_source *folder =
		&settings->sources[TABLE_RUNTIME_DIR];
	struct settings_source *source = &settings->sources[key];

	if (source->layer < folder->layer) {
		ret[0] = '\0';
		*source = (struct settings_source){SETTINGS_DEFAULT, 0, 0};
	}
	if (!ret[0] && !join(ret, settings->config.runtime_dir, name))
		layers_problem(settings, "--runtime-dir is too long");
	else if (strlen(ret) > most)
		layers_problem(settings,
			       "the path of a socket has at most %zu bytes, "
			       "'%.200s' is longer: give a shorter "
			       "--runtime-dir",
			       most, ret);
}

static void resolve(struct settings *settings)
{
	struct config *config = &settings->config;

	resolve_state(settings);
	resolve_runtime(settings);
	resolve_socket(settings, TABLE_SOCKET, config->socket, "reeve.sock");
	resolve_socket(settings, TABLE_WORKER_SOCKET, config->worker_socket,
		       "worker.sock");
	if (!config->workers)
		config->workers = processors();
}

int settings_load(struct settings **ret_settings,
		  const struct settings_ask *ask)
{
	AUTO(settings_free)
	struct settings *settings = calloc(1, sizeof(*settings));
	int r;

	if (!settings)
		return -ENOMEM;
	r = layers_read(settings, ask);
	if (r < 0)
		return r;
	if (!r)
		resolve(settings);
	if (!r)
		r = pools_read(settings);
	if (!r)
		r = callbacks_served(settings);
	if (!r)
		r = defaults_read(settings);
	if (r < 0)
		return r;
	if (!r && settings->problem_count)
		r = CONFIG_E_USAGE;
	*ret_settings = TAKE(settings);
	return r;
}

void settings_free(struct settings *settings)
{
	for (size_t i = 0; settings && i < settings->file_count; i++)
		free(settings->files[i]);
	for (size_t i = 0; settings && i < settings->pools.count; i++)
		pool_config_free(&settings->pools.list[i]);
	if (settings)
		free(settings->pools.list);
	if (settings)
		free(settings->defaults.list);
	if (settings)
		named_fini(&settings->named);
	free(settings);
}

const char *settings_layer_word(enum settings_layer layer)
{
	static const char *const words[] = {
		[SETTINGS_DEFAULT] = "default",
		[SETTINGS_SYSTEM] = "system",
		[SETTINGS_FRAGMENT] = "fragment",
		[SETTINGS_USER] = "user",
		[SETTINGS_ENVIRONMENT] = "environment",
		[SETTINGS_FLAG] = "flag",
	};

	return words[layer];
}

void settings_origin(const struct settings *settings, enum table_key key,
		     char ret[SETTINGS_ORIGIN_BYTES])
{
	const struct settings_source *source = &settings->sources[key];
	const struct table_row *row = &table_rows[key];
	const char *text = "default";

	if (source->layer == SETTINGS_FLAG)
		text = row->flag;
	if (source->layer == SETTINGS_ENVIRONMENT)
		text = row->variable;
	if (source->layer >= SETTINGS_SYSTEM && source->layer <= SETTINGS_USER)
		snprintf(ret, SETTINGS_ORIGIN_BYTES, "%s:%d",
			 settings->files[source->file], source->line);
	else
		snprintf(ret, SETTINGS_ORIGIN_BYTES, "%s", text);
}

void settings_problem_text(const struct settings *settings,
			   const struct settings_problem *problem, char *ret,
			   size_t bytes)
{
	if (problem->file < 0)
		snprintf(ret, bytes, "%s", problem->message);
	else if (!problem->line)
		snprintf(ret, bytes, "%s: %s", settings->files[problem->file],
			 problem->message);
	else
		snprintf(ret, bytes, "%s:%d:%d: %s",
			 settings->files[problem->file], problem->line,
			 problem->column, problem->message);
}
