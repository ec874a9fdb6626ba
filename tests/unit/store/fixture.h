#pragma once

/*
 * A store in a folder of its own, and batches in few words. The folder goes
 * with the fixture.
 */

#include "daemon/store/store.h"
#include "tests/helper/t.h"

#define NOW INT64_C(1760000000000)

struct fixture {
	char directory[64];
	struct store *store;
	struct store *reader; /* opened when first asked for */
	struct arena arena;   /* of the batches, since the last fresh() */
	struct store_fault fault;
	int64_t now_ms;
	struct store_lane lanes[4]; /* default/exec, other/exec, ... */
	int (*follow)(struct store_follow *follow); /* of every batch */
};

/* cmocka's setup and teardown; *state is the fixture. */
int fixture_new(void **state);
int fixture_free(void **state);

/* The same, embedded and without a store in it. */
void fixture_prepare(struct fixture *fixture);
void fixture_end(struct fixture *fixture);

/* Close and open again; the reader too. */
void fixture_reopen(struct fixture *fixture);

struct store *fixture_reader(struct fixture *fixture);

/* A batch with the fixture's lanes, at its time, which goes on by 1 ms. */
struct store_batch fixture_batch(struct fixture *fixture);

/* store_write() that must succeed. */
void fixture_write(struct fixture *fixture, struct store_batch *batch);

/* An entry of lane 0 with defaults. */
struct store_entry fixture_entry(void);

/* Submit one; the id. */
int64_t fixture_submit(struct fixture *fixture, struct store_entry entry);

/* Claim up to @max of lane 0 for worker 1; the claims live in the arena. */
size_t fixture_claim(struct fixture *fixture, uint32_t max,
		     struct store_claim **ret);

/* Report one outcome; was it accepted? */
bool fixture_finish(struct fixture *fixture, const struct store_claim *claim,
		    enum store_outcome_kind kind, enum job_cause cause);

/* Steer by ids, as nobody in particular. */
struct store_steer fixture_steer(struct fixture *fixture,
				 enum store_steer_kind kind, const int64_t *ids,
				 size_t count);

/* The row of a job, with all; fails the test when there is none. */
struct store_row fixture_row(struct fixture *fixture, int64_t id);

/* store_verify() finds nothing. */
void fixture_verify(struct fixture *fixture);

/* How often a fault is made: REEVE_TEST_COUNT, or @soak in a long run. */
int fixture_count(int usual, int soak);

/* Remove a folder and what is in it. */
void folder_remove(const char *path);

#define WITH_STORE(name)                                                       \
	cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)
