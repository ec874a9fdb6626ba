/* Reaching the daemon, for the commands. */

#include "client/autostart.h"
#include "client/effective.h"
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
static int say_unreachable(struct tool *tool, const char *hint)
{
	const struct reeve_error *error = reeve_error(tool->r);

	if (error->code != REEVE_E_UNREACHABLE)
		return say_error(tool);
	if (tool->socket)
		hint = "Is the path right?";
	return say_fail(tool, EXIT_UNREACHABLE,
			hint ? hint : "Start it: reeve daemon start", "%s",
			error->message);
}

static void ask_configured(struct tool *tool)
{
	struct effective effective;
	enum reeve_scope scope;
	char usual[108];

	tool->asked = true;
	if (reeve_socket_path(usual, sizeof(usual), &scope) != 0 ||
	    scope != REEVE_SCOPE_USER || !effective_load(&effective) ||
	    strcmp(effective.socket, usual) == 0 ||
	    strlen(effective.socket) >= sizeof(tool->configured))
		return;
	memcpy(tool->configured, effective.socket,
	       strlen(effective.socket) + 1);
}

int tool_reach(struct tool *tool)
{
	int result;

	if (tool->socket)
		return reeve_connect(tool->r, tool->socket);
	/* The usual place first: a service manager's socket is there. */
	result = reeve_connect(tool->r, NULL);
	if (result != REEVE_E_UNREACHABLE)
		return result;
	if (!tool->asked)
		ask_configured(tool);
	return tool->configured[0] ? reeve_connect(tool->r, tool->configured)
				   : result;
}

int tool_connect_only(struct tool *tool, const char *hint)
{
	int result = prepare(tool);

	if (result != 0)
		return result;
	if (tool_reach(tool) != 0)
		return say_unreachable(tool, hint);
	return 0;
}

int tool_connect(struct tool *tool)
{
	enum reeve_scope scope;
	char path[108];
	int result = prepare(tool);

	if (result != 0)
		return result;
	result = tool_reach(tool);
	if (result == 0)
		return 0;
	if (result != REEVE_E_UNREACHABLE || !autostart_wanted(tool) ||
	    reeve_socket_path(path, sizeof(path), &scope) != 0 ||
	    scope != REEVE_SCOPE_USER)
		return say_unreachable(tool, NULL);
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
