/* Without files: what flags and the environment say, and what roles get. */
#include "daemon/config/settings.h"
#include "tests/helper/t.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct config config;
static struct config_fault fault;

static int parse(int argc, const char **argv)
{
	char here[CONFIG_PATH_BYTES];
	struct settings_ask ask = {argc, (char **)argv, here, NULL};
	struct settings *settings = NULL;
	int r;

	assert_non_null(getcwd(here, sizeof(here)));
	r = settings_load(&settings, &ask);
	assert_true(r >= 0);
	config = settings->config;
	fault.message[0] = '\0';
	if (settings->problem_count)
		settings_problem_text(settings, &settings->problems[0],
				      fault.message, sizeof(fault.message));
	settings_free(settings);
	return r;
}

#define PARSE(...)                                                             \
	parse(ARRAY_COUNT(((const char *[]){__VA_ARGS__})),                    \
	      (const char *[]){__VA_ARGS__})

static int clear_environment(__attribute__((unused)) void **state)
{
	clearenv();
	setenv("HOME", "/u/ann", 1);
	return 0;
}

UNIT(without_a_flag_it_serves_the_user)
{
	char runtime[64];

	assert_int_equal(parse(0, NULL), 0);
	assert_string_equal(config.state_dir, "/u/ann/.local/state/reeve");
	snprintf(runtime, sizeof(runtime), "%s/reeve-%u",
		 geteuid() == 0 ? "/run" : "/tmp", (unsigned)geteuid());
	assert_string_equal(config.runtime_dir, runtime);
	assert_true(config.workers >= 1);
	assert_true(config.cgroups);
	assert_false(config.daemonize);
	assert_int_equal(config.grace_ms, 10000);
}

UNIT(the_environment_names_the_folders)
{
	setenv("XDG_STATE_HOME", "/x/state", 1);
	assert_int_equal(parse(0, NULL), 0);
	assert_string_equal(config.state_dir, "/x/state/reeve");
	setenv("REEVE_STATE_DIR", "/s", 1);
	setenv("REEVE_RUNTIME_DIR", "/r", 1);
	assert_int_equal(parse(0, NULL), 0);
	assert_string_equal(config.state_dir, "/s");
	assert_string_equal(config.socket, "/r/reeve.sock");
	assert_string_equal(config.worker_socket, "/r/worker.sock");
	setenv("REEVE_SOCKET", "/q/s", 1);
	assert_int_equal(parse(0, NULL), 0);
	assert_string_equal(config.socket, "/q/s");
}

UNIT(a_flag_outdoes_the_environment)
{
	setenv("REEVE_STATE_DIR", "/s", 1);
	setenv("REEVE_SOCKET", "/outer/reeve.sock", 1);
	assert_int_equal(PARSE("--state-dir", "/t/", "--runtime-dir=/u"), 0);
	assert_string_equal(config.state_dir, "/t");
	assert_string_equal(config.socket, "/u/reeve.sock");
}

UNIT(a_runtime_folder_of_somebody_else_is_not_used)
{
	/* The root folder is root's; as root, one that is not there. */
	setenv("XDG_RUNTIME_DIR", geteuid() == 0 ? "/nowhere" : "/", 1);
	assert_int_equal(parse(0, NULL), 0);
	assert_non_null(strstr(config.runtime_dir, "/reeve-"));
}

UNIT(a_relative_folder_becomes_absolute)
{
	char here[CONFIG_PATH_BYTES];

	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(PARSE("--state-dir", "x/y"), 0);
	assert_memory_equal(config.state_dir, here, strlen(here));
	assert_string_equal(config.state_dir + strlen(here), "/x/y");
}

UNIT(what_is_wrong_is_named)
{
	assert_int_equal(PARSE("--nope"), CONFIG_E_USAGE);
	assert_non_null(strstr(fault.message, "--nope"));
	assert_int_equal(PARSE("--workers"), CONFIG_E_USAGE);
	assert_int_equal(PARSE("--workers", "0"), CONFIG_E_USAGE);
	assert_int_equal(PARSE("--workers", "4097"), CONFIG_E_USAGE);
	assert_int_equal(PARSE("--grace=soon"), CONFIG_E_USAGE);
	assert_int_equal(PARSE("--output-max=1Q"), CONFIG_E_USAGE);
	assert_int_equal(PARSE("--log-level=loud"), CONFIG_E_USAGE);
	assert_int_equal(PARSE("--daemon=1"), CONFIG_E_USAGE);
	assert_int_equal(PARSE("--state-dir="), CONFIG_E_USAGE);
	assert_int_equal(PARSE("state"), CONFIG_E_USAGE);
	assert_int_equal(PARSE("--help"), CONFIG_E_HELP);
	assert_int_equal(PARSE("--version"), CONFIG_E_VERSION);
}

UNIT(a_path_too_long_for_a_socket_is_refused)
{
	char path[200] = "/";

	memset(path + 1, 'x', sizeof(path) - 2);
	assert_int_equal(PARSE("--runtime-dir", path), CONFIG_E_USAGE);
	assert_non_null(strstr(fault.message, "socket"));
}

UNIT(another_role_gets_the_same_configuration)
{
	static struct config first;
	char **argv;
	int argc = 0;

	assert_int_equal(PARSE("--state-dir=/s", "--runtime-dir=/r",
			       "--no-cgroups", "--daemon", "--workers=3",
			       "--grace=1500ms", "--keep-jobs=1K",
			       "--log-level=debug", "--output-max=1M"),
			 0);
	first = config;
	assert_int_equal(config_argv(&first, &argv), 0);
	while (argv[argc])
		argc++;
	assert_int_equal(parse(argc, (const char **)argv), 0);
	free(argv);
	/* Only the start itself is not repeated. */
	assert_false(config.daemonize);
	config.daemonize = true;
	assert_memory_equal(&config, &first, sizeof(first));
}

UNIT(the_help_names_every_flag)
{
	static struct config all;
	char **argv;

	assert_int_equal(PARSE("--no-cgroups"), 0);
	all = config;
	assert_int_equal(config_argv(&all, &argv), 0);
	for (char **flag = argv; *flag; flag++)
		if (strncmp(*flag, "--", 2) == 0)
			assert_non_null(strstr(table_usage(), *flag));
	free(argv);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup(test, clear_environment)
	const struct CMUnitTest tests[] = {
		EACH(without_a_flag_it_serves_the_user),
		EACH(the_environment_names_the_folders),
		EACH(a_flag_outdoes_the_environment),
		EACH(a_runtime_folder_of_somebody_else_is_not_used),
		EACH(a_relative_folder_becomes_absolute),
		EACH(what_is_wrong_is_named),
		EACH(a_path_too_long_for_a_socket_is_refused),
		EACH(another_role_gets_the_same_configuration),
		EACH(the_help_names_every_flag),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
