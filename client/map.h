#pragma once

/* Map: what one `reeve map` counts, and what it says in the end. */

#include "client/flight.h"
#include "client/glance.h"
#include "client/group_hold.h"
#include "client/job_args.h"
#include "client/pattern.h"
#include "client/source.h"

#define MAP_FAILURES 10	    /* named in the summary */
#define MAP_SHARE_LEAST 100 /* ended, before a share of them counts */
#define MAP_CHUNK 500	    /* jobs in a call */
#define MAP_INTERRUPTED "reeve map was interrupted" /* why they are cancelled */

struct map_options {
	struct job_args job;
	struct callback_args all; /* of the group */
	int64_t jobs;		  /* 0: no limit */
	int64_t again;		  /* --retry-failed: the group; 0: none */
	struct arg_list files;	  /* of items; more than one is refused */
	const char *jobs_text, *again_text; /* to be read: map_args_read() */
	const char *max_fail, *column_end, *mark;
	bool null, keep_order, no_output, prefix, dry_run, json_lines;
};

struct map_failure {
	int64_t id; /* 0: was refused */
	char *item; /* owned */
	char *why;  /* owned */
};

struct map {
	struct tool *tool;
	struct map_options *options;
	struct lists lists;
	struct source source;
	struct pattern pattern;
	struct reeve_spec defaults;
	struct flight flight;
	struct progress progress;
	struct glance glance;
	int64_t group;
	struct group_hold hold;
	size_t chunk;	      /* most in the next call */
	int64_t most_failed;  /* stop at so many; 0: no limit */
	bool most_is_percent; /* most_failed is one, of all or of those ended */
	char *cursor;	      /* owned; where --retry-failed goes on */
	bool all_read;	      /* the source has ended */
	bool stopping;	      /* nothing new is submitted */
	bool closed;	      /* nobody reads our output */
	int unwritten;	      /* exit code: it cannot be written */
	int interrupted;      /* the signal; 0: none */
	volatile sig_atomic_t *signal;
	/* How they ended. */
	int64_t succeeded, failed, cancelled;
	struct map_failure failures[MAP_FAILURES];
	size_t failure_count;
};

/** map_put_result() - a handler's, a line of stdout; false: errno says why not */
bool map_put_result(const struct map *map, const char *result,
		    const char *item);

/** map_too_long() - say that of an item. Return: the exit code */
must_check int map_too_long(const struct map *map);

/** map_group() - the parameters of OpenGroup; 0, or the exit code, said */
must_check int map_group(struct map *map, struct json_out *out);
/** map_open_group() - held until we end. Return: 0, or the exit code, said */
must_check int map_open_group(struct map *map);
/** map_close_group() - there will be no more; what fails is said */
void map_close_group(struct map *map);

/** map_is_enough() - so many have failed that the rest is to be cancelled */
bool map_is_enough(const struct map *map);

/** map_line() - with --json: a line of an end; false: nobody reads any more */
must_check bool map_line(const struct map *map, const struct reeve_job *job,
			 const char *item);

/** map_count() - one has ended */
void map_count(struct map *map, const struct reeve_job *job, const char *item);

/** map_refuse() - one could not even be submitted */
void map_refuse(struct map *map, const char *item, const char *why);

/** map_interrupted() - a signal came: it is taken, and said
 *
 * Return: true: what is left is to be cancelled. */
must_check bool map_interrupted(struct map *map);

/** map_summary() - counts, time, what failed; Return: the exit code */
must_check int map_summary(const struct map *map);

/** map_draw() - the line of progress, with what running jobs say of themselves */
void map_draw(struct map *map);

/** map_fini() - free what it holds */
void map_fini(struct map *map);

/** map_open_source() - where the items come from
 * @lists:	behind the command, from the first ::: on; NULL: none
 * Return: 0, or the exit code, with the error said. */
must_check int map_open_source(struct map *map, char **lists, int count);

/** map_call() - the whole of it, with calls of a handler; the exit code */
must_check int map_call(struct map *map, int argc, char **argv);

/** map_dry_run() - print the commands, and submit nothing; the exit code */
must_check int map_dry_run(struct map *map);

/** map_again_begin() - look at the group of --retry-failed; 0, or the exit code,
 * with the error said */
must_check int map_again_begin(struct map *map);

/** map_again_some() - let up to @most of its failed jobs run again
 * Return: 0, or the exit code, with the error said. */
must_check int map_again_some(struct map *map, size_t most);
