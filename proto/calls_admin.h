#pragma once

/* Parameters of org.reeve.admin as the daemon reads them. */

#include "proto/calls.h"

struct call_ping {
	uint64_t has;
	struct slice payload;
};
enum { CALL_PING_payload };

struct call_hello {
	uint64_t has;
	struct slice client;
};
enum { CALL_HELLO_client };

struct call_reload {
	uint64_t has;
	bool dry_run;
};
enum { CALL_RELOAD_dry_run };

struct call_resize {
	uint64_t has;
	struct slice pool;
	int64_t min, max;
};
enum { CALL_RESIZE_pool, CALL_RESIZE_min, CALL_RESIZE_max };

struct call_recycle {
	uint64_t has;
	int64_t pid;
	struct slice pool;
};
enum { CALL_RECYCLE_pid, CALL_RECYCLE_pool };

struct call_drain_pool {
	uint64_t has;
	struct slice pool;
	bool enable;
};
enum { CALL_DRAIN_POOL_pool, CALL_DRAIN_POOL_enable };

struct call_shutdown {
	uint64_t has;
	int mode;
	int64_t timeout_ms;
};
enum { CALL_SHUTDOWN_mode, CALL_SHUTDOWN_timeout_ms };

/* Words of Shutdown's `mode`. */
enum call_shutdown_mode { SHUTDOWN_LEAVE, SHUTDOWN_DRAIN, SHUTDOWN_KILL };
