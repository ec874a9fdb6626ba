#pragma once

/*
 * Table: every key of the configuration, once. Flags, --help, the reader of
 * files, `Config` and the tests of etc/reeve.yaml and reeve.yaml(5) come from
 * its rows.
 */

#include "daemon/config/config.h"

enum table_key {
	TABLE_STATE_DIR,
	TABLE_KEEP_SUCCEEDED,
	TABLE_KEEP_FAILED,
	TABLE_KEEP_JOBS,
	TABLE_KEEP_EVENTS_AGE,
	TABLE_KEEP_EVENTS,
	TABLE_RUNTIME_DIR,
	TABLE_SOCKET,
	TABLE_WORKER_SOCKET,
	TABLE_OUTPUT_MAX,
	TABLE_TIMEOUT,
	TABLE_GRACE,
	TABLE_CRASH_LIMIT,
	TABLE_CGROUPS,
	TABLE_WORKERS,
	TABLE_LOG_LEVEL,
	TABLE_STOP_TIMEOUT,
	TABLE_KEYS,
};

enum table_kind {
	TABLE_PATH,	/* char[CONFIG_PATH_BYTES]; "": auto */
	TABLE_INT,	/* int */
	TABLE_COUNT,	/* int64_t; with K, M, G, T of 1000 */
	TABLE_BYTES,	/* int64_t; with K, M, G, T of 1024 */
	TABLE_DURATION, /* int64_t, milliseconds */
	TABLE_LEVEL,	/* enum log_level */
	TABLE_SWITCH,	/* bool: auto or off; its flag takes no value */
};

struct table_row {
	const char *key;      /* "store.keep.done" */
	const char *flag;     /* "--keep-succeeded" */
	const char *variable; /* of the environment; NULL: none */
	enum table_kind kind;
	size_t offset;	      /* in struct config */
	int64_t min, max;     /* of numbers, in their unit */
	const char *fallback; /* the default, as people write it */
	const char *word;     /* beside the numbers: "cpus"; NULL: none */
	bool live;	      /* a reload applies it; else a restart */
	const char *value;    /* "TIME", for --help; NULL: takes none */
	const char *help;     /* a few words; the default is put behind */
};

extern const struct table_row table_rows[TABLE_KEYS];

/** table_find() - the row of a key; NULL: there is none */
const struct table_row *table_find(struct slice key);

/** table_is_section() - is it the front of a key: "store", "store.keep"? */
bool table_is_section(struct slice path);

/**
 * table_child() - the @i-th different name directly below a section
 * @section:	"" is the top
 *
 * Return: the name, without what stands before and behind; p NULL behind the
 *         last.
 */
struct slice table_child(struct slice section, size_t i);

/** table_usage() - the text of --help; static */
const char *table_usage(void);
