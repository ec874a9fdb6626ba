#pragma once

/*
 * Settings: the configuration with the place where each value came from.
 * Layers, each outdoing those before it: the table's defaults,
 * /etc/reeve/reeve.yaml, /etc/reeve/conf.d/ *.yaml in the order of their names,
 * the user's file or the one of --config, the environment, flags.
 */

#include "daemon/config/defaults.h"
#include "daemon/config/named.h"
#include "daemon/config/pools.h"
#include "daemon/config/table.h"
#include "proto/json_out.h"

#define SETTINGS_FOLDER "/etc/reeve"
#define SETTINGS_FILES_MAX 66 /* the system's, 64 fragments, the user's */
#define SETTINGS_PROBLEMS_MAX 64
#define SETTINGS_ORIGIN_BYTES (CONFIG_PATH_BYTES + 16)

enum settings_layer {
	SETTINGS_DEFAULT,
	SETTINGS_SYSTEM,
	SETTINGS_FRAGMENT,
	SETTINGS_USER,
	SETTINGS_ENVIRONMENT,
	SETTINGS_FLAG,
};

struct settings_source {
	enum settings_layer layer;
	int file; /* index into files, in the layers that are files */
	int line;
};

struct settings_problem {
	int file;	  /* index into files; -1: a flag or a variable */
	int line, column; /* 0: the file as a whole */
	char message[400];
};

struct settings {
	struct config config;
	struct named named;	   /* keys below a name, as the files say */
	struct pools_config pools; /* beside exec; owned */
	struct defaults_config defaults; /* of jobs, by queue; owned */
	struct settings_source sources[TABLE_KEYS];
	char *files[SETTINGS_FILES_MAX]; /* owned; as read, those with problems
					    too */
	size_t file_count;
	/* Either count may be more than are kept. With a problem nothing of all
	 * this holds; a warning is of what cannot work as things are now. */
	struct settings_problem problems[SETTINGS_PROBLEMS_MAX];
	size_t problem_count;
	struct settings_problem warnings[SETTINGS_PROBLEMS_MAX];
	size_t warning_count;
	enum { SETTINGS_SERVE, SETTINGS_CHECK, SETTINGS_CHECK_JSON } task;
};

struct settings_ask {
	int argc;
	char **argv;	    /* without the program's name and the role */
	const char *here;   /* what relative paths begin with */
	const char *folder; /* SETTINGS_FOLDER; NULL: no file is read at all */
};

/**
 * settings_load() - read all layers
 * @ret_settings: to be freed, whatever the result but -ENOMEM
 *
 * Every path is absolute afterwards, and the sockets' fit into a sun_path. A
 * folder for sockets brings its own sockets, unless they are named in the same
 * layer or a higher one: in a job $REEVE_SOCKET is the daemon's above.
 *
 * Return: 0; CONFIG_E_USAGE with problems; CONFIG_E_HELP, CONFIG_E_VERSION;
 *         -ENOMEM.
 */
must_check int settings_load(struct settings **ret_settings,
			     const struct settings_ask *ask);

/** settings_free() - NULL is allowed */
void settings_free(struct settings *settings);
AUTO_DEFINE(struct settings *, settings_free)

/** settings_origin() - "default", "/etc/reeve/reeve.yaml:7", "--grace" */
void settings_origin(const struct settings *settings, enum table_key key,
		     char ret[SETTINGS_ORIGIN_BYTES]);

/** settings_layer_word() - "default", "system", ... */
const char *settings_layer_word(enum settings_layer layer);

/** settings_problem_text() - "FILE:LINE:COLUMN: message" */
void settings_problem_text(const struct settings *settings,
			   const struct settings_problem *problem, char *ret,
			   size_t bytes);
