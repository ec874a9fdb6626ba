/* store_verify() sees what it is for: each kind of damage, by its name. */

#include <sqlite3.h>

#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

/* A store with a bit of everything: a group, a context, a key, a retried job,
 * one that runs, one that ended with a result. */
static void a_bit_of_everything(struct fixture *f)
{
	struct store_context context = {.text = SLICE("{\"cwd\":\"/\"}")};
	struct store_group_op op = {.kind = STORE_GROUP_OPEN};
	struct store_entry entries[4];
	struct store_outcome outcomes[2];
	struct store_claim *claims;
	struct store_queue queue = {.name = SLICE("default"), .paused = true};
	struct store_batch batch = fixture_batch(f);

	batch.queues = &queue;
	batch.queue_count = 1;
	batch.groups = &op;
	batch.group_count = 1;
	fixture_write(f, &batch);
	for (int i = 0; i < 4; i++) {
		entries[i] = fixture_entry();
		entries[i].context = 0;
		entries[i].group = op.id;
		entries[i].max_attempts = 2;
	}
	entries[0].key = SLICE("a");
	entries[0].keep_ms = 1000;
	entries[3].unique = SLICE("word");
	entries[3].retry = SLICE("{}");
	entries[3].expire_ms = 5000;
	batch = fixture_batch(f);
	batch.contexts = &context;
	batch.context_count = 1;
	batch.entries = entries;
	batch.entry_count = 4;
	fixture_write(f, &batch);
	assert_int_equal(fixture_claim(f, 3, &claims), 3);
	for (int i = 0; i < 2; i++)
		outcomes[i] = (struct store_outcome){
			.job = claims[i].job,
			.token = claims[i].token,
			.kind = i ? STORE_FAILED_ATTEMPT : STORE_SUCCEEDED,
			.cause = i ? CAUSE_EXIT : CAUSE_NONE,
			.log = SLICE("text"),
		};
	batch = fixture_batch(f);
	batch.outcomes = outcomes;
	batch.outcome_count = 2;
	fixture_write(f, &batch);
	fixture_verify(f);
}

/* Done in a transaction that is taken back. */
static void expect_damage(struct fixture *f, const char *damage,
			  const char *rule)
{
	sqlite3 *db = f->store->sql.db;

	assert_int_equal(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL),
			 SQLITE_OK);
	if (sqlite3_exec(db, damage, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", damage, sqlite3_errmsg(db));
	assert_in_range(store_verify(f->store, &f->fault), 1, 100);
	if (!strstr(f->fault.message, rule))
		fail_msg("%s: says: %s", damage, f->fault.message);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL),
			 SQLITE_OK);
}

UNIT(each_kind_of_damage_is_named)
{
	static const struct {
		const char *damage, *rule;
	} cases[] = {
		{"INSERT INTO done (id, lane, state) VALUES (3, 1, 5)",
		 "live or finished, not both"},
		{"UPDATE job SET state = 6 WHERE id = 4", "in a live state"},
		{"UPDATE done SET state = 3", "in an end state"},
		{"DELETE FROM body WHERE id = 4", "a job has a body"},
		{"INSERT INTO body (id) VALUES (99)", "a body has a job"},
		{"INSERT INTO result (id) VALUES (99)", "a result has a job"},
		{"DELETE FROM result", "a result is where the flags"},
		{"UPDATE done SET flags = flags | 1048576",
		 "a result is where the flags"},
		{"UPDATE attempt SET job = 99", "an earlier attempt has a job"},
		{"UPDATE attempt SET attempt = 7",
		 "an earlier attempt is before"},
		{"UPDATE job SET token = 0 WHERE state = 4",
		 "a worker and a token"},
		{"UPDATE job SET worker = 1 WHERE id = 4",
		 "a worker and a token"},
		{"DELETE FROM worker", "a worker of a running job"},
		{"UPDATE job SET flags = flags | 4 WHERE id = 4",
		 "is not asked to end"},
		{"UPDATE job SET state = 2 WHERE id = 4", "has a time"},
		{"UPDATE job SET flags = flags | 1 WHERE id = 2",
		 "what runs once"},
		{"UPDATE job SET lane = 77 WHERE id = 4", "a job has a lane"},
		{"DELETE FROM lane WHERE id = 2", "lanes are dense"},
		{"UPDATE lane SET ready = ready + 1 WHERE id = 1",
		 "the counts of a lane"},
		{"UPDATE grp SET running = 0", "the counts of a group"},
		{"DELETE FROM grp", "a job's group exists"},
		{"DELETE FROM member", "a job of a group is in table member"},
		{"UPDATE member SET first = last",
		 "a job of a group is in table member"},
		{"UPDATE member SET grp = 9",
		 "table member tells of jobs of its group"},
		{"INSERT INTO member (grp, last, first) VALUES (1, 99, 98)",
		 "a row of table member has a job"},
		{"UPDATE done SET rest = x'80'", "packed in a row"},
		{"UPDATE job SET rest = rest || x'ff' WHERE id = 4",
		 "packed in a row"},
		{"UPDATE context SET refs = 1", "a context counts its jobs"},
		{"DELETE FROM context", "a job's context exists"},
		{"UPDATE key SET id = 2", "a key names a job"},
		{"DELETE FROM key", "a job's key is in the table"},
		{"DELETE FROM uniq", "a live job has its unique word"},
		{"UPDATE uniq SET word = 'x'",
		 "a live job has its unique word"},
		{"INSERT INTO uniq VALUES (1000, 'x', 1)",
		 "a unique word has a job"},
		{"UPDATE extra SET retry = NULL", "as its flags say"},
		{"UPDATE extra SET tries = 1", "as its flags say"},
		{"INSERT INTO extra (id) VALUES (99)",
		 "a row of table extra has a job"},
		{"UPDATE extra SET purge_at = NULL", "a time of its own"},
		{"UPDATE job SET expire = 0", "has a time for it"},
		{"UPDATE queue SET paused = 0", "a queue with a row"},
		{"UPDATE meta SET next_job = 2", "numbers are given once"},
		{"DELETE FROM event WHERE first = (SELECT first FROM event "
		 "ORDER BY first LIMIT 1 OFFSET 1)",
		 "events have no gap"},
	};
	struct fixture *f = *state;

	a_bit_of_everything(f);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		expect_damage(f, cases[i].damage, cases[i].rule);
	fixture_verify(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(each_kind_of_damage_is_named),
	};

	return cmocka_run_group_tests_name("sqlite_verify", tests, NULL, NULL);
}
