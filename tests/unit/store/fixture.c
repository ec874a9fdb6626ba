#include "tests/unit/store/fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

int fixture_count(int usual, int soak)
{
	const char *count = getenv("REEVE_TEST_COUNT");

	if (count)
		return atoi(count);
	return getenv("REEVE_TEST_SOAK") ? soak : usual;
}

void folder_remove(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
	rmdir(path);
}

static void open_store(struct fixture *fixture)
{
	struct store_config config = {.directory = fixture->directory};

	if (store_open(&fixture->store, &config, &fixture->fault))
		fail_msg("%s", fixture->fault.message);
}

void fixture_prepare(struct fixture *fixture)
{
	*fixture = (struct fixture){.now_ms = NOW};
	strcpy(fixture->directory, "/tmp/reeve-store-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	fixture->lanes[0] = (struct store_lane){.queue = SLICE("default"),
						.handler = SLICE("exec")};
	fixture->lanes[1] = (struct store_lane){.queue = SLICE("other"),
						.handler = SLICE("exec")};
	fixture->lanes[2] = (struct store_lane){.queue = SLICE("default"),
						.handler = SLICE("resize")};
	fixture->lanes[3] = (struct store_lane){.queue = SLICE("third"),
						.handler = SLICE("exec")};
}

void fixture_end(struct fixture *fixture)
{
	store_close(fixture->reader);
	store_close(fixture->store);
	arena_fini(&fixture->arena);
	folder_remove(fixture->directory);
}

int fixture_new(void **state)
{
	struct fixture *fixture = malloc(sizeof(*fixture));

	assert_non_null(fixture);
	fixture_prepare(fixture);
	open_store(fixture);
	*state = fixture;
	return 0;
}

int fixture_free(void **state)
{
	fixture_end(*state);
	free(*state);
	return 0;
}

void fixture_reopen(struct fixture *fixture)
{
	store_close(fixture->reader);
	fixture->reader = NULL;
	store_close(fixture->store);
	fixture->store = NULL;
	open_store(fixture);
}

struct store *fixture_reader(struct fixture *fixture)
{
	struct store_config config = {.directory = fixture->directory,
				      .reader = true};

	if (!fixture->reader &&
	    store_open(&fixture->reader, &config, &fixture->fault))
		fail_msg("%s", fixture->fault.message);
	return fixture->reader;
}

struct store_batch fixture_batch(struct fixture *fixture)
{
	return (struct store_batch){
		.arena = &fixture->arena,
		.now_ms = fixture->now_ms++,
		.lanes = fixture->lanes,
		.lane_count = ARRAY_COUNT(fixture->lanes),
		.follow = fixture->follow,
	};
}

void fixture_write(struct fixture *fixture, struct store_batch *batch)
{
	if (store_write(fixture->store, batch, &fixture->fault))
		fail_msg("%s", fixture->fault.message);
}

struct store_entry fixture_entry(void)
{
	return (struct store_entry){
		.context = UINT32_MAX,
		.spec = SLICE("{\"argv\":[\"true\"]}"),
		.uid = 1000,
		.gid = 1000,
		.max_attempts = 1,
		.crash_limit = 3,
		.grace_ms = 10000,
		.keep_ms = -1,
	};
}

int64_t fixture_submit(struct fixture *fixture, struct store_entry entry)
{
	struct store_batch batch = fixture_batch(fixture);

	batch.entries = &entry;
	batch.entry_count = 1;
	fixture_write(fixture, &batch);
	return entry.id;
}

size_t fixture_claim(struct fixture *fixture, uint32_t max,
		     struct store_claim **ret)
{
	struct store_worker worker = {
		.id = 1,
		.pool = SLICE("exec"),
		.pid = 4711,
		.start_ticks = 99,
		.boot_id = SLICE("boot"),
	};
	struct store_want want = {.worker = 1, .max = max};
	struct store_batch batch = fixture_batch(fixture);

	batch.workers = &worker;
	batch.worker_count = 1;
	batch.wants = &want;
	batch.want_count = 1;
	fixture_write(fixture, &batch);
	assert_int_equal(batch.claim_count, want.got);
	*ret = batch.claims;
	return batch.claim_count;
}

bool fixture_finish(struct fixture *fixture, const struct store_claim *claim,
		    enum store_outcome_kind kind, enum job_cause cause)
{
	struct store_outcome outcome = {
		.job = claim->job,
		.token = claim->token,
		.kind = kind,
		.cause = cause,
		.exit_code = kind == STORE_SUCCEEDED ? 0 : -1,
	};
	struct store_batch batch = fixture_batch(fixture);

	batch.outcomes = &outcome;
	batch.outcome_count = 1;
	fixture_write(fixture, &batch);
	return outcome.accepted;
}

struct store_steer fixture_steer(struct fixture *fixture,
				 enum store_steer_kind kind, const int64_t *ids,
				 size_t count)
{
	struct store_steer steer = {
		.kind = kind,
		.filter = {.ids = ids, .id_count = count},
		.uid = UINT32_MAX,
		.max = 1000,
	};
	struct store_batch batch = fixture_batch(fixture);

	batch.steers = &steer;
	batch.steer_count = 1;
	fixture_write(fixture, &batch);
	return steer;
}

struct store_row fixture_row(struct fixture *fixture, int64_t id)
{
	struct store_row *rows;
	size_t count, looked;

	assert_int_equal(store_get(fixture_reader(fixture), &fixture->arena,
				   &id, 1, true, true, &rows, &count, &looked),
			 0);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].id, id);
	return rows[0];
}

void fixture_verify(struct fixture *fixture)
{
	int broken = store_verify(fixture->store, &fixture->fault);

	if (broken)
		fail_msg("%d: %s", broken, fixture->fault.message);
}
