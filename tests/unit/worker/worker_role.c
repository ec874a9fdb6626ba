/*
 * The worker's role alone, born as the supervisor would: for tests and benches
 * that play the broker.
 *
 *	worker_role STATE_DIR WORKER_SOCKET OUTPUT_BYTES [CGROUP_FOLDER]
 *		[-- FILTER...]
 *
 * With WORKER_ROLE_HTTP in the environment it is the role http, and its
 * settings stand behind the --.
 */

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/channel.h"
#include "daemon/worker/worker.h"

int main(int argc, char **argv)
{
	static struct config config = {
		.log_level = LOG_INFO,
		.grace_ms = 10000,
	};
	struct channel_message birth = {
		.kind = CHANNEL_BORN,
		.worker = 7,
		.slot = 3,
		.pool = "exec",
	};
	char **run;
	int pipe_fd[2];

	for (run = argv; *run && strcmp(*run, "--") != 0;)
		run++;
	argc = (int)(run - argv);
	run += *run != NULL;
	if (argc < 4)
		errx(2, "STATE_DIR WORKER_SOCKET OUTPUT_BYTES [CGROUP]");
	snprintf(config.state_dir, sizeof(config.state_dir), "%s", argv[1]);
	snprintf(config.worker_socket, sizeof(config.worker_socket), "%s",
		 argv[2]);
	snprintf(config.socket, sizeof(config.socket), "%s", "/nowhere");
	config.output_bytes = strtoll(argv[3], NULL, 10);
	for (size_t i = 0; i < sizeof(birth.secret); i++)
		birth.secret[i] = (uint8_t)i;
	if (argc > 4)
		snprintf(birth.cgroup, sizeof(birth.cgroup), "exec-3");

	close(3);
	close(4);
	if (pipe(pipe_fd) < 0 || pipe_fd[0] != 3 ||
	    write(pipe_fd[1], &birth, sizeof(birth)) != sizeof(birth))
		err(2, "birth");
	close(pipe_fd[1]);
	if (argc > 4 && open(argv[4], O_RDONLY | O_DIRECTORY) != 4)
		err(2, "%s", argv[4]);
	return getenv("WORKER_ROLE_HTTP") ? worker_http_main(&config, run)
					  : worker_main(&config, run);
}
