#pragma once

/*
 * Supervisor: owns the lock, the sockets and the children. It starts the broker
 * and the workers, replaces what dies, ends what nobody announced, and reaps
 * everything. It reads nothing that a client sent, and opens no database.
 *
 *	STARTING --the broker says READY--> SERVING --SIGTERM, SHUTDOWN-->
 *	STOPPING --the broker has gone--> exit
 */

#include "daemon/config/settings.h"

/* Exit status, as s6 has it: whose fault it was. */
enum {
	SUPERVISOR_EXIT_CALLER = 100, /* flags, folders, another daemon */
	SUPERVISOR_EXIT_GONE = 101,   /* its state was taken away */
	SUPERVISOR_EXIT_SYSTEM = 111, /* the machine refused something */
};

/**
 * supervisor_main() - the role without a name: start, serve, stop
 * @settings:	loaded as @ask says, which says how to load them again; both
 *		live as long as the process
 *
 * Return: the exit status: 0, or one of the above.
 */
int supervisor_main(const struct settings *settings,
		    const struct settings_ask *ask);
