#pragma once

/* The model of test_sqlite_model.c, and the random batches that it is fed. */

#include "daemon/core/job.h"
#include "tests/unit/store/fixture.h"

enum {
	JOBS_MAX = 20000,
	OPERATIONS = 10000,
	BATCH_MAX = 12,
	LANES = 4,
	GROUPS = 6,
	KEYS = 40,
	WORKERS = 3,
	CONTEXTS = 5,
};

struct model_job {
	int64_t id;
	struct job_facts facts;
	uint32_t lane;
	int32_t priority;
	int64_t seq, token, group, finished_ms;
	enum job_cause cause;
	int key; /* 0: none */
	bool gone;
};

struct model {
	struct fixture *f;
	unsigned int seed;
	struct model_job *jobs;
	size_t count;
	int64_t next_seq, now_ms;
	int64_t groups[GROUPS];
	bool closed[GROUPS];
	uint64_t operations;
	/* The batch that is being made. */
	struct store_entry entries[BATCH_MAX];
	struct store_outcome outcomes[BATCH_MAX];
	struct store_want wants[BATCH_MAX];
	struct store_steer steer;
	int64_t steer_ids[BATCH_MAX];
	struct store_group_op group_op;
	int group_at;
	char keys[BATCH_MAX][16];
	int entry_keys[BATCH_MAX];
	/* Their ids are remembered, as a broker does. */
	struct store_context contexts[CONTEXTS];
};

/* A number below @n. */
unsigned int model_pick(struct model *m, unsigned int n);

/* Is it neither finished nor purged? */
bool model_is_live(const struct model_job *job);

/* Fill in one part of the batch. */
void make_outcomes(struct model *m, struct store_batch *batch);
void make_steer(struct model *m, struct store_batch *batch);
void make_group(struct model *m, struct store_batch *batch);
void make_entries(struct model *m, struct store_batch *batch);
void make_wants(struct model *m, struct store_batch *batch);
