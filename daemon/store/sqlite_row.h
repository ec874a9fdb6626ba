#pragma once

/*
 * Rows of jobs: as the database has them (struct live), and as everybody else
 * sees them (struct store_row).
 */

#include "daemon/core/job.h"
#include "daemon/store/sqlite_feed.h"

/* job.flags, done.flags, attempt.flags. Stored: append, never renumber. */
enum {
	FLAG_ONCE = 1 << 0,
	FLAG_ORPHANS_KEEP = 1 << 1,
	FLAG_CANCEL_ASKED = 1 << 2,
	FLAG_CORE = 1 << 3,
	FLAG_OUTPUT_FILE = 1 << 4,
	FLAG_WORDS = 1 << 5,	/* it has a name, a key or tags */
	FLAG_RESULT = 1 << 6,	/* it has a row in table result */
	FLAG_ATTEMPTS = 1 << 7, /* it has rows in table attempt */
	FLAG_KEY = 1 << 8,	/* it has a row in table key */
	FLAG_BLOCKED = 1 << 9,	/* held, and waits for other jobs as well */
	FLAG_EXPIRE = 1 << 10,	/* it may not wait for ever */
	FLAG_RETRY = 1 << 11,	/* it has a rule in table extra ... */
	FLAG_UNIQUE = 1 << 12,	/* ... a word that no other live job has */
	FLAG_KEEP = 1 << 13,	/* ... its own time until the purge */
	FLAG_RETRIED = 1 << 14, /* ... its limits before a retry raised them */
	FLAG_CARRIED = 1 << 15, /* it was given descriptors ... */
	FLAG_STDOUT_GIVEN = 1 << 16, /* ... one to write to, */
	FLAG_STDERR_GIVEN = 1 << 17, /* ... or this one */
	FLAG_CALLBACKS = 1 << 18,    /* callbacks of its own in table extra */
	FLAG_FOLLOWS = 1 << 19, /* it is one itself; table extra has whose */
	FLAG_SHORT = 1 << 20,	/* its result is in its row of table done */
};
#define FLAGS_EXTRA                                                            \
	(FLAG_RETRY | FLAG_UNIQUE | FLAG_KEEP | FLAG_RETRIED |                 \
	 FLAG_CALLBACKS | FLAG_FOLLOWS)

/* A row of table job; in table done the first half has the same meaning. */
struct live {
	int64_t id;
	int64_t lane;
	struct job_facts facts;
	int32_t priority; /* higher first, as everywhere but in the table */
	int64_t seq;
	enum job_cause cause; /* of the last attempt that ended */
	uint32_t flags;
	uint32_t uid, gid;
	int64_t context, group;
	int64_t created_ms, started_ms;
	int64_t timeout_ms, grace_ms;
	int64_t worker, token;
	int64_t expire_ms; /* written with a new row, not read */
};

/* The columns LIVE: what a statement adds to them comes behind. */
#define LIVE_COLUMNS 12

/** live_feed() - a row of the feed for SQL_JOB_ADD, and its group behind it */
struct slice *live_feed(struct feed *feed, const struct live *live);
#define LIVE_FEED_GROUP 12

/** live_rest() - what of it is packed */
void live_rest(const struct live *live, int64_t ret[REST_OF_LIVE]);

/** live_read() - the columns LIVE of the current row; STORE_E_CORRUPT */
must_check int live_read(struct sql *sql, struct sqlite3_stmt *stmt,
			 struct live *ret);

/** live_get() - by id; @ret_found false: it is not live */
must_check int live_get(struct sql *sql, int64_t id, struct live *ret,
			bool *ret_found);

/** live_row() - what of it everybody may see; names and texts stay empty */
void live_row(const struct live *live, struct store_row *ret);

/**
 * finished_read() - the columns FINISHED of the current row
 * @ret_flags:	the row's flags, @ret_context its context
 */
must_check int finished_read(struct sql *sql, struct sqlite3_stmt *stmt,
			     struct store_row *ret, uint32_t *ret_flags,
			     int64_t *ret_context);

/** finished_live() - the same row, as the live job that it was */
must_check int finished_live(struct sql *sql, struct sqlite3_stmt *stmt,
			     struct live *ret);

/** finished_get() - both, by id; @ret_found false: it is not finished */
must_check int finished_get(struct sql *sql, int64_t id, struct store_row *ret,
			    struct live *ret_live, bool *ret_found);

/** finished_rest() - what is packed of @row, the end of what was @live */
void finished_rest(const struct live *live, const struct store_row *row,
		   int64_t ret[REST_OF_DONE]);

/** row_words() - name, key and tags from table body */
must_check int row_words(struct sql *sql, struct arena *arena,
			 struct store_row *row, bool with_spec);

/** row_follows() - of a callback: whose it is */
must_check int row_follows(struct sql *sql, struct store_row *row);

/** row_callbacks() - the jobs that follow it */
must_check int row_callbacks(struct sql *sql, struct arena *arena,
			     struct store_row *row);

/** row_short() - the result of a job that has FLAG_SHORT */
must_check int row_short(struct sql *sql, struct arena *arena,
			 struct store_row *row);

/** row_result() - reason, failure, result and, if asked, log */
must_check int row_result(struct sql *sql, struct arena *arena,
			  struct store_row *row, bool with_log);

/** row_attempt() - of a live job: the end of its last attempt */
must_check int row_attempt(struct sql *sql, struct arena *arena,
			   struct store_row *row, bool with_log);
