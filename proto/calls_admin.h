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

struct call_shutdown {
	uint64_t has;
	int mode;
	int64_t timeout_ms;
};
enum { CALL_SHUTDOWN_mode, CALL_SHUTDOWN_timeout_ms };

/* Words of Shutdown's `mode`. */
enum call_shutdown_mode { SHUTDOWN_LEAVE, SHUTDOWN_DRAIN, SHUTDOWN_KILL };
