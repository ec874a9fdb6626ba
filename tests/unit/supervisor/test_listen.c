#include "daemon/supervisor/listen.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct config config;
static struct config_fault fault;
static struct listen sockets;
static char folder[64];

static int set_up(__attribute__((unused)) void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/reeve-listen-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(config.runtime_dir, CONFIG_PATH_BYTES, "%s/run", folder);
	snprintf(config.state_dir, CONFIG_PATH_BYTES, "%s/state", folder);
	snprintf(config.socket, CONFIG_PATH_BYTES, "%s/run/c", folder);
	snprintf(config.worker_socket, CONFIG_PATH_BYTES, "%s/run/w", folder);
	assert_int_equal(mkdir(config.runtime_dir, 0700), 0);
	clearenv();
	log_init("test", LOG_ERROR);
	return 0;
}

static int tear_down(__attribute__((unused)) void **state)
{
	char command[160];

	listen_close(&sockets, &config);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), r;

	memcpy(address.sun_path, path, strlen(path));
	r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	r = r < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* A listening socket that is not ours, at @path. */
static int foreign(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

UNIT(both_sockets_are_there_and_only_ours)
{
	struct stat st;

	assert_int_equal(listen_open(&sockets, &config, &fault), 0);
	assert_int_equal(dial(config.socket), 0);
	assert_int_equal(dial(config.worker_socket), 0);
	assert_int_equal(stat(config.socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(config.worker_socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	listen_close(&sockets, &config);
	assert_int_equal(access(config.socket, F_OK), -1);
	assert_int_equal(access(config.worker_socket, F_OK), -1);
}

UNIT(a_stale_socket_prevents_nothing)
{
	close(foreign(config.socket));
	assert_int_equal(dial(config.socket), -ECONNREFUSED);
	assert_int_equal(listen_open(&sockets, &config, &fault), 0);
	assert_int_equal(dial(config.socket), 0);
}

UNIT(a_socket_elsewhere_that_answers_is_left_alone)
{
	int fd;

	snprintf(config.socket, CONFIG_PATH_BYTES, "%s/elsewhere", folder);
	fd = foreign(config.socket);
	assert_int_equal(listen_open(&sockets, &config, &fault),
			 LISTEN_E_TAKEN);
	assert_non_null(strstr(fault.message, "another daemon"));
	assert_int_equal(dial(config.socket), 0);
	close(fd);
	assert_int_equal(listen_open(&sockets, &config, &fault), 0);
}

UNIT(in_the_locked_folder_an_answer_is_only_a_dying_broker)
{
	int fd = foreign(config.socket);

	assert_int_equal(listen_open(&sockets, &config, &fault), 0);
	close(fd);
	assert_int_equal(dial(config.socket), 0);
}

UNIT(what_is_no_socket_is_not_removed)
{
	int fd = open(config.socket, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(listen_open(&sockets, &config, &fault), LISTEN_E_PATH);
	assert_non_null(strstr(fault.message, "is not a socket"));
	assert_int_equal(access(config.socket, F_OK), 0);
}

UNIT(a_folder_that_is_not_there_is_named)
{
	snprintf(config.socket, CONFIG_PATH_BYTES, "%s/no/c", folder);
	assert_int_equal(listen_open(&sockets, &config, &fault), LISTEN_E_PATH);
	assert_non_null(strstr(fault.message, "/no/c"));
}

/* As a service manager does it, in a child whose descriptor 3 is ours. */
static int passed_in_child(int fd, const char *count, bool our_pid)
{
	char pid[16];
	int status;
	pid_t child = fork();

	if (child == 0) {
		int r;

		snprintf(pid, sizeof(pid), "%d",
			 (int)getpid() + (our_pid ? 0 : 1));
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", count, 1);
		if (dup2(fd, 3) < 0)
			_exit(99);
		r = listen_open(&sockets, &config, &fault);
		if (getenv("LISTEN_FDS") || getenv("LISTEN_PID"))
			_exit(98);
		if (!r && sockets.passed && !(fcntl(3, F_GETFD) & FD_CLOEXEC))
			_exit(97);
		listen_close(&sockets, &config);
		_exit(r ? r : sockets.passed ? 50 : 51);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

UNIT(the_sockets_of_a_service_manager_are_used)
{
	int fd = foreign(config.socket);

	assert_int_equal(passed_in_child(fd, "1", true), 50);
	/* The path is the manager's: it stays. */
	assert_int_equal(access(config.socket, F_OK), 0);
	close(fd);
}

UNIT(what_was_passed_to_another_process_is_not_used)
{
	int fd = open("/dev/null", O_RDONLY);

	assert_int_equal(passed_in_child(fd, "1", false), 51);
	close(fd);
}

UNIT(what_is_no_listening_socket_is_refused)
{
	int fd = open("/dev/null", O_RDONLY), other;

	assert_int_equal(passed_in_child(fd, "1", true), LISTEN_E_FORM);
	assert_int_equal(passed_in_child(fd, "17", true), LISTEN_E_FORM);
	assert_int_equal(passed_in_child(fd, "-1", true), LISTEN_E_FORM);
	assert_int_equal(passed_in_child(fd, "0", true), 51);
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(passed_in_child(other, "1", true), LISTEN_E_FORM);
	close(other);
	close(fd);
}

UNIT(a_removed_socket_is_bound_anew)
{
	assert_int_equal(listen_open(&sockets, &config, &fault), 0);
	assert_false(listen_check(&sockets, &config));
	assert_int_equal(unlink(config.worker_socket), 0);
	assert_true(listen_check(&sockets, &config));
	assert_int_equal(dial(config.worker_socket), 0);
	assert_false(listen_check(&sockets, &config));
}

UNIT(a_removed_folder_is_made_anew)
{
	assert_int_equal(mkdir(config.state_dir, 0700), 0);
	assert_int_equal(listen_open(&sockets, &config, &fault), 0);
	assert_int_equal(unlink(config.worker_socket), 0);
	assert_int_equal(unlink(config.socket), 0);
	assert_int_equal(rmdir(config.runtime_dir), 0);
	assert_true(listen_check(&sockets, &config));
	assert_int_equal(dial(config.socket), 0);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		EACH(both_sockets_are_there_and_only_ours),
		EACH(a_stale_socket_prevents_nothing),
		EACH(a_socket_elsewhere_that_answers_is_left_alone),
		EACH(in_the_locked_folder_an_answer_is_only_a_dying_broker),
		EACH(what_is_no_socket_is_not_removed),
		EACH(a_folder_that_is_not_there_is_named),
		EACH(the_sockets_of_a_service_manager_are_used),
		EACH(what_was_passed_to_another_process_is_not_used),
		EACH(what_is_no_listening_socket_is_refused),
		EACH(a_removed_socket_is_bound_anew),
		EACH(a_removed_folder_is_made_anew),
	};

	return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
