#pragma once

/*
 * The structs that supervisor and broker exchange over one SOCK_SEQPACKET pair,
 * one struct a packet, same build on both ends. Nothing that a client sent is
 * ever in them, except the pool names of the configuration.
 */

#include "proto/base.h"

#define CHANNEL_POOL_BYTES 64
#define CHANNEL_SECRET_BYTES 16

enum channel_kind {
	/* supervisor -> broker */
	CHANNEL_BORN =
		1,    /* a worker exists; repeated for all at broker start */
	CHANNEL_DIED, /* reaped: status and usage are final */
	CHANNEL_POOL, /* a pool's size, back-off and state changed */
	CHANNEL_STOP_NOW,  /* commit what is there, then exit */
	CHANNEL_ANNOUNCED, /* all BORN of the workers that live were sent */
	/* broker -> supervisor */
	CHANNEL_READY,	  /* serving: answer READY=1 to the service manager */
	CHANNEL_BEAT,	  /* a full loop turn, and progress of the writer */
	CHANNEL_KILL,	  /* end this worker and all of its job (SIGKILL) */
	CHANNEL_USEFUL,	  /* this worker finished a job: its account is clear */
	CHANNEL_SHUTDOWN, /* a client asked; `stop` says how */
};

enum channel_stop {
	STOP_LEAVE, /* running jobs are left to their workers */
	STOP_DRAIN, /* the broker has waited for them already */
	STOP_KILL,  /* the broker has ended them already */
};

struct channel_message {
	uint32_t kind;
	uint32_t stop;	/* SHUTDOWN, STOP_NOW */
	int64_t worker; /* supervisor's number: unique for ever, below 2^53 */
	int32_t slot;
	int32_t pid;
	int64_t start_ticks;	  /* field 22 of /proc/PID/stat */
	int32_t status;		  /* DIED: as waitpid() has it */
	int32_t starting;	  /* BEAT: 1 while recovery or migration runs */
	int64_t cpu_us, peak_kib; /* DIED */
	int32_t pool_workers, pool_degraded;  /* POOL */
	int64_t pool_retry_ns;		      /* POOL: monotonic, 0: none */
	char pool[CHANNEL_POOL_BYTES];	      /* terminated */
	uint8_t secret[CHANNEL_SECRET_BYTES]; /* BORN */
	char cgroup[32]; /* BORN: its folder below job/, "" without cgroups */
};
