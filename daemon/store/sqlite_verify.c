/* store_verify(): what must hold between any two transactions. For tests. */

#include "daemon/store/sqlite_store.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>

#include "daemon/store/sqlite_field.h"

/* REST_UID, REST_CONTEXT and REST_GROUP: strings cannot be made of an enum. */
#define UID_OF "field(rest, 4)"
#define CONTEXT_OF "field(rest, 6)"
#define GROUP_OF "field(rest, 7)"
_Static_assert(REST_UID == 4 && REST_CONTEXT == 6 && REST_GROUP == 7,
	       "the rules say 4, 6, 7");
#define EVERY_GROUPED                                                          \
	"(SELECT id, " GROUP_OF                                                \
	" AS grp FROM job UNION ALL SELECT id, " GROUP_OF " FROM done)"

/* Each query counts the rows that break the rule. */
static const struct {
	const char *rule;
	const char *query;
} rules[] = {
	{"a job is live or finished, not both",
	 "SELECT count(*) FROM job JOIN done USING (id)"},
	{"what is packed in a row can be read",
	 "SELECT count(*) FROM (SELECT rest FROM job UNION ALL SELECT rest "
	 "FROM done) WHERE field(rest, 0) IS NULL"},
	{"a live job is in a live state",
	 "SELECT count(*) FROM job WHERE state NOT BETWEEN 0 AND 4"},
	{"a finished job is in an end state",
	 "SELECT count(*) FROM done WHERE state NOT BETWEEN 5 AND 7"},
	{"a job has a body",
	 "SELECT count(*) FROM (SELECT id FROM job UNION ALL SELECT id FROM "
	 "done) WHERE id NOT IN (SELECT id FROM body)"},
	{"a body has a job",
	 "SELECT count(*) FROM body WHERE id NOT IN (SELECT id FROM job) AND "
	 "id NOT IN (SELECT id FROM done)"},
	{"a result has a job",
	 "SELECT count(*) FROM result WHERE id NOT IN (SELECT id FROM job) "
	 "AND id NOT IN (SELECT id FROM done)"},
	{"a result is where the flags of its job say",
	 "SELECT count(*) FROM (SELECT id, flags, NULL AS result FROM job "
	 "UNION ALL SELECT id, flags, result FROM done) WHERE (flags & 64 <> "
	 "0) <> (id IN (SELECT id FROM result)) OR (flags & 1048576 <> 0) <> "
	 "(result IS NOT NULL)"},
	{"an earlier attempt has a job",
	 "SELECT count(*) FROM attempt WHERE job NOT IN (SELECT id FROM job) "
	 "AND job NOT IN (SELECT id FROM done)"},
	{"an earlier attempt is before the current one",
	 "SELECT count(*) FROM attempt a JOIN job j ON j.id = a.job "
	 "WHERE a.attempt > j.attempt - (j.state = 4)"},
	{"what runs has a worker and a token",
	 "SELECT count(*) FROM job WHERE (state = 4) <> (token > 0) OR "
	 "(state = 4) <> (worker > 0) OR (state <> 4 AND started <> 0)"},
	{"a token is given once",
	 "SELECT count(*) - count(DISTINCT token) FROM job WHERE state = 4"},
	{"a worker of a running job has a row",
	 "SELECT count(*) FROM job WHERE state = 4 AND worker NOT IN "
	 "(SELECT id FROM worker)"},
	{"what is not running is not asked to end",
	 "SELECT count(*) FROM job WHERE state <> 4 AND flags & 4"},
	{"what is scheduled has a time",
	 "SELECT count(*) FROM job WHERE state = 2 AND run_at <= 0"},
	{"what runs once was never tried while it waits",
	 "SELECT count(*) FROM job WHERE flags & 1 AND "
	 "attempt > (state = 4)"},
	{"a job has a lane",
	 "SELECT count(*) FROM (SELECT lane FROM job UNION ALL SELECT lane "
	 "FROM done) WHERE lane NOT IN (SELECT id FROM lane)"},
	{"lanes are dense",
	 "SELECT coalesce(max(id), 0) <> count(*) FROM lane"},
	{"the counts of a lane are those of its jobs",
	 "SELECT count(*) FROM lane l LEFT JOIN (SELECT lane, "
	 "sum(state = 0) s0, sum(state = 1) s1, sum(state = 2) s2, "
	 "sum(state = 3) s3, sum(state = 4) s4, sum(state = 5) s5, "
	 "sum(state = 6) s6, sum(state = 7) s7 FROM (SELECT lane, state FROM "
	 "job UNION ALL SELECT lane, state FROM done) GROUP BY lane) t "
	 "ON t.lane = l.id WHERE (held, blocked, scheduled, ready, running, "
	 "succeeded, failed, cancelled) IS NOT (coalesce(s0, 0), "
	 "coalesce(s1, 0), coalesce(s2, 0), coalesce(s3, 0), coalesce(s4, 0), "
	 "coalesce(s5, 0), coalesce(s6, 0), coalesce(s7, 0))"},
	{"the counts of a group are those of its jobs, and of ends that are "
	 "gone",
	 "SELECT count(*) FROM grp l LEFT JOIN (SELECT grp, "
	 "sum(state = 0) s0, sum(state = 1) s1, sum(state = 2) s2, "
	 "sum(state = 3) s3, sum(state = 4) s4, sum(state = 5) s5, "
	 "sum(state = 6) s6, sum(state = 7) s7 FROM (SELECT " GROUP_OF
	 " AS grp, state FROM job UNION ALL SELECT " GROUP_OF
	 ", state FROM done) GROUP BY grp) t "
	 "ON t.grp = l.id WHERE (held, blocked, scheduled, ready, running) "
	 "IS NOT (coalesce(s0, 0), coalesce(s1, 0), coalesce(s2, 0), "
	 "coalesce(s3, 0), coalesce(s4, 0)) OR succeeded < coalesce(s5, 0) OR "
	 "failed < coalesce(s6, 0) OR cancelled < coalesce(s7, 0)"},
	{"a job's group exists",
	 "SELECT count(*) FROM " EVERY_GROUPED
	 " WHERE grp <> 0 AND grp NOT IN (SELECT id FROM grp)"},
	{"a job of a group is in table member",
	 "SELECT count(*) FROM " EVERY_GROUPED
	 " AS j WHERE grp > 0 AND coalesce((SELECT first FROM member m WHERE "
	 "m.grp = j.grp AND last >= j.id ORDER BY last LIMIT 1), j.id + 1) > "
	 "j.id"},
	{"table member tells of jobs of its group",
	 "SELECT count(*) FROM member m JOIN " EVERY_GROUPED
	 " AS j ON j.id BETWEEN first AND last WHERE m.grp IS NOT j.grp"},
	{"a row of table member has a job",
	 "SELECT count(*) FROM member WHERE NOT EXISTS (SELECT 1 FROM body "
	 "WHERE id BETWEEN first AND last)"},
	{"a context counts its jobs",
	 "SELECT count(*) FROM context c LEFT JOIN (SELECT context, count(*) "
	 "n FROM (SELECT " CONTEXT_OF " AS context FROM job UNION ALL "
	 "SELECT " CONTEXT_OF " FROM done) "
	 "GROUP BY context) t ON t.context = c.id "
	 "WHERE c.refs <> coalesce(n, 0) OR c.refs = 0"},
	{"a job's context exists",
	 "SELECT count(*) FROM (SELECT " CONTEXT_OF
	 " AS context FROM job UNION ALL SELECT " CONTEXT_OF
	 " FROM done) WHERE context <> 0 AND context NOT IN "
	 "(SELECT id FROM context)"},
	{"a key names a job that has it",
	 "SELECT count(*) FROM key k LEFT JOIN body b ON b.id = k.id AND "
	 "b.key = k.key WHERE b.id IS NULL"},
	{"a job's key is in the table of keys",
	 "SELECT count(*) FROM (SELECT id, flags FROM job UNION ALL SELECT "
	 "id, flags FROM done) WHERE (flags & 256 <> 0) <> (id IN "
	 "(SELECT id FROM key))"},
	{"a live job has its unique word, and no finished one",
	 "SELECT count(*) FROM (SELECT id, " UID_OF
	 " AS uid, flags FROM job UNION ALL SELECT id, " UID_OF
	 ", 0 FROM done) j LEFT JOIN extra USING (id) LEFT JOIN "
	 "uniq u ON u.id = j.id WHERE (flags & 4096 <> 0) <> (u.id IS NOT "
	 "NULL) OR (u.id IS NOT NULL AND (u.uid, u.word) IS NOT (j.uid, "
	 "extra.word))"},
	{"a unique word has a job",
	 "SELECT count(*) FROM uniq WHERE id NOT IN (SELECT id FROM job)"},
	{"what a job has in table extra is as its flags say",
	 "SELECT count(*) FROM (SELECT id, flags FROM job UNION ALL SELECT "
	 "id, flags FROM done) j LEFT JOIN extra e USING (id) WHERE "
	 "(flags & 2048 <> 0) <> (e.retry IS NOT NULL) OR "
	 "(flags & 4096 <> 0) <> (e.word IS NOT NULL) OR "
	 "(flags & 8192 <> 0) <> (e.keep IS NOT NULL) OR "
	 "(flags & 16384 <> 0) <> (e.tries IS NOT NULL) OR "
	 "(e.tries IS NULL) <> (e.losses IS NULL) OR "
	 "(flags & 262144 <> 0) <> (e.callbacks IS NOT NULL) OR "
	 "(flags & 524288 <> 0) <> (coalesce(e.follows, 0) + "
	 "coalesce(e.follows_group, 0) > 0)"},
	{"a group that is complete has told so, once, and no other has",
	 "SELECT count(*) FROM grp WHERE told <> (callbacks IS NOT NULL AND "
	 "closed = 1 AND held + blocked + scheduled + ready + running = 0) "
	 "AND (told = 0 OR closed = 0)"},
	{"a row of table extra has a job",
	 "SELECT count(*) FROM extra WHERE id NOT IN (SELECT id FROM body)"},
	{"what is kept for a time of its own is finished",
	 "SELECT count(*) FROM extra e LEFT JOIN done d USING (id) WHERE "
	 "(e.purge_at IS NOT NULL) <> (coalesce(d.flags, 0) & 8192 <> 0)"},
	{"what may expire has a time for it",
	 "SELECT count(*) FROM job WHERE (flags & 1024 <> 0) <> (expire > 0)"},
	{"live jobs that were given descriptors are known, and no others",
	 "SELECT count(*) FROM (SELECT id, flags FROM job UNION ALL SELECT "
	 "id, 0 FROM done) j LEFT JOIN carried c USING (id) WHERE "
	 "(flags & 32768 <> 0) <> (c.id IS NOT NULL)"},
	{"who was given descriptors runs once",
	 "SELECT count(*) FROM job WHERE flags & 32768 <> 0 AND flags & 1 = 0"},
	{"a queue with a row has settings",
	 "SELECT count(*) FROM queue WHERE paused = 0 AND max_length <= 0 AND "
	 "overflow = 0 AND callbacks IS NULL"},
	{"numbers are given once",
	 "SELECT count(*) FROM meta WHERE next_job <= (SELECT "
	 "coalesce(max(id), 0) FROM body) OR next_token <= (SELECT "
	 "coalesce(max(token), 0) FROM job) OR next_group <= (SELECT "
	 "coalesce(max(id), 0) FROM grp) OR next_context <= (SELECT "
	 "coalesce(max(id), 0) FROM context) OR next_event <> (SELECT "
	 "coalesce(max(first + count), next_event) FROM event)"},
	{"events have no gap",
	 "SELECT count(*) FROM event e WHERE first > (SELECT min(first) FROM "
	 "event) AND NOT EXISTS (SELECT 1 FROM event p WHERE p.first + "
	 "p.count = e.first AND p.first = (SELECT max(first) FROM event "
	 "WHERE first < e.first))"},
};

static int broken(struct store *store, const char *query, int64_t *ret)
{
	struct sqlite3_stmt *stmt;
	int error = 0;
	int code = sqlite3_prepare_v2(store->sql.db, query, -1, &stmt, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(stmt, 0);
	else
		error = sql_error(&store->sql, code);
	sqlite3_finalize(stmt);
	return error;
}

static void name(struct store_fault *fault, const char *rule, int64_t count)
{
	size_t used = strlen(fault->message);

	snprintf(fault->message + used, sizeof(fault->message) - used,
		 "%s%s: %" PRId64, used ? "; " : "", rule, count);
}

int store_verify(struct store *store, struct store_fault *ret_fault)
{
	int sum = 0;
	int error;

	store->sql.fault = ret_fault;
	ret_fault->message[0] = '\0';
	error = field_functions(&store->sql);
	for (size_t i = 0; !error && i < ARRAY_COUNT(rules); i++) {
		int64_t count = 0;

		error = broken(store, rules[i].query, &count);
		if (error || !count)
			continue;
		sum += count > 1000000 ? 1000000 : (int)count;
		name(ret_fault, rules[i].rule, count);
	}
	store->sql.fault = NULL;
	return error < 0 ? error : sum + (error > 0);
}
