#pragma once

/*
 * The handle of the SQLite engine. Only sqlite_*.c include this.
 *
 * What it remembers of the database (counters, lanes) changes after COMMIT
 * only: a transaction works on its own copy (struct txn, lane.add).
 */

#include "daemon/store/log_room.h"
#include "daemon/store/reserve.h"
#include "daemon/store/sqlite_event.h"
#include "daemon/store/sqlite_feed.h"
#include "daemon/store/sqlite_lane.h"
#include "daemon/store/sqlite_place.h"
#include "daemon/store/sqlite_recent.h"
#include "daemon/store/sqlite_row.h"
#include "daemon/store/sqlite_sql.h"
#include "daemon/store/tally.h"

#define STORE_FILE "jobs.db"
#define STORE_APPLICATION_ID 0x72656576 /* "reev" */
#define STORE_VERSION 8

/* The next number of each kind; the row of table meta. */
struct counters {
	int64_t job, seq, token, event, group, context;
};

struct store {
	struct sql sql;
	char *path; /* of the database */
	struct place place;
	bool reader;
	bool failed;	      /* an I/O error: good for store_close() only */
	struct counters next; /* committed */
	char identity[33];    /* hexadecimal; never changes */
	struct lanes lanes;
	struct reserve reserve;
	struct log_room log_room;
	int wal_pages;	      /* in the log after the last commit */
	int checkpoint_pages; /* so many are written back */
	int64_t next_due_ms;  /* committed; 0: none */
	int64_t limited;      /* queues with a max_length; committed */
	int64_t ruled;	      /* queues with callbacks; committed */
	int64_t owing;	      /* groups that owe callbacks; committed */
	int64_t purge_after;  /* where the purge goes on */
	int64_t empty_group_after;
	/* Scratch of transactions, kept to save allocations. */
	struct tally groups, contexts;
	struct tally taken; /* jobs whose outcome was accepted */
	struct event_pack events;
	struct feed feed;
	struct recent recent; /* rows of jobs that run */
};

/** group_read() - a row of table grp; @ret_found false: there is none */
must_check int group_read(struct sql *sql, struct arena *arena, int64_t id,
			  struct store_group *ret, bool *ret_found);
