#include "daemon/base/title.h"
#include "daemon/broker/broker.h"
#include "daemon/config/check.h"
#include "daemon/supervisor/supervisor.h"
#include "daemon/worker/template.h"
#include "daemon/worker/worker.h"
#include "proto/streams.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static int be_broker(const struct config *config, char **run)
{
	(void)run;
	return broker_main(config);
}

/* One program, five roles: the word in argv[1] says which. */
static const struct role {
	const char *name;
	const char *comm; /* what ps and pgrep show; exec left it as "exe" */
	/* NULL: the supervisor. @run: what stands behind `--`. */
	int (*main)(const struct config *config, char **run);
} roles[] = {
	{"broker", "reeved-broker", be_broker},
	{"worker", "reeved-worker", worker_main},
	{"http", "reeved-http", worker_http_main},
	{"template", "reeved-template", template_main},
	{"supervisor", "reeved", NULL},
};
#define SUPERVISOR (ARRAY_COUNT(roles) - 1)

/* What a pool runs stands behind `--`, and is not ours to read. */
static char **split_run(const struct role *role, int *argc, char **argv)
{
	for (int i = 1; role->main && i < *argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			char **run = argv + i + 1;

			*argc = i;
			return run;
		}
	}
	return argv + *argc;
}

/* The supervisor alone reads files: the others get its values as flags. */
static const char *folder_of(const struct role *role)
{
	if (role->main)
		return NULL;
#ifdef REEVE_TEST_HOOKS
	if (getenv("REEVE_TEST_CONFIG"))
		return getenv("REEVE_TEST_CONFIG");
#endif
	return SETTINGS_FOLDER;
}

static int flushed(bool good)
{
	if (fflush(stdout) != 0)
		return SUPERVISOR_EXIT_SYSTEM;
	return good ? 0 : SUPERVISOR_EXIT_CALLER;
}

int main(int argc, char **argv)
{
	const struct role *role = &roles[SUPERVISOR];
	static char here[CONFIG_PATH_BYTES];
	static struct settings *settings;
	static struct settings_ask ask;
	int skip = 1, r;
	char **run;

	if (argc < 1)
		return SUPERVISOR_EXIT_CALLER;
	if (streams_keep() != 0)
		return SUPERVISOR_EXIT_SYSTEM;
	title_init(argc, argv);
	for (size_t i = 0; argc > 1 && i < SUPERVISOR; i++)
		if (strcmp(argv[1], roles[i].name) == 0) {
			role = &roles[i];
			skip = 2;
		}
	run = split_run(role, &argc, argv);
	if (!getcwd(here, sizeof(here)))
		here[0] = '\0';
	ask.here = here;
	ask.argc = argc - skip;
	ask.argv = argv + skip;
	ask.folder = folder_of(role);
	r = settings_load(&settings, &ask);
	if (r == CONFIG_E_HELP) {
		fputs(table_usage(), stdout);
		return flushed(true);
	}
	if (r == CONFIG_E_VERSION) {
		puts("reeved " REEVE_VERSION);
		return flushed(true);
	}
	if (r < 0) {
		fprintf(stderr, "reeved: cannot start: %s\n", strerror(-r));
		return SUPERVISOR_EXIT_SYSTEM;
	}
	if (settings->task != SETTINGS_SERVE)
		return flushed(check_tell(settings));
	if (r) {
		check_problems(settings);
		return SUPERVISOR_EXIT_CALLER;
	}
	prctl(PR_SET_NAME, role->comm);
	log_init(role->name, settings->config.log_level);
	if (role->main)
		return role->main(&settings->config, run);
	return supervisor_main(settings, &ask);
}
