#pragma once

/* Map: what one `reeve map` counts, and what it says in the end. */

#include "client/flight.h"
#include "client/job_args.h"
#include "client/pattern.h"
#include "client/progress.h"
#include "client/source.h"

#define MAP_FAILURES 10 /* named in the summary */

struct map_options {
	struct job_args job;
	int64_t jobs, max_fail; /* 0: no limit */
	const char *file;
	bool null, keep_order, no_output;
};

struct map_failure {
	int64_t id; /* 0: was refused */
	char *item; /* owned */
	char *why;  /* owned */
};

struct map {
	struct tool *tool;
	struct map_options *options;
	struct source source;
	struct pattern pattern;
	struct reeve_spec defaults;
	struct flight flight;
	struct progress progress;
	int64_t group;
	size_t chunk;	 /* most in the next call */
	bool all_read;	 /* the source has ended */
	bool stopping;	 /* nothing new is submitted */
	bool closed;	 /* nobody reads our output */
	int interrupted; /* the signal; 0: none */
	volatile sig_atomic_t *signal;
	/* How they ended. */
	int64_t succeeded, failed, cancelled;
	struct map_failure failures[MAP_FAILURES];
	size_t failure_count;
};

/** map_count() - one has ended */
void map_count(struct map *map, const struct reeve_job *job, const char *item);

/** map_refuse() - one could not even be submitted */
void map_refuse(struct map *map, const char *item, const char *why);

/** map_summary() - counts, time, what failed; Return: the exit code */
must_check int map_summary(const struct map *map);

/** map_fini() - free what it holds */
void map_fini(struct map *map);
