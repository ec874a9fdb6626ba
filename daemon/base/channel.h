#pragma once

/*
 * The structs that supervisor and broker exchange over one SOCK_SEQPACKET pair,
 * one struct a packet, same build on both ends. Nothing that a client sent is
 * ever in them, except the pool names of the configuration.
 */

#include "proto/base.h"

#define CHANNEL_POOL_BYTES 64
#define CHANNEL_SECRET_BYTES 16
#define CHANNEL_REASON_BYTES 384
/* On a worker's cgroup folder: what is in it may live on without the worker. */
#define CHANNEL_KEPT_ATTRIBUTE "user.reeve.kept"

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
	/* supervisor -> broker */
	CHANNEL_HOST, /* what this machine allows: cgroups and why not */
	/* broker -> supervisor */
	CHANNEL_RELOAD, /* read the configuration; `stop` 1: only say it */
	/* supervisor -> broker */
	CHANNEL_TEXT,	  /* a piece of JSON, in `reason` */
	CHANNEL_CONFIG,	  /* the text so far is the reply to Config */
	CHANNEL_RELOADED, /* ... to the Reload `worker`; `status` 1: its error */
	CHANNEL_SETTING,  /* `value` of row `slot` of the table holds now */
	CHANNEL_POOLS, /* the text so far is the list of pools (pools_text) */
	CHANNEL_DEFAULTS, /* ... what jobs get by their queue (defaults_text) */
	CHANNEL_CALLBACKS, /* ... who is told of ends (callbacks_text) */
	/* broker -> supervisor */
	CHANNEL_SCALE,	/* so many workers of a pool are wanted: `value` */
	CHANNEL_RETIRE, /* this worker will leave: make its replacement now;
			   `value` 1: it gets none */
	CHANNEL_TERM,	/* SIGTERM to this worker */
	CHANNEL_READY_WORKER, /* it said ready, and what it serves is right */
	CHANNEL_RESIZE,	      /* pool_min, pool_max of a pool, until changed */
	CHANNEL_RECYCLE,      /* a pool is made anew: its generation grows */
};

/* Exit statuses that roles and supervisor understand, as in the manual. */
enum {
	CHANNEL_EXIT_CALLER = 100, /* another try ends the same way */
	CHANNEL_EXIT_GONE = 101,   /* what it wrote to was taken away */
	CHANNEL_EXIT_SYSTEM = 111, /* it may go well the next time */
};

enum channel_stop {
	STOP_LEAVE, /* running jobs are left to their workers */
	STOP_DRAIN, /* the broker has waited for them already */
	STOP_KILL,  /* the broker has ended them already */
};

struct channel_message {
	uint32_t kind;
	uint32_t stop;	/* SHUTDOWN, STOP_NOW */
	int64_t worker; /* supervisor's number: unique for ever, below 2^53;
			   of RELOAD and RELOADED: the broker's */
	int32_t slot;
	int32_t pid;
	int32_t parent;		  /* BORN: the supervisor's pid */
	int64_t start_ticks;	  /* field 22 of /proc/PID/stat */
	int32_t status;		  /* DIED: as waitpid() has it */
	int32_t starting;	  /* BEAT: 1 while recovery or migration runs */
	int64_t cpu_us, peak_kib; /* DIED */
	int32_t pool_number;	  /* BORN, POOL, SCALE, RESIZE, RECYCLE */
	int32_t pool_workers, pool_degraded; /* POOL: that live */
	int32_t pool_min, pool_max;	     /* RESIZE */
	int64_t pool_retry_ns;		     /* POOL: monotonic, 0: none */
	int64_t value; /* SETTING, SCALE, RETIRE; BORN, POOL: generation */
	char pool[CHANNEL_POOL_BYTES];	      /* terminated */
	uint8_t secret[CHANNEL_SECRET_BYTES]; /* BORN */
	char cgroup[32]; /* BORN: its folder below job/, "" without cgroups */
	int32_t cgroups; /* HOST: 1 when every job has a cgroup */
	/* HOST: why not; POOL: why degraded; KILL: why; terminated */
	char reason[CHANNEL_REASON_BYTES];
};

enum {
	CHANNEL_E_FULL = 1, /* the other end does not read: keep it */
	CHANNEL_E_EMPTY,    /* nothing there now */
	CHANNEL_E_END,	    /* the other end is gone */
	CHANNEL_E_FORM,	    /* a packet that is not one of ours: skipped */
};

/** channel_pair() - the two ends: non-blocking, close-on-exec */
must_check int channel_pair(int ret[2]);

/** channel_send() - 0, CHANNEL_E_FULL, CHANNEL_E_END or negative errno */
must_check int channel_send(int fd, const struct channel_message *message);

/**
 * channel_receive() - the next message, with its texts terminated
 *
 * Return: 0, CHANNEL_E_EMPTY, CHANNEL_E_END, CHANNEL_E_FORM or negative errno.
 */
must_check int channel_receive(int fd, struct channel_message *ret);
