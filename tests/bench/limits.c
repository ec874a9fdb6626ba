/*
 * What the machine can do without any daemon: the limits that reeve's figures
 * are compared with.
 *
 *	limits fdatasync FILE TOTAL
 *	limits sqlite FILE SCHEMA BATCH TOTAL SPEC
 *	limits spawn SLOTS TOTAL PROGRAM
 *
 * fdatasync: 4 KiB appended and synced each time. sqlite: a bare loop that
 * writes the rows of a waiting job, BATCH of them a transaction. spawn:
 * posix_spawn and wait, SLOTS at once.
 *
 * The last line: how many, seconds.
 */

#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_fdatasync(const char *path, long total)
{
	static char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	double began = seconds();

	if (fd < 0)
		err(1, "%s", path);
	for (long i = 0; i < total; i++) {
		if (write(fd, block, sizeof(block)) != sizeof(block) ||
		    fdatasync(fd) < 0)
			err(1, "%s", path);
	}
	printf("%ld %.6f\n", total, seconds() - began);
	close(fd);
	unlink(path);
}

static sqlite3 *db;

static void run_sql(const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		errx(1, "%s: %s", why, sql);
}

static sqlite3_stmt *prepare(const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT,
			       &statement, NULL) != SQLITE_OK)
		errx(1, "%s: %s", sqlite3_errmsg(db), sql);
	return statement;
}

static void step(sqlite3_stmt *statement)
{
	if (sqlite3_step(statement) != SQLITE_DONE)
		errx(1, "%s", sqlite3_errmsg(db));
	sqlite3_reset(statement);
}

static void apply_schema(const char *path)
{
	static char text[1 << 16];
	FILE *file = fopen(path, "r");

	if (!file || fread(text, 1, sizeof(text) - 1, file) == 0)
		err(1, "%s", path);
	fclose(file);
	run_sql("BEGIN");
	run_sql(text);
	run_sql("INSERT INTO lane (id, queue, handler) "
		"VALUES (1, 'default', 'exec')");
	run_sql("COMMIT");
}

struct inserts {
	sqlite3_stmt *begin, *commit, *job, *body, *lane, *meta, *event;
};

static void insert_batch(const struct inserts *to, long first, long batch,
			 const char *spec, void *packed)
{
	step(to->begin);
	for (long id = first; id < first + batch; id++) {
		sqlite3_bind_int64(to->job, 1, id);
		step(to->job);
		sqlite3_bind_int64(to->body, 1, id);
		sqlite3_bind_text(to->body, 2, spec, -1, SQLITE_STATIC);
		step(to->body);
	}
	sqlite3_bind_int64(to->lane, 1, batch);
	step(to->lane);
	sqlite3_bind_int64(to->meta, 1, first + batch);
	step(to->meta);
	sqlite3_bind_int64(to->event, 1, first);
	sqlite3_bind_int64(to->event, 2, batch);
	sqlite3_bind_blob(to->event, 3, packed, (int)batch * 4, SQLITE_STATIC);
	step(to->event);
	step(to->commit);
}

static void run_sqlite(const char *path, const char *schema, long batch,
		       long total, const char *spec)
{
	struct inserts to;
	double began;
	void *packed = calloc((size_t)batch, 4);

	unlink(path);
	if (!packed || sqlite3_open(path, &db) != SQLITE_OK)
		errx(1, "cannot open %s", path);
	run_sql("PRAGMA auto_vacuum = INCREMENTAL");
	run_sql("PRAGMA journal_mode = WAL");
	run_sql("PRAGMA synchronous = FULL");
	run_sql("PRAGMA cache_size = -16384");
	apply_schema(schema);
	to = (struct inserts){
		.begin = prepare("BEGIN IMMEDIATE"),
		.commit = prepare("COMMIT"),
		.job = prepare("INSERT INTO job (id, lane, state, priority, "
			       "seq, attempt, flags, run_at, started, worker, "
			       "token, rest) VALUES (?1, 1, 3, 0, ?1, 0, 0, 0, "
			       "0, 0, 0, x'8080e682b9660206a09c01')"),
		.body = prepare("INSERT INTO body (id, name, key, tags, spec) "
				"VALUES (?1, NULL, NULL, NULL, ?2)"),
		.lane = prepare("UPDATE lane SET ready = ready + ?1 "
				"WHERE id = 1"),
		.meta = prepare("UPDATE meta SET next_job = ?1, "
				"next_seq = ?1, next_event = ?1"),
		.event = prepare("INSERT INTO event (first, count, at_ms, "
				 "packed) VALUES (?1, ?2, 1760000000000, ?3)"),
	};
	began = seconds();
	for (long at = 0; at < total; at += batch)
		insert_batch(&to, at + 1, batch, spec, packed);
	printf("%ld %.6f\n", (total + batch - 1) / batch * batch,
	       seconds() - began);
	free(packed);
}

static void run_spawn(long slots, long total, char *program)
{
	extern char **environ;
	char *argv[] = {program, NULL};
	double began = seconds();
	long running = 0;

	for (long i = 0; i < total || running > 0;) {
		if (i < total && running < slots) {
			pid_t pid;

			if (posix_spawn(&pid, program, NULL, NULL, argv,
					environ) != 0)
				err(1, "%s", program);
			i++;
			running++;
		} else if (wait(NULL) > 0) {
			running--;
		}
	}
	printf("%ld %.6f\n", total, seconds() - began);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "fdatasync") == 0)
		run_fdatasync(argv[2], atol(argv[3]));
	else if (argc == 7 && strcmp(argv[1], "sqlite") == 0)
		run_sqlite(argv[2], argv[3], atol(argv[4]), atol(argv[5]),
			   argv[6]);
	else if (argc == 5 && strcmp(argv[1], "spawn") == 0)
		run_spawn(atol(argv[2]), atol(argv[3]), argv[4]);
	else
		errx(2, "see the head of limits.c");
	return 0;
}
