#pragma once

/*
 * Configuration: one immutable struct, filled from defaults, environment and
 * flags. The supervisor reads it and hands the same flags to every role, so ps
 * shows what is in force.
 */

#include "daemon/base/log.h"
#include "proto/base.h"

#define CONFIG_PATH_BYTES 4096
#define CONFIG_WORKERS_MAX 4096

struct config {
	char state_dir
		[CONFIG_PATH_BYTES]; /* database, results/, output/, locks */
	char runtime_dir[CONFIG_PATH_BYTES]; /* sockets */
	char socket[CONFIG_PATH_BYTES];	     /* of clients */
	char worker_socket[CONFIG_PATH_BYTES];
	int workers; /* of the exec pool, 1 .. 4096 */
	enum log_level log_level;
	bool daemonize;
	bool cgroups;				   /* false: do not even try */
	int64_t keep_succeeded_ms, keep_failed_ms; /* retention; 0: for ever */
	int64_t keep_jobs;    /* finished jobs kept at most; 0: no limit */
	int64_t output_bytes; /* of one attempt */
	int64_t grace_ms;     /* TERM to KILL, default of a job */
	int stop_timeout_s;
};

struct config_fault {
	char message[512]; /* what, why, what next */
};

enum {
	CONFIG_E_USAGE = 1, /* a flag is unknown or has a bad value */
	CONFIG_E_HELP,	    /* --help: @ret_fault is not set */
	CONFIG_E_VERSION,
	CONFIG_E_DIRECTORY, /* missing, not ours, or unfit: the fault says why */
};

/**
 * config_parse() - defaults, then environment, then flags
 * @argv:	without the program's name and the role
 *
 * Defaults for a user: state in $XDG_STATE_HOME/reeve (~/.local/state/reeve),
 * sockets in $XDG_RUNTIME_DIR/reeve; where that is unset or of another owner a
 * 0700 folder of the uid: /run/reeve-UID for root, /tmp/reeve-UID otherwise.
 * $REEVE_STATE_DIR, $REEVE_RUNTIME_DIR and $REEVE_SOCKET come before these.
 * Every path is absolute afterwards, and the sockets' fit into a sun_path.
 */
must_check int config_parse(struct config *ret, int argc, char **argv,
			    struct config_fault *ret_fault);

/**
 * config_argv() - the flags that give another role this configuration
 * @ret_argv:	ends with NULL, without a program's name; one block to free()
 */
must_check int config_argv(const struct config *config, char ***ret_argv);

/**
 * config_directories() - make and check the folders
 *
 * 0700, owned by us, not a symlink, not on a network file system (named in the
 * fault). Makes state_dir, state_dir/results, state_dir/output, runtime_dir.
 */
must_check int config_directories(const struct config *config,
				  struct config_fault *ret_fault);

/** config_usage() - the text of --help */
const char *config_usage(void);
