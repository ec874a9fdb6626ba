/* The supervisor alone, with the hooks of the tests compiled in. */
#include "daemon/config/check.h"
#include "daemon/supervisor/supervisor.h"

#include <stdio.h>
#include <unistd.h>

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
	log_init("supervisor", settings->config.log_level);
	return supervisor_main(settings, &ask);
}
