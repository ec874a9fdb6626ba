#pragma once

/*
 * Configuration: one struct of resolved values, which every role has. Which
 * keys there are, their types, ranges and defaults: daemon/config/table. Where
 * the values come from: daemon/config/settings. The supervisor alone reads
 * files; it hands the values to the other roles as flags, so that ps shows
 * what a role began with.
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
	int64_t keep_jobs;	/* finished jobs kept at most; 0: no limit */
	int64_t keep_events_ms; /* events; 0: for ever */
	int64_t keep_events;	/* their count; 0: no limit */
	int64_t output_bytes;	/* of one attempt */
	/* Of a job that says nothing else. */
	int64_t timeout_ms;  /* 0: none */
	int64_t grace_ms;    /* TERM to KILL */
	int64_t crash_limit; /* lost attempts until it fails */
	int64_t stop_timeout_ms;
};

struct config_fault {
	char message[512]; /* what, why, what next */
};

enum {
	CONFIG_E_USAGE = 1, /* a value is bad, in a flag, a variable or a file:
			       settings say which */
	CONFIG_E_HELP,	    /* --help */
	CONFIG_E_VERSION,
	CONFIG_E_DIRECTORY, /* missing, not ours, or unfit: the fault says why */
};

/**
 * config_argv() - the flags that give another role this configuration
 * @ret_argv:	ends with NULL, without a program's name; one block to free()
 *
 * Return: 0 or -ENOMEM.
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
