#pragma once

/*
 * Run plugin: the runner of handlers in C. A job runs in the main thread,
 * inside of `begin`, which returns with its end; meanwhile attend.h does what
 * else there is to do.
 */

#include "daemon/worker/attend.h"
#include "daemon/worker/plugin.h"
#include "daemon/worker/verdict.h"

/* How many jobs may wait behind the running one: transport, no more. */
#define RUN_PLUGIN_PREFETCH 1024
#define RUN_PLUGIN_NOTE_BYTES 1024

struct run_plugin {
	struct runner runner;
	const struct plugin *plugin; /* the caller's */
	struct attend *attend;	     /* the caller's */
	void *data;		     /* what init() left */
	struct verdict verdict;
	struct arena arena;   /* of the job */
	atomic_int cancelled; /* what reeve_cancelled() says */
	int64_t cpu_us;	      /* of the process, as last read ... */
	int64_t looked_ns;    /* ... then */

	/* Under the lock: the newest progress, which waits for its turn. */
	bool progress_waits;
	double fraction;
	char note[RUN_PLUGIN_NOTE_BYTES];
	size_t note_bytes;
	int64_t progress_ns; /* not before */
};

/**
 * run_plugin_init() - make ready for jobs
 * @attend:	not begun yet
 * @data:	of plugin_init()
 */
void run_plugin_init(struct run_plugin *run, const struct plugin *plugin,
		     struct attend *attend, void *data);
void run_plugin_fini(struct run_plugin *run);
