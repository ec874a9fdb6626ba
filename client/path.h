#pragma once

#include <stdbool.h>

/*
 * Path: where the daemon of this user listens (reeve_socket_path()).
 */

/* The folder of the sessions' folders, "/run/user"; tests have their own. */
extern const char *path_sessions;

/* Where the daemon of the machine listens; tests have their own. */
extern const char *path_system;

/** path_answers() - does somebody listen there? */
bool path_answers(const char *path);
