#pragma once

/*
 * Place: where and how a command runs, decoded once from the context that the
 * broker sends ahead of the jobs that name it. Counted, because a job that
 * waits outlives the connection that brought its context.
 *
 * The environment is kept as execve() wants it, with room at its end for what
 * belongs to one job, so that a start copies nothing.
 */

#include <sys/queue.h>

#include "proto/arena.h"
#include "proto/base.h"

/* The broker resends a context when it has sent this many others since. */
#define PLACES_MAX 64
#define PLACE_ENV_SPARE 6 /* REEVE_JOB and the like */
/* Of whom a callback follows: REEVE_OF_JOB, REEVE_OF_STATE, ... */
#define COMMAND_OF "REEVE_OF_"
#define PLACE_LIMITS_MAX 9
#define PLACE_PATH "/usr/local/bin:/usr/bin:/bin"

struct place_limit {
	int resource;  /* RLIMIT_* */
	int64_t value; /* -1: unlimited */
};

struct place {
	TAILQ_ENTRY(place) link;
	struct arena arena; /* owns what follows */
	int references;
	int64_t id;
	const char *cwd;  /* never NULL */
	const char *path; /* PATH of its environment, or the default */
	char **env;	  /* env_count, PLACE_ENV_SPARE free slots, NULL */
	size_t env_count;
	int umask; /* -1: the default, 022 */
	int nice;
	bool has_nice;
	struct place_limit limits[PLACE_LIMITS_MAX];
	size_t limit_count;
	/* Not "": no job can start here, and this is why. */
	char fault[192];
};

TAILQ_HEAD(place_list, place);

/* The contexts of one connection, newest first. */
struct places {
	struct place_list list;
	size_t count;
};

/** places_init() - no context was sent yet */
void places_init(struct places *places);
/** places_fini() - forget them; jobs that wait keep theirs */
void places_fini(struct places *places);

/**
 * places_add() - decode a context and remember it; the oldest one may go
 * @value:	checked JSON; anything in it that cannot be had makes a place
 *		with a fault, so that its jobs fail with a reason
 *
 * Return: 0 or -ENOMEM.
 */
must_check int places_add(struct places *places, int64_t id,
			  struct slice value);

/** places_get() - a reference, NULL when there is no such context */
must_check struct place *places_get(struct places *places, int64_t id);

/** place_new() - a place of its own, with one reference; 0 or -ENOMEM */
must_check int place_new(struct place **ret, int64_t id, struct slice value);

/** place_unref() - NULL is allowed */
void place_unref(struct place *place);

/** place_limit_name() - of a resource in the table: "nofile" */
const char *place_limit_name(int resource);
