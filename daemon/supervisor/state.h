#pragma once

/*
 * The supervisor's whole state, shared by the parts of its loop. Not for the
 * modules below it, which know only their own struct.
 */

#include "daemon/config/settings.h"
#include "daemon/supervisor/birth.h"
#include "daemon/supervisor/broker_child.h"
#include "daemon/supervisor/cgroup_tree.h"
#include "daemon/supervisor/listen.h"
#include "daemon/supervisor/notify.h"
#include "daemon/supervisor/orphans.h"
#include "daemon/supervisor/pool_set.h"
#include "daemon/supervisor/unready.h"

enum supervisor_state {
	SUPERVISOR_SERVING,
	SUPERVISOR_STOPPING, /* the broker commits and leaves */
	SUPERVISOR_KILLING,  /* STOP_KILL: until the last process is gone */
	SUPERVISOR_DONE,
};

struct supervisor {
	const struct config *config; /* in force: `now` */
	struct config now;
	const struct settings *first; /* of the start */
	struct settings *last;	      /* of the last reload; NULL: none yet */
	const struct settings_ask *ask;
	enum supervisor_state state;
	enum channel_stop stop;
	int exit_status;
	int lock, runtime_lock; /* descriptors */
	int signals;		/* signalfd */
	int ready;		/* of spawn_detached(); -1 */
	uint64_t nofile;	/* soft limit that jobs get; 0: unknown */
	struct notify notify;
	struct listen listen;
	struct cgroup_tree tree;
	struct orphans orphans;
	struct pool_set pools;
	struct birth birth;
	struct unready unready;
	struct broker_child broker;
	char **flags; /* of the roles */
	const char *broker_program;
	bool ever_ready;
	/* Monotonic; 0: not wanted. */
	int64_t serving_ns; /* since when the broker listens to workers */
	int64_t broker_start_ns, stop_deadline_ns, hunt_ns, sweep_ns;
	int64_t listen_check_ns, lock_check_ns, watchdog_ns, pool_wake_ns,
		last_turn_ns;
};

/**
 * start_up() - everything up to the loop: folders, locks, sockets, cgroups
 *
 * Return: 0; 1 when this process is to leave with @exit_status, because it
 *         could not start (that was told on standard error) or because the
 *         daemon goes on in another process.
 */
must_check int start_up(struct supervisor *supervisor,
			const struct settings *settings,
			const struct settings_ask *ask);

/** start_down() - the reverse; the children are not touched */
void start_down(struct supervisor *supervisor);

/** deaths_take() - reap all that ended, replace nothing, end orphans */
void deaths_take(struct supervisor *supervisor, int64_t now_ns);

/** deaths_hunt() - end the children that nobody announced
 * @spare:	those that came since are to live
 */
void deaths_hunt(struct supervisor *supervisor, bool spare, int64_t now_ns);

/** deaths_sweep() - remove the cgroups that nobody needs any more */
void deaths_sweep(struct supervisor *supervisor, int64_t now_ns);

/** deaths_worker() - a worker was reaped; true if what it left may live */
bool deaths_worker(struct supervisor *supervisor, struct pool *pool,
		   struct pool_worker *worker, const struct reap_end *end,
		   int64_t now_ns);

/** deaths_drop_folder() - its worker is not, or not any more */
void deaths_drop_folder(struct supervisor *supervisor, const char *name,
			bool keep, int64_t now_ns);

/** deaths_end_worker() - SIGKILL to a worker and all of its job */
void deaths_end_worker(struct supervisor *supervisor,
		       const struct pool_worker *worker);

/** stop_begin() - from now on nothing is replaced, and the broker leaves */
void stop_begin(struct supervisor *supervisor, enum channel_stop stop,
		int64_t now_ns);

/** stop_for() - stop, because serving on would do harm: @exit_status says why */
void stop_for(struct supervisor *supervisor, int exit_status, int64_t now_ns);

/** stop_turn() - what a stop waits for, once a turn of the loop */
void stop_turn(struct supervisor *supervisor, int64_t now_ns);

/**
 * reload_run() - read the configuration again: all of it holds then, or nothing
 * @message:	the CHANNEL_RELOAD to answer; NULL: a signal, only logged
 */
void reload_run(struct supervisor *supervisor,
		const struct channel_message *message, int64_t now_ns);

/** reload_warn() - log what does not work as things are now */
void reload_warn(const struct settings *settings);

/** reload_tell() - a new broker is told what is in force, and from where */
void reload_tell(struct supervisor *supervisor, int64_t now_ns);

/** reload_tell_pools() - the list of the pools that are served from now on */
void reload_tell_pools(struct supervisor *supervisor, int64_t now_ns);
