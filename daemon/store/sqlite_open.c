/*
 * Opening and closing the database, and what makes it ours.
 *
 * A file is looked at with plain reads before SQLite sees it (sqlite_file.c),
 * so that a stranger's, a newer or a damaged one stays as it is.
 */

#include "daemon/store/sqlite_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/sqlite_entry.h"
#include "daemon/store/sqlite_file.h"
#include "daemon/store/sqlite_migrate.h"
#include "daemon/store/sqlite_wal.h"

#define BUSY_TIMEOUT_MS 5000
/* Pages that change with every batch go back once for many of them. 16 MiB. */
#define CHECKPOINT_PAGES 4000
#define LOG_PAGE_BYTES (24 + 4096) /* in the log, with its head */

/* Instructions of SQLite between two words that it goes on: far below 1 ms. */
#define ALIVE_STEPS 1000

/* The statements that every connection begins with. cache_size is in KiB: a
 * batch touches the ends of a few trees, so little is enough. The log is
 * checkpointed by sqlite_write.c, which looks at the result. secure_delete is
 * off by name, because Debian's build has it on. */
static const char common_setup[] = "PRAGMA trusted_schema = OFF;"
				   "PRAGMA cell_size_check = ON;"
				   "PRAGMA mmap_size = 0;"
				   "PRAGMA temp_store = MEMORY;"
				   "PRAGMA secure_delete = OFF;"
				   "PRAGMA foreign_keys = OFF;"
				   "PRAGMA recursive_triggers = OFF;"
				   "PRAGMA wal_autocheckpoint = 0;";
static const char writer_setup[] = "PRAGMA synchronous = FULL;"
				   "PRAGMA journal_size_limit = 67108864;"
				   "PRAGMA cache_size = -3072;";
static const char reader_setup[] = "PRAGMA query_only = ON;"
				   "PRAGMA cache_size = -1024;";

static int on_commit(void *context, sqlite3 *db, const char *name, int pages)
{
	struct store *store = context;

	(void)db;
	(void)name;
	store->wal_pages = pages;
	log_room_used(&store->log_room, (int64_t)pages * LOG_PAGE_BYTES);
	return SQLITE_OK;
}

static int exec(struct store *store, const char *text)
{
	int code = sqlite3_exec(store->sql.db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sql_error(&store->sql, code);
}

static int connect_to(struct store *store)
{
	int error = wal_init();
	int code;

	if (error)
		return error;
	code = sqlite3_open_v2(store->path, &store->sql.db,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
				       SQLITE_OPEN_NOFOLLOW |
				       SQLITE_OPEN_EXRESCODE,
			       store->reader ? NULL : WAL_VFS);
	if (!store->sql.db)
		return -ENOMEM;
	if (code != SQLITE_OK)
		return sql_error(&store->sql, code);
	/* Until all is known to be well, closing must not write. */
	sqlite3_db_config(store->sql.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
			  NULL);
	sqlite3_db_config(store->sql.db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(store->sql.db, BUSY_TIMEOUT_MS);
	error = exec(store, common_setup);
	if (error)
		return error;
	return exec(store, store->reader ? reader_setup : writer_setup);
}

static int load_meta(struct store *store)
{
	struct slice identity;
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(&store->sql, SQL_META_GET, &error);
	bool found;

	if (!stmt)
		return error;
	error = sql_row(&store->sql, stmt, &found);
	if (error)
		return error;
	if (!found)
		return sql_damaged(&store->sql, "table meta is empty");
	store->next = (struct counters){
		.job = sql_int(stmt, 0),
		.seq = sql_int(stmt, 1),
		.token = sql_int(stmt, 2),
		.event = sql_int(stmt, 3),
		.group = sql_int(stmt, 4),
		.context = sql_int(stmt, 5),
	};
	identity = sql_text(stmt, 6);
	if (identity.n == sizeof(store->identity) - 1)
		memcpy(store->identity, identity.p, identity.n);
	else
		error = sql_damaged(&store->sql, "table meta: no identity");
	sql_done(stmt);
	return error;
}

/* Every statement must fit the schema: a table that is not there is found
 * here and not in the middle of a batch. */
static int check_statements(struct store *store)
{
	for (int i = 0; i < SQL_COUNT; i++) {
		int error = 0;

		if (!sql_use(&store->sql, (enum sql_id)i, &error))
			return error;
	}
	/* Most are never used on this handle: prepare again on first use. */
	sql_fini(&store->sql);
	return 0;
}

/* What can only be read (a file system, the shared memory) is found here and
 * not by the first client. */
static int try_to_write(struct store *store)
{
	int error = sql_do(&store->sql, SQL_BEGIN, NULL, 0);

	return error ? error : sql_do(&store->sql, SQL_ROLLBACK, NULL, 0);
}

static int open_writer(struct store *store, const char *directory,
		       int64_t reserve_bytes)
{
	int error = feed_init(&store->feed, &store->sql);

	if (!error)
		error = recent_init(&store->recent);
	if (!error)
		error = load_meta(store);
	if (!error)
		error = sqlite_lanes_load(&store->lanes, &store->sql, true);
	if (!error)
		error = txn_due_next(&store->sql, &store->next_due_ms);
	if (!error)
		error = queue_limited(&store->sql, &store->limited);
	if (!error)
		error = sql_number(&store->sql, SQL_QUEUES_RULED,
				   &store->ruled);
	if (!error)
		error = sql_number(&store->sql, SQL_GROUPS_OWING,
				   &store->owing);
	if (!error)
		error = check_statements(store);
	if (!error)
		error = try_to_write(store);
	if (!error)
		error = reserve_init(&store->reserve, directory, reserve_bytes);
	if (error)
		return error;
	sqlite3_wal_hook(store->sql.db, on_commit, store);
	error = place_take(&store->place, store->path, store->sql.fault);
	if (!error)
		log_room_open(&store->log_room, store->place.log);
	return error;
}

/* 0: go on. */
static int on_progress(void *context)
{
	const struct store_config *config = context;

	config->alive(config->owner);
	return 0;
}

static int open_parts(struct store *store, const struct store_config *config)
{
	int error = 0;

	if (asprintf(&store->path, "%s/" STORE_FILE, config->directory) < 0) {
		store->path = NULL;
		return -ENOMEM;
	}
	store->sql.path = store->path;
	store->reader = config->reader;
	store->checkpoint_pages = CHECKPOINT_PAGES;

	if (!config->reader)
		error = file_prepare(config->directory, store->sql.fault);
	if (!error)
		error = connect_to(store);
	if (!error && config->alive)
		sqlite3_progress_handler(store->sql.db, ALIVE_STEPS,
					 on_progress, (void *)config);
	if (!error && !config->reader)
		error = migrate_to_ours(&store->sql);
	if (!error && !config->reader)
		error = open_writer(store, config->directory,
				    config->reserve_bytes);
	else if (!error)
		error = sqlite_lanes_load(&store->lanes, &store->sql, true);
	return error;
}

int store_open(struct store **ret, const struct store_config *config,
	       struct store_fault *ret_fault)
{
	AUTO(store_close) struct store *store = NULL;
	int error;

	/* Only counts bytes, under a lock that all threads share. Refused
	 * when somebody initialised SQLite before us: no harm. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	store->sql.fault = ret_fault;
	store->log_room.fd = -1;
	error = open_parts(store, config);
	if (error) {
		/* Closing must not write into what was just refused. */
		store->failed = true;
		return error;
	}
	sqlite3_progress_handler(store->sql.db, 0, NULL, NULL);
	store->sql.fault = NULL;
	*ret = TAKE(store);
	return 0;
}

const char *store_identity(const struct store *store)
{
	return store->identity;
}

int store_check(const struct store *store, struct store_fault *ret_fault)
{
	return place_check(&store->place, ret_fault);
}

bool store_log_short(const struct store *store)
{
	return log_room_short(&store->log_room);
}

void store_log_step(struct store *store)
{
	log_room_step(&store->log_room);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	sql_fini(&store->sql);
	/* SQLite removes the log by its name, whosever that is by now. */
	if (place_check(&store->place, NULL))
		store->failed = true;
	/* After an I/O error the log is the truth: leave it to recovery. */
	if (store->sql.db && !store->failed && !store->reader)
		sqlite3_db_config(store->sql.db,
				  SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	sqlite3_close(store->sql.db);
	feed_fini(&store->feed);
	recent_fini(&store->recent);
	sqlite_lanes_fini(&store->lanes);
	tally_fini(&store->groups);
	tally_fini(&store->contexts);
	tally_fini(&store->taken);
	event_pack_fini(&store->events);
	reserve_fini(&store->reserve);
	log_room_close(&store->log_room);
	place_fini(&store->place);
	free(store->path);
	free(store);
}
