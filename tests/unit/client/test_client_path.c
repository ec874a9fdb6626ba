#include "client/path.h"

#include "client/reeve.h"
#include "tests/helper/t.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[64];
static char path[108];

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/reeve-path-XXXXXX");
	unsetenv("REEVE_SOCKET");
	unsetenv("REEVE_RUNTIME_DIR");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	char below[96];

	(void)state;
	snprintf(below, sizeof(below), "%s/reeve", folder);
	rmdir(below);
	unlink(below);
	return rmdir(folder);
}

UNIT(what_is_said_by_name_comes_first)
{
	enum reeve_scope scope;

	setenv("REEVE_RUNTIME_DIR", "/somewhere", 1);
	setenv("REEVE_SOCKET", "/else/where.sock", 1);
	assert_int_equal(reeve_socket_path(path, sizeof(path), &scope), 0);
	assert_string_equal(path, "/else/where.sock");
	assert_int_equal(scope, REEVE_SCOPE_EXPLICIT);
	unsetenv("REEVE_SOCKET");
	assert_int_equal(reeve_socket_path(path, sizeof(path), &scope), 0);
	assert_string_equal(path, "/somewhere/reeve.sock");
	unsetenv("REEVE_RUNTIME_DIR");
}

UNIT(the_sessions_folder_is_used_when_it_is_ours)
{
	char expected[108];
	enum reeve_scope scope;

	setenv("XDG_RUNTIME_DIR", folder, 1);
	snprintf(expected, sizeof(expected), "%s/reeve/reeve.sock", folder);
	assert_int_equal(reeve_socket_path(path, sizeof(path), &scope), 0);
	if (scope == REEVE_SCOPE_USER)
		assert_string_equal(path, expected);
}

UNIT(a_folder_of_somebody_else_is_not_trusted)
{
	char expected[108];
	enum reeve_scope scope;

	snprintf(expected, sizeof(expected), "/%s/reeve-%u/reeve.sock",
		 geteuid() == 0 ? "run" : "tmp", (unsigned)geteuid());
	/* /proc belongs to root and is no folder of a session. */
	setenv("XDG_RUNTIME_DIR", geteuid() == 0 ? "/nowhere" : "/proc", 1);
	assert_int_equal(reeve_socket_path(path, sizeof(path), &scope), 0);
	if (scope == REEVE_SCOPE_USER)
		assert_string_equal(path, expected);
}

UNIT(one_that_others_may_write_to_is_refused)
{
	char below[96];

	setenv("XDG_RUNTIME_DIR", folder, 1);
	snprintf(below, sizeof(below), "%s/reeve", folder);
	assert_int_equal(mkdir(below, 0700), 0);
	assert_int_equal(chmod(below, 0777), 0);
	assert_int_equal(reeve_socket_path(path, sizeof(path), NULL),
			 REEVE_E_SYSTEM);
	rmdir(below);
	assert_int_equal(symlink("/tmp", below), 0);
	assert_int_equal(reeve_socket_path(path, sizeof(path), NULL),
			 REEVE_E_SYSTEM);
}

static int listen_at(const char *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", at);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static bool a_daemon_is_here(void)
{
	snprintf(path, sizeof(path), "/%s/reeve-%u/reeve.sock",
		 geteuid() == 0 ? "run" : "tmp", (unsigned)geteuid());
	return path_answers(path);
}

/* cron has no XDG_RUNTIME_DIR, the session that started the daemon had. */
UNIT(without_a_session_the_daemon_of_one_is_found)
{
	char session[96], below[108], expected[140];
	int fd;

	unsetenv("XDG_RUNTIME_DIR");
	path_sessions = folder;
	snprintf(session, sizeof(session), "%s/%u", folder,
		 (unsigned)geteuid());
	snprintf(below, sizeof(below), "%s/reeve", session);
	snprintf(expected, sizeof(expected), "%s/reeve.sock", below);
	assert_int_equal(mkdir(session, 0700), 0);
	assert_int_equal(mkdir(below, 0700), 0);
	fd = listen_at(expected);
	assert_int_equal(reeve_socket_path(path, sizeof(path), NULL), 0);
	/* Where one answers in the other folder, that is the one. */
	assert_true(path_answers(path));
	if (strcmp(path, expected) != 0)
		assert_true(a_daemon_is_here());
	close(fd);
	/* Nobody listens there any more. */
	assert_int_equal(reeve_socket_path(path, sizeof(path), NULL), 0);
	assert_string_not_equal(path, expected);
	/* What others may write to is not looked at. */
	unlink(expected);
	fd = listen_at(expected);
	assert_int_equal(chmod(below, 0777), 0);
	assert_int_equal(reeve_socket_path(path, sizeof(path), NULL), 0);
	assert_string_not_equal(path, expected);
	/* A folder that was named is the only one. */
	assert_int_equal(chmod(below, 0700), 0);
	setenv("REEVE_RUNTIME_DIR", "/somewhere", 1);
	assert_int_equal(reeve_socket_path(path, sizeof(path), NULL), 0);
	assert_string_equal(path, "/somewhere/reeve.sock");
	unsetenv("REEVE_RUNTIME_DIR");
	setenv("XDG_RUNTIME_DIR", "/", 1);
	assert_int_equal(reeve_socket_path(path, sizeof(path), NULL), 0);
	if (geteuid() == 0)
		assert_string_not_equal(path, expected);
	close(fd);
	unlink(expected);
	rmdir(below);
	rmdir(session);
	path_sessions = "/run/user";
}

/* It serves root and the user that it runs as: nobody else is sent there. */
UNIT(the_systems_daemon_is_for_root_and_for_whose_socket_it_is)
{
	char machine[140];
	enum reeve_scope scope;
	int fd;

	snprintf(machine, sizeof(machine), "%s/machine.sock", folder);
	setenv("REEVE_RUNTIME_DIR", "/nowhere", 1);
	path_system = machine;
	assert_int_equal(reeve_socket_path(path, sizeof(path), &scope), 0);
	assert_int_equal(scope, REEVE_SCOPE_USER);
	fd = listen_at(machine);
	assert_int_equal(reeve_socket_path(path, sizeof(path), &scope), 0);
	assert_int_equal(scope, REEVE_SCOPE_SYSTEM);
	assert_string_equal(path, machine);
	close(fd);
	unlink(machine);
	/* A file of root, open to all. */
	path_system = "/proc/version";
	if (geteuid() == 0) {
		assert_int_equal(reeve_socket_path(path, sizeof(path), &scope),
				 0);
		assert_int_equal(scope, REEVE_SCOPE_SYSTEM);
		assert_int_equal(seteuid(65534), 0);
	}
	assert_int_equal(reeve_socket_path(path, sizeof(path), &scope), 0);
	assert_int_equal(scope, REEVE_SCOPE_USER);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	path_system = "/run/reeve/reeve.sock";
	unsetenv("REEVE_RUNTIME_DIR");
}

UNIT(a_path_that_does_not_fit_is_refused)
{
	char text[200];

	memset(text, 'x', sizeof(text) - 1);
	text[0] = '/';
	text[sizeof(text) - 1] = '\0';
	setenv("REEVE_SOCKET", text, 1);
	assert_int_equal(reeve_socket_path(path, sizeof(path), NULL),
			 REEVE_E_INVALID);
	unsetenv("REEVE_SOCKET");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_said_by_name_comes_first),
		TEST(the_sessions_folder_is_used_when_it_is_ours),
		TEST(a_folder_of_somebody_else_is_not_trusted),
		TEST(one_that_others_may_write_to_is_refused),
		TEST(without_a_session_the_daemon_of_one_is_found),
		TEST(the_systems_daemon_is_for_root_and_for_whose_socket_it_is),
		TEST(a_path_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests_name("client path", tests, NULL, NULL);
}
