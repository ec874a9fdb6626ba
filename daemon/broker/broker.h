#pragma once

/*
 * Broker: what clients and workers talk to. One event loop, one writer thread,
 * one reader thread. It forks nothing, and may be killed at any moment.
 */

#include "daemon/config/config.h"

/**
 * broker_main() - the role `reeved broker`
 *
 * Descriptors: 3 the supervisor's channel, 4 the workers' listening socket, 5
 * and up the clients' ones (REEVE_LISTEN says how many).
 *
 * Return: the exit status. 0 when the supervisor went away or said stop.
 */
int broker_main(const struct config *config);
