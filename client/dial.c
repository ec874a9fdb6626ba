/* Reaching the daemon, for the commands. */

#include "client/autostart.h"
#include "client/field.h"
#include "client/say.h"

#include <errno.h>
#include <stdio.h>

static int prepare(struct tool *tool)
{
	if (!tool->r)
		tool->r = reeve_new();
	return tool->r ? 0 : say_memory(tool);
}

/* Nobody listens: what can the user do about it? */
static int say_unreachable(struct tool *tool)
{
	const struct reeve_error *error = reeve_error(tool->r);

	if (error->code != REEVE_E_UNREACHABLE)
		return say_error(tool);
	return say_fail(tool, EXIT_UNREACHABLE,
			tool->socket ? "Is the path right?"
				     : "Start it: reeve daemon start",
			"%s", error->message);
}

int tool_connect_only(struct tool *tool)
{
	int result = prepare(tool);

	if (result != 0)
		return result;
	if (reeve_connect(tool->r, tool->socket) != 0)
		return say_unreachable(tool);
	return 0;
}

int tool_connect(struct tool *tool)
{
	enum reeve_scope scope;
	char path[108];
	int result = prepare(tool);

	if (result != 0)
		return result;
	result = reeve_connect(tool->r, tool->socket);
	if (result == 0)
		return 0;
	if (result != REEVE_E_UNREACHABLE || !autostart_wanted(tool) ||
	    reeve_socket_path(path, sizeof(path), &scope) != 0 ||
	    scope != REEVE_SCOPE_USER)
		return say_unreachable(tool);
	return autostart_run(tool);
}

int tool_daemon_pid(struct tool *tool)
{
	const char *reply;
	int64_t pid;

	if (reeve_call(tool->r, "org.reeve.admin.Status", NULL, &reply) != 0)
		return 0;
	pid = field_int(slice_of(reply), "pid");
	return pid > 0 && pid <= INT32_MAX ? (int)pid : 0;
}
