/* The supervisor alone, with the hooks of the tests compiled in. */
#include "daemon/supervisor/supervisor.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	static struct config config;
	struct config_fault fault = {""};
	int r = config_parse(&config, argc - 1, argv + 1, &fault);

	if (r) {
		fprintf(stderr, "%s\n", fault.message);
		return SUPERVISOR_EXIT_CALLER;
	}
	log_init("supervisor", config.log_level);
	return supervisor_main(&config);
}
