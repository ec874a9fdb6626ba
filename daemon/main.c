#include "daemon/base/config.h"
#include "daemon/broker/broker.h"
#include "daemon/supervisor/supervisor.h"
#include "daemon/worker/worker.h"

#include <stdio.h>
#include <sys/prctl.h>

/* One program, three roles: the word in argv[1] says which. */
static const struct role {
	const char *name;
	const char *comm; /* what ps and pgrep show; exec left it as "exe" */
	int (*main)(const struct config *config);
} roles[] = {
	{"broker", "reeved-broker", broker_main},
	{"worker", "reeved-worker", worker_main},
	{"supervisor", "reeved", supervisor_main},
};

int main(int argc, char **argv)
{
	const struct role *role = &roles[2];
	static struct config config;
	struct config_fault fault = {""};
	int skip = 1, r;

	if (argc < 1)
		return SUPERVISOR_EXIT_CALLER;
	for (size_t i = 0; argc > 1 && i < 2; i++)
		if (strcmp(argv[1], roles[i].name) == 0) {
			role = &roles[i];
			skip = 2;
		}
	r = config_parse(&config, argc - skip, argv + skip, &fault);
	if (r == CONFIG_E_HELP) {
		fputs(config_usage(), stdout);
		return fflush(stdout) == 0 ? 0 : SUPERVISOR_EXIT_SYSTEM;
	}
	if (r == CONFIG_E_VERSION) {
		puts("reeved " REEVE_VERSION);
		return fflush(stdout) == 0 ? 0 : SUPERVISOR_EXIT_SYSTEM;
	}
	if (r < 0) {
		fprintf(stderr, "reeved: cannot start: %s\n", strerror(-r));
		return SUPERVISOR_EXIT_SYSTEM;
	}
	if (r) {
		fprintf(stderr, "reeved: %s\n", fault.message);
		return SUPERVISOR_EXIT_CALLER;
	}
	prctl(PR_SET_NAME, role->comm);
	log_init(role->name, config.log_level);
	return role->main(&config);
}
