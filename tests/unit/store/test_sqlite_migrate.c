#include "daemon/store/sqlite_migrate.h"

#include <sqlite3.h>
#include <stdio.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

/* As if this program were three versions further. */
static const struct migrate_step later[] = {
	{STORE_VERSION, ""},
	{STORE_VERSION + 1,
	 "ALTER TABLE meta ADD COLUMN colour INTEGER NOT NULL DEFAULT 7;"
	 "CREATE TABLE crate (id INTEGER PRIMARY KEY, job INTEGER)"},
	{STORE_VERSION + 2, "INSERT INTO crate (job) SELECT id FROM job"},
	{STORE_VERSION + 3, "UPDATE meta SET colour = colour + 1"},
};

static int64_t ask(struct fixture *f, const char *text)
{
	sqlite3_stmt *stmt;
	int64_t value = -1;

	if (sqlite3_prepare_v2(f->store->sql.db, text, -1, &stmt, NULL) !=
	    SQLITE_OK)
		return -2;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static int step_to(struct fixture *f, const struct migrate_step *steps,
		   size_t count, int *ret_from)
{
	int error;

	f->store->sql.fault = &f->fault;
	error = migrate(&f->store->sql, steps, count, steps[count - 1].version,
			ret_from);
	f->store->sql.fault = NULL;
	return error;
}

static void some_jobs(struct fixture *f, int count)
{
	for (int i = 0; i < count; i++)
		fixture_submit(f, fixture_entry());
}

UNIT(an_older_one_takes_every_step_once_and_keeps_its_jobs)
{
	struct fixture *f = *state;
	int from;

	some_jobs(f, 5);
	assert_int_equal(step_to(f, later, 4, &from), 0);
	assert_int_equal(from, STORE_VERSION);
	assert_int_equal(ask(f, "PRAGMA user_version"), STORE_VERSION + 3);
	assert_int_equal(ask(f, "SELECT count(*) FROM crate"), 5);
	assert_int_equal(ask(f, "SELECT count(*) FROM job"), 5);
	assert_int_equal(ask(f, "SELECT colour FROM meta"), 8);
	assert_int_equal(step_to(f, later, 4, &from), 0);
	assert_int_equal(from, STORE_VERSION + 3);
	assert_int_equal(ask(f, "SELECT colour FROM meta"), 8);
}

UNIT(it_goes_on_from_where_an_earlier_version_stopped)
{
	struct fixture *f = *state;
	int from;

	some_jobs(f, 2);
	assert_int_equal(step_to(f, later, 2, &from), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM crate"), 0);
	assert_int_equal(step_to(f, later, 4, &from), 0);
	assert_int_equal(from, STORE_VERSION + 1);
	assert_int_equal(ask(f, "SELECT count(*) FROM crate"), 2);
}

UNIT(a_step_that_fails_takes_back_itself_and_nothing_else)
{
	static const struct migrate_step broken[] = {
		{STORE_VERSION, ""},
		{STORE_VERSION + 1, "CREATE TABLE first (id)"},
		{STORE_VERSION + 2,
		 "CREATE TABLE second (id); INSERT INTO nowhere VALUES (1)"},
		{STORE_VERSION + 3, "CREATE TABLE third (id)"},
	};
	struct fixture *f = *state;
	int from;

	some_jobs(f, 3);
	assert_int_equal(step_to(f, broken, 4, &from), STORE_E_CORRUPT);
	assert_non_null(strstr(f->fault.message, "nowhere"));
	assert_int_equal(ask(f, "PRAGMA user_version"), STORE_VERSION + 1);
	assert_int_equal(ask(f, "SELECT count(*) FROM first"), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM second"), -2);
	assert_int_equal(ask(f, "SELECT count(*) FROM third"), -2);
	assert_int_equal(ask(f, "SELECT count(*) FROM job"), 3);
}

/* The log has it, the file not yet: what a crash of a newer one leaves. */
UNIT(a_newer_one_is_refused_also_when_only_its_log_says_so)
{
	struct store_config config;
	struct fixture *f = *state;
	struct store *store = NULL;
	int from;

	config = (struct store_config){.directory = f->directory};
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      "PRAGMA user_version = 99", NULL, NULL,
				      NULL),
			 SQLITE_OK);
	assert_int_equal(step_to(f, later, 4, &from), STORE_E_NEWER);
	assert_int_equal(from, 99);
	assert_non_null(strstr(f->fault.message, "schema 99"));
	assert_int_equal(store_open(&store, &config, &f->fault), STORE_E_NEWER);
	assert_null(store);
	assert_non_null(strstr(f->fault.message, "schema 99"));
	assert_int_equal(ask(f, "PRAGMA user_version"), 99);
}

/* What the tables and indexes are, without how it was written. */
static char *shape_of(struct fixture *f)
{
	static const char query[] =
		"SELECT group_concat(line, '|') FROM (SELECT m.name || '.' || "
		"c.name || ' ' || c.type || c.pk || c.\"notnull\" AS line FROM "
		"sqlite_schema m JOIN pragma_table_info(m.name) c WHERE "
		"m.type = 'table' UNION ALL SELECT name || sql FROM "
		"sqlite_schema WHERE type = 'index' AND sql IS NOT NULL "
		"ORDER BY 1)";
	sqlite3_stmt *stmt;
	char *shape;

	assert_int_equal(
		sqlite3_prepare_v2(f->store->sql.db, query, -1, &stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	shape = strdup((const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	assert_non_null(shape);
	return shape;
}

/* Backwards from what this program makes. */
#define BEFORE_8                                                               \
	"DROP INDEX grp_tied; ALTER TABLE grp DROP COLUMN tie;"                \
	"ALTER TABLE grp RENAME COLUMN changed TO created;"
#define BEFORE_7 BEFORE_8 "ALTER TABLE meta DROP COLUMN identity;"
#define BEFORE_6                                                               \
	BEFORE_7                                                               \
	"DROP INDEX job_ready; DROP INDEX job_due; DROP INDEX job_running;"    \
	"DROP INDEX job_expire; DROP TABLE member;"                            \
	"CREATE TABLE old_job (id INTEGER PRIMARY KEY, lane INTEGER, state "   \
	"INTEGER, priority INTEGER, seq INTEGER, attempt INTEGER, "            \
	"max_attempts INTEGER, crashes INTEGER, crash_limit INTEGER, "         \
	"cause INTEGER, flags INTEGER, uid INTEGER, gid INTEGER, context "     \
	"INTEGER, grp INTEGER, created INTEGER, run_at INTEGER, started "      \
	"INTEGER, timeout INTEGER, grace INTEGER, worker INTEGER, token "      \
	"INTEGER, expire INTEGER);"                                            \
	"INSERT INTO old_job SELECT id, lane, state, priority, seq, attempt, " \
	"field(rest, 1), field(rest, 9), field(rest, 2), field(rest, 10), "    \
	"flags, field(rest, 4), field(rest, 5), field(rest, 6), "              \
	"field(rest, 7), field(rest, 0), run_at, started, field(rest, 8), "    \
	"field(rest, 3), worker, token, expire FROM job;"                      \
	"DROP TABLE job; ALTER TABLE old_job RENAME TO job;"                   \
	"CREATE INDEX job_ready ON job (lane, priority, seq) WHERE state = 3;" \
	"CREATE INDEX job_due ON job (run_at) WHERE state = 2;"                \
	"CREATE INDEX job_running ON job (worker) WHERE state = 4;"            \
	"CREATE INDEX job_grp ON job (grp) WHERE grp > 0;"                     \
	"CREATE INDEX job_expire ON job (expire) WHERE state < 4 AND "         \
	"expire > 0;"                                                          \
	"CREATE TABLE old_done (id INTEGER PRIMARY KEY, lane INTEGER, state "  \
	"INTEGER, cause INTEGER, priority INTEGER, attempt INTEGER, "          \
	"max_attempts INTEGER, crashes INTEGER, crash_limit INTEGER, flags "   \
	"INTEGER, uid INTEGER, gid INTEGER, context INTEGER, grp INTEGER, "    \
	"created INTEGER, run_at INTEGER, started INTEGER, finished INTEGER, " \
	"timeout INTEGER, grace INTEGER, exit_code INTEGER, signal INTEGER, "  \
	"cpu_us INTEGER, peak_kib INTEGER, stdout_bytes INTEGER, "             \
	"stderr_bytes INTEGER);"                                               \
	"INSERT INTO old_done SELECT id, lane, state, field(rest, 10), "       \
	"-field(rest, 11), field(rest, 12), field(rest, 1), field(rest, 9), "  \
	"field(rest, 2), flags, field(rest, 4), field(rest, 5), "              \
	"field(rest, 6), field(rest, 7), field(rest, 0), field(rest, 13), "    \
	"field(rest, 14) + field(rest, 0), field(rest, 15) + field(rest, 0), " \
	"field(rest, 8), field(rest, 3), field(rest, 16), field(rest, 17), "   \
	"field(rest, 18), field(rest, 19), field(rest, 20), field(rest, 21) "  \
	"FROM done;"                                                           \
	"DROP TABLE done; ALTER TABLE old_done RENAME TO done;"                \
	"CREATE INDEX done_grp ON done (grp) WHERE grp > 0;"
#define BEFORE_5                                                               \
	BEFORE_6                                                               \
	"DROP INDEX grp_owing; ALTER TABLE grp DROP COLUMN callbacks;"         \
	"ALTER TABLE grp DROP COLUMN told;"
#define BEFORE_5_OF_2                                                          \
	BEFORE_5 "DROP INDEX extra_follows;"                                   \
		 "ALTER TABLE extra DROP COLUMN callbacks;"                    \
		 "ALTER TABLE extra DROP COLUMN follows;"                      \
		 "ALTER TABLE extra DROP COLUMN follows_group;"                \
		 "ALTER TABLE queue DROP COLUMN callbacks;"

UNIT(a_database_of_version_1_is_like_a_new_one_and_goes_on)
{
	struct fixture *f = *state;
	char *fresh = shape_of(f), *migrated;
	struct store_entry entry = fixture_entry();
	struct store_batch batch;

	some_jobs(f, 3);
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      BEFORE_5
				      "DROP INDEX job_expire; DROP TABLE extra;"
				      "ALTER TABLE job DROP COLUMN expire;"
				      "DROP TABLE uniq; DROP TABLE queue;"
				      "DROP TABLE carried;"
				      "PRAGMA user_version = 1",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	fixture_reopen(f);
	migrated = shape_of(f);
	assert_string_equal(migrated, fresh);
	free(migrated);
	free(fresh);
	entry.expire_ms = 1000;
	entry.unique = SLICE("w");
	entry.descriptors = entry.once = true;
	assert_int_equal(fixture_submit(f, entry), 4);
	f->now_ms = NOW + 2000;
	batch = fixture_batch(f);
	batch.promote_max = 10;
	fixture_write(f, &batch);
	assert_int_equal(batch.ended_count, 1);
	fixture_verify(f);
}

static void count(void *owner)
{
	++*(int *)owner;
}

/* The index of a step is made of all jobs: as many words as there are jobs. */
UNIT(who_waits_for_a_long_step_hears_that_it_goes_on)
{
	struct fixture *f = *state;
	static struct store_entry entries[4000];
	struct store_batch batch = fixture_batch(f);
	struct store_config config = {
		.directory = f->directory,
		.alive = count,
	};
	int heard = 0, before;

	for (size_t i = 0; i < ARRAY_COUNT(entries); i++)
		entries[i] = fixture_entry();
	batch.entries = entries;
	batch.entry_count = ARRAY_COUNT(entries);
	fixture_write(f, &batch);
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      BEFORE_5
				      "DROP INDEX job_expire; DROP TABLE extra;"
				      "ALTER TABLE job DROP COLUMN expire;"
				      "DROP TABLE uniq; DROP TABLE queue;"
				      "DROP TABLE carried;"
				      "PRAGMA user_version = 1",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	store_close(TAKE(f->store));
	config.owner = &heard;
	assert_int_equal(store_open(&f->store, &config, &f->fault), 0);
	assert_in_range(heard, 4, 4000);
	/* Only while it opens. */
	before = heard;
	assert_int_equal(ask(f, "SELECT count(*) FROM job WHERE id > 0"), 4000);
	assert_int_equal(heard, before);
}

UNIT(a_database_of_version_2_learns_of_descriptors)
{
	struct fixture *f = *state;
	char *fresh = shape_of(f), *migrated;
	struct store_entry entry = fixture_entry();

	some_jobs(f, 2);
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      "DROP TABLE carried;" BEFORE_5_OF_2
				      "PRAGMA user_version = 2",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	fixture_reopen(f);
	migrated = shape_of(f);
	assert_string_equal(migrated, fresh);
	free(migrated);
	free(fresh);
	entry.descriptors = entry.once = true;
	assert_int_equal(fixture_submit(f, entry), 3);
	assert_int_equal(ask(f, "SELECT id FROM carried"), 3);
	fixture_verify(f);
}

/* Packed without lane and group: nobody can read them any more. */
UNIT(a_database_of_version_3_drops_its_events_and_keeps_their_numbers)
{
	struct fixture *f = *state;
	struct store_history history;
	char *fresh = shape_of(f), *migrated;
	struct store_batch batch;

	some_jobs(f, 4);
	assert_int_equal(
		sqlite3_exec(
			f->store->sql.db,
			"UPDATE event SET packed = x'00000200';" BEFORE_5_OF_2
			"PRAGMA user_version = 3",
			NULL, NULL, NULL),
		SQLITE_OK);
	fixture_reopen(f);
	migrated = shape_of(f);
	assert_string_equal(migrated, fresh);
	free(migrated);
	free(fresh);
	assert_int_equal(ask(f, "SELECT count(*) FROM event"), 0);
	assert_int_equal(ask(f, "SELECT count(*) FROM job"), 4);
	fixture_verify(f);
	assert_int_equal(
		store_events(fixture_reader(f), 1, 10, NULL, NULL, &history),
		0);
	assert_int_equal(history.oldest, 5);
	assert_int_equal(history.head, 5);
	batch = fixture_batch(f);
	batch.entries = (struct store_entry[]){fixture_entry()};
	batch.entry_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(batch.first_event, 5);
	fixture_verify(f);
}

UNIT(a_database_of_version_4_learns_of_callbacks)
{
	struct fixture *f = *state;
	char *fresh = shape_of(f), *migrated;
	struct store_entry entry = fixture_entry();
	struct store_queue queue = {.name = SLICE("default"), .paused = true};
	struct store_group_op op = {.kind = STORE_GROUP_OPEN};
	struct store_batch batch = fixture_batch(f);
	int64_t job;

	entry.unique = SLICE("w");
	job = fixture_submit(f, entry);
	batch.queues = &queue;
	batch.queue_count = 1;
	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      BEFORE_5_OF_2 "PRAGMA user_version = 4",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	fixture_reopen(f);
	migrated = shape_of(f);
	assert_string_equal(migrated, fresh);
	free(migrated);
	free(fresh);
	fixture_verify(f);
	/* What was there owes nothing. */
	op.kind = STORE_GROUP_CLOSE;
	batch = fixture_batch(f);
	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	fixture_steer(f, STORE_CANCEL, &job, 1);
	entry.callbacks = SLICE("{}");
	assert_int_equal(fixture_submit(f, entry), job + 1);
	fixture_verify(f);
}

/* Fifteen jobs: in lanes, contexts and two groups that take turns; of them some
 * wait, run, ended, were tried before. */
static void all_kinds(struct fixture *f)
{
	struct store_context context = {.text = SLICE("{\"cwd\":\"/\"}")};
	struct store_group_op ops[] = {{.kind = STORE_GROUP_OPEN},
				       {.kind = STORE_GROUP_OPEN}};
	struct store_entry entries[15];
	struct store_outcome outcomes[5];
	struct store_claim *claims;
	struct store_batch batch = fixture_batch(f);

	batch.groups = ops;
	batch.group_count = 2;
	fixture_write(f, &batch);
	for (int i = 0; i < 15; i++) {
		entries[i] = fixture_entry();
		entries[i].context = i % 3 ? 0 : UINT32_MAX;
		entries[i].group = i < 12 ? ops[i / 2 % 2].id : 0;
		entries[i].max_attempts = 1 + (uint32_t)i % 3;
		entries[i].timeout_ms = i;
		entries[i].priority = -(i / 6);
	}
	entries[10].hold = true;
	entries[11].run_at_ms = NOW + 50000;
	entries[12].expire_ms = 60000;
	batch = fixture_batch(f);
	batch.contexts = &context;
	batch.context_count = 1;
	batch.entries = entries;
	batch.entry_count = 15;
	fixture_write(f, &batch);
	assert_int_equal(fixture_claim(f, 7, &claims), 7);
	for (int i = 0; i < 5; i++)
		outcomes[i] = (struct store_outcome){
			.job = claims[i].job,
			.token = claims[i].token,
			.kind = i % 2 ? STORE_FAILED_ATTEMPT : STORE_SUCCEEDED,
			.cause = i % 2 ? CAUSE_SIGNAL : CAUSE_NONE,
			.exit_code = i % 2 ? -1 : 0,
			.signal = i % 2 ? 9 : 0,
			.cpu_us = 1000 * i,
			.peak_kib = 5 * i,
			.stdout_bytes = i,
			.log = SLICE("text"),
			.result = i ? SLICE("17") : (struct slice){0},
		};
	batch = fixture_batch(f);
	batch.outcomes = outcomes;
	batch.outcome_count = 5;
	fixture_write(f, &batch);
}

/* What the reader says of every job, and of each group's, in words. */
static char *told_of(struct fixture *f)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	for (int64_t group = 0; group <= 2; group++) {
		const struct store_filter filter = {.group = group};
		struct store_row *rows;
		size_t count;
		int64_t next;

		assert_int_equal(store_list(fixture_reader(f), &f->arena,
					    &filter, 0, group == 1, true, 100,
					    &rows, &count, &next),
				 0);
		for (size_t i = 0; i < count; i++) {
			const struct store_row *row = &rows[i];
			const int64_t facts[] = {
				row->id,
				row->state,
				row->cause,
				row->lane,
				row->priority,
				row->attempt,
				row->max_attempts,
				row->crashes,
				row->uid,
				row->group,
				row->created_ms,
				row->run_at_ms,
				row->started_ms,
				row->finished_ms,
				row->worker,
				row->exit_code,
				row->signal,
				row->cpu_us,
				row->peak_kib,
				row->stdout_bytes,
				row->stderr_bytes,
				(int64_t)row->log.n,
				(int64_t)row->spec.n,
			};

			for (size_t j = 0; j < ARRAY_COUNT(facts); j++)
				fprintf(out, "%lld ", (long long)facts[j]);
			fprintf(out, "\n");
		}
	}
	fclose(out);
	return text;
}

UNIT(a_database_of_version_5_packs_its_rows)
{
	struct fixture *f = *state;
	char *fresh = shape_of(f), *migrated;
	struct store_spec spec, after;
	struct store_claim *claims;
	char *before;

	all_kinds(f);
	before = told_of(f);
	assert_int_equal(
		store_get_spec(fixture_reader(f), &f->arena, 13, &spec), 0);
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      BEFORE_6 "PRAGMA user_version = 5", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	fixture_reopen(f);
	migrated = shape_of(f);
	assert_string_equal(migrated, fresh);
	free(migrated);
	free(fresh);
	fixture_verify(f);
	migrated = told_of(f);
	assert_string_equal(migrated, before);
	free(migrated);
	free(before);
	assert_int_equal(
		store_get_spec(fixture_reader(f), &f->arena, 13, &after), 0);
	assert_int_equal(spec.expire_ms, 60000);
	assert_int_equal(after.expire_ms, spec.expire_ms);
	assert_int_equal(after.timeout_ms, spec.timeout_ms);
	assert_int_equal(after.grace_ms, spec.grace_ms);
	assert_int_equal(after.crash_limit, spec.crash_limit);
	/* Six pairs in turns; of two of them one job is finished. */
	assert_int_equal(ask(f, "SELECT count(*) FROM member"), 8);
	assert_int_equal(fixture_claim(f, 100, &claims), 7);
	fixture_verify(f);
}

UNIT(a_database_of_version_6_gets_an_identity_and_keeps_it)
{
	struct fixture *f = *state;
	char *fresh = shape_of(f), *migrated;
	char before[33], after[33];

	some_jobs(f, 2);
	strcpy(before, store_identity(f->store));
	fixture_reopen(f);
	assert_string_equal(store_identity(f->store), before);
	assert_int_equal(sqlite3_exec(f->store->sql.db,
				      BEFORE_7 "PRAGMA user_version = 6", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	fixture_reopen(f);
	migrated = shape_of(f);
	assert_string_equal(migrated, fresh);
	free(migrated);
	free(fresh);
	strcpy(after, store_identity(f->store));
	assert_int_equal(strspn(after, "0123456789abcdef"), 32);
	assert_string_not_equal(after, before);
	fixture_reopen(f);
	assert_string_equal(store_identity(f->store), after);
	/* Commits leave it alone. */
	some_jobs(f, 2);
	fixture_reopen(f);
	assert_string_equal(store_identity(f->store), after);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(
			a_database_of_version_1_is_like_a_new_one_and_goes_on),
		WITH_STORE(who_waits_for_a_long_step_hears_that_it_goes_on),
		WITH_STORE(a_database_of_version_2_learns_of_descriptors),
		WITH_STORE(
			a_database_of_version_3_drops_its_events_and_keeps_their_numbers),
		WITH_STORE(a_database_of_version_4_learns_of_callbacks),
		WITH_STORE(a_database_of_version_5_packs_its_rows),
		WITH_STORE(
			a_database_of_version_6_gets_an_identity_and_keeps_it),
		WITH_STORE(
			an_older_one_takes_every_step_once_and_keeps_its_jobs),
		WITH_STORE(it_goes_on_from_where_an_earlier_version_stopped),
		WITH_STORE(
			a_step_that_fails_takes_back_itself_and_nothing_else),
		WITH_STORE(
			a_newer_one_is_refused_also_when_only_its_log_says_so),
	};

	return cmocka_run_group_tests_name("sqlite_migrate", tests, NULL, NULL);
}
