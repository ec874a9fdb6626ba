#pragma once

/* Handlers: what a worker of ours serves, as the supervisor told it. */

#include "proto/arena.h"

/**
 * handlers_read() - the names in REEVE_HANDLERS, separated by blanks
 * @arena:	takes them and the list
 *
 * Return: the list, NULL behind; NULL: no memory.
 */
const char *const *handlers_read(struct arena *arena);
