/*
 * Where the daemon listens. The daemon's configuration decides the same way, so
 * that both meet without any settings.
 */

#include "client/reeve.h"
#include "proto/base.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_SOCKET "/run/reeve/reeve.sock"

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

static int user_folder(char *ret, size_t bytes)
{
	const char *runtime = getenv("REEVE_RUNTIME_DIR");
	char name[64];

	if (runtime && runtime[0])
		return format_path(ret, bytes, runtime, "");
	runtime = getenv("XDG_RUNTIME_DIR");
	if (runtime && runtime[0] == '/' && is_own_folder(runtime))
		return format_path(ret, bytes, runtime, "/reeve");
	snprintf(name, sizeof(name), "%s/reeve-%lu",
		 geteuid() == 0 ? "/run" : "/tmp", (unsigned long)geteuid());
	return format_path(ret, bytes, name, "");
}

int reeve_socket_path(char *ret, size_t bytes, enum reeve_scope *ret_scope)
{
	const char *given = getenv("REEVE_SOCKET");
	enum reeve_scope scope = REEVE_SCOPE_USER;
	char folder[256];
	int result;

	if (given && given[0]) {
		if (ret_scope)
			*ret_scope = REEVE_SCOPE_EXPLICIT;
		return format_path(ret, bytes, given, "");
	}

	result = user_folder(folder, sizeof(folder));
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
	if (access(ret, F_OK) != 0 && access(SYSTEM_SOCKET, F_OK) == 0) {
		scope = REEVE_SCOPE_SYSTEM;
		result = format_path(ret, bytes, SYSTEM_SOCKET, "");
		if (result != 0)
			return result;
	}
	if (ret_scope)
		*ret_scope = scope;
	return 0;
}
