/*
 * Where the daemon listens. The daemon's configuration decides the same way, so
 * that both meet without any settings.
 */

#include "client/path.h"

#include "client/reeve.h"
#include "proto/base.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

const char *path_sessions = "/run/user";
const char *path_system = "/run/reeve/reeve.sock";

static int format_path(char *ret, size_t bytes, const char *folder,
		       const char *name)
{
	int n = snprintf(ret, bytes, "%s%s", folder, name);

	if (n < 0 || (size_t)n >= bytes)
		return REEVE_E_INVALID;
	return 0;
}

static bool is_own_folder(const char *path)
{
	struct stat facts;

	return lstat(path, &facts) == 0 && S_ISDIR(facts.st_mode) &&
	       facts.st_uid == geteuid();
}

/*
 * Below /tmp anybody may have made the folder before us, to give us answers of
 * their own: it must be ours and closed to others, and no link. One that does
 * not exist yet is made by the daemon.
 */
static int check_folder(const char *path)
{
	struct stat facts;

	if (lstat(path, &facts) != 0)
		return errno == ENOENT ? 0 : REEVE_E_SYSTEM;
	if (!S_ISDIR(facts.st_mode) || facts.st_uid != geteuid() ||
	    (facts.st_mode & 022))
		return REEVE_E_SYSTEM;
	return 0;
}

bool path_answers(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	bool answers;
	int fd;

	if (format_path(address.sun_path, sizeof(address.sun_path), path, ""))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	/* EAGAIN: so many connect at once that it has to wait. */
	answers = connect(fd, (struct sockaddr *)&address, sizeof(address)) ==
			  0 ||
		  errno == EAGAIN;
	close(fd);
	return answers;
}

/*
 * Where a session of this user has its folder, and where who has no session (a
 * job of cron) looks. What was started in the one is to be found in the other.
 *
 * @ret_other:	the one of the two that is not @ret; "": none, as the folder was
 *		named by somebody
 */
static int user_folder(char *ret, size_t bytes, char *ret_other)
{
	const char *runtime = getenv("REEVE_RUNTIME_DIR");
	char plain[64], session[200];

	ret_other[0] = '\0';
	if (runtime && runtime[0])
		return format_path(ret, bytes, runtime, "");
	snprintf(plain, sizeof(plain), "%s/reeve-%lu",
		 geteuid() == 0 ? "/run" : "/tmp", (unsigned long)geteuid());
	snprintf(session, sizeof(session), "%s/%lu", path_sessions,
		 (unsigned long)geteuid());
	runtime = getenv("XDG_RUNTIME_DIR");
	if (runtime && runtime[0] == '/' && is_own_folder(runtime)) {
		if (strcmp(runtime, session) == 0)
			(void)format_path(ret_other, bytes, plain, "");
		return format_path(ret, bytes, runtime, "/reeve");
	}
	if (is_own_folder(session))
		(void)format_path(ret_other, bytes, session, "/reeve");
	return format_path(ret, bytes, plain, "");
}

/* The system's daemon takes root, and the user that it runs as: who is sent
 * there without being either has no daemon, and cannot start one. */
static bool serves_us(const char *path)
{
	struct stat facts;

	return stat(path, &facts) == 0 &&
	       (geteuid() == 0 || facts.st_uid == geteuid());
}

/* The daemon is not in the folder where it belongs, but in the other one. */
static bool is_elsewhere(const char *path, const char *other, char *ret,
			 size_t bytes)
{
	return other[0] && check_folder(other) == 0 &&
	       format_path(ret, bytes, other, "/reeve.sock") == 0 &&
	       access(ret, F_OK) == 0 && !path_answers(path) &&
	       path_answers(ret);
}

int reeve_socket_path(char *ret, size_t bytes, enum reeve_scope *ret_scope)
{
	const char *given = getenv("REEVE_SOCKET");
	enum reeve_scope scope = REEVE_SCOPE_USER;
	char folder[256], other[256], found[108];
	int result;

	if (given && given[0]) {
		if (ret_scope)
			*ret_scope = REEVE_SCOPE_EXPLICIT;
		return format_path(ret, bytes, given, "");
	}

	result = user_folder(folder, sizeof(folder), other);
	if (result != 0)
		return result;
	result = check_folder(folder);
	if (result != 0) {
		(void)format_path(ret, bytes, folder, "");
		return result;
	}
	result = format_path(ret, bytes, folder, "/reeve.sock");
	if (result != 0)
		return result;
	if (is_elsewhere(ret, other, found, sizeof(found))) {
		result = format_path(ret, bytes, found, "");
		if (result != 0)
			return result;
	}
	if (access(ret, F_OK) != 0 && serves_us(path_system)) {
		scope = REEVE_SCOPE_SYSTEM;
		result = format_path(ret, bytes, path_system, "");
		if (result != 0)
			return result;
	}
	if (ret_scope)
		*ret_scope = scope;
	return 0;
}
