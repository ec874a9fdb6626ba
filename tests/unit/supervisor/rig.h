#pragma once

/*
 * Rig: a supervisor with fake roles in a temporary folder, and waiting for
 * what it logs. Nothing sleeps longer than its deadline.
 */

#include "proto/base.h"

#include <sys/types.h>

struct rig {
	char folder[64];
	char socket[108];
	pid_t pid; /* of the supervisor; 0: it has been taken */
};

/** rig_init() - the folder and a clean environment */
void rig_init(struct rig *rig);

/** rig_start() - start it; @flags may be NULL, else ends with NULL */
void rig_start(struct rig *rig, const char *const *flags);

/** rig_launch() - start one more, with its own log: its pid */
pid_t rig_launch(struct rig *rig, const char *const *flags, const char *log);

/** rig_await() - wait until a log says @text @times times: the rest of the
 * last such line, static; fails the test when 10 s pass
 */
const char *rig_await(const struct rig *rig, const char *log, const char *text,
		      int times);

/** rig_count() - how often a log says @text */
int rig_count(const struct rig *rig, const char *log, const char *text);

/** rig_order() - tell the fake broker what to do */
void rig_order(const struct rig *rig, const char *order);

/** rig_worker_pid() - the pid of the @nth worker that was started */
pid_t rig_worker_pid(const struct rig *rig, int nth);

/** rig_exit() - wait for the end of @pid: the status of waitpid() */
int rig_exit(pid_t pid);

/** rig_stop() - SIGTERM, and expect status 0 */
void rig_stop(struct rig *rig);

/** rig_all_ready() - wait until every worker that was born is ready */
void rig_all_ready(const struct rig *rig);

/** rig_gone() - wait until no process @pid is left */
void rig_gone(pid_t pid);

/** rig_fini() - remove the folder; ends the supervisor if it still runs */
void rig_fini(struct rig *rig);
