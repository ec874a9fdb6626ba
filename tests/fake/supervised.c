/* The supervisor alone, with the hooks of the tests compiled in. */
#include "daemon/config/check.h"
#include "daemon/supervisor/supervisor.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/*
 * $FAKE_POOLS instead of a file: a line "NAME KIND MIN MAX READY_MS PRELOAD
 * HANDLER" and the program's words for each pool; KIND is a number.
 */
static void read_pools(struct pools_config *ret)
{
	static struct pool_config list[POOLS_MAX];
	static char *words[POOLS_MAX][16], *handles[POOLS_MAX][2];
	char *text = getenv("FAKE_POOLS"), *line, *at = NULL, *rest;

	/* The one for requests, which is there by itself. */
	while (ret->count > 0)
		pool_config_free(&ret->list[--ret->count]);
	free(ret->list);
	for (line = strtok_r(strdup(text), "\n", &at); line;
	     line = strtok_r(NULL, "\n", &at)) {
		struct pool_config *pool = &list[ret->count];
		int kind, preload, used, n = 0;

		require(sscanf(line, "%60s %d %d %d %" SCNd64 " %d%n",
			       pool->name, &kind, &pool->workers_min,
			       &pool->workers_max, &pool->ready_ms, &preload,
			       &used) == 6);
		pool->kind = (enum pool_kind)kind;
		pool->preload = preload;
		pool->handles = handles[ret->count];
		pool->handles[0] = strtok_r(line + used, " ", &rest);
		pool->run = words[ret->count++];
		for (char *word = strtok_r(NULL, " ", &rest); word;
		     word = strtok_r(NULL, " ", &rest))
			pool->run[n++] = word;
	}
	ret->list = list;
}

int main(int argc, char **argv)
{
	static struct settings *settings;
	static char here[CONFIG_PATH_BYTES];
	struct settings_ask ask = {argc - 1, argv + 1, here,
				   getenv("REEVE_TEST_CONFIG")};
	int r;

	require(getcwd(here, sizeof(here)) != NULL);
	r = settings_load(&settings, &ask);
	if (r > 0)
		check_problems(settings);
	if (r)
		return SUPERVISOR_EXIT_CALLER;
	if (getenv("FAKE_POOLS"))
		read_pools(&settings->pools);
	log_init("supervisor", settings->config.log_level);
	return supervisor_main(settings, &ask);
}
