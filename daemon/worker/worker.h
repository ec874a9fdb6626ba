#pragma once

/*
 * Worker: takes one attempt after the other from the broker, runs it, reports
 * it, and keeps the report until it is settled. It outlives the broker, and the
 * supervisor as long as it has work.
 */

#include "daemon/base/config.h"

/* Exit status: the job before left processes that are to live on. */
#define WORKER_EXIT_KEPT 3

/**
 * worker_main() - the role `reeved worker`
 *
 * Descriptors: 3 the pipe with the supervisor's BORN message, 4 the folder of
 * the worker's cgroup, or closed.
 *
 * Return: the exit status: 0, or WORKER_EXIT_KEPT.
 */
int worker_main(const struct config *config);
