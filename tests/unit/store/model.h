#pragma once

/*
 * The model of test_sqlite_model.c: the random batches that it is fed
 * (model.c), what should become of new jobs (model_decide.c), and what steering
 * and edits do (model_steer.c).
 */

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
	WORDS = 12,
	RULES = 3,
	QUEUES = 3,
};

struct model_job {
	int64_t id;
	struct job_facts facts;
	uint32_t lane;
	int32_t priority;
	int64_t seq, token, group, finished_ms;
	enum job_cause cause;
	int key; /* 0: none */
	int word, rule;
	int64_t created_ms, expire_ms, keep_ms;
	uint32_t tries, losses; /* before a retry raised them */
	bool key_held;		/* no other job took it over */
	bool retried;
	bool ran; /* its end was that of an attempt */
	bool gone;
};

/* What a new entry should become. */
struct verdict {
	enum store_entered what;
	int64_t id;
	struct model_job *key, *word; /* whose it takes */
};

struct model {
	struct fixture *f;
	unsigned int seed;
	struct model_job *jobs;
	size_t count;
	int64_t next_seq, now_ms;
	int64_t groups[GROUPS];
	bool closed[GROUPS];
	int64_t limits[QUEUES]; /* 0: none */
	int64_t next_due_ms;
	size_t ended; /* jobs that ended in this batch */
	uint64_t operations;
	uint64_t seen[STORE_REFUSED_TAKEN + 1]; /* verdicts */
	uint64_t retried, expired, replaced, edited, removed;
	/* The batch that is being made. */
	struct store_entry entries[BATCH_MAX];
	struct store_outcome outcomes[BATCH_MAX];
	struct store_want wants[BATCH_MAX];
	struct store_steer steer;
	int64_t steer_ids[BATCH_MAX];
	struct store_group_op group_op;
	int group_at;
	struct store_queue queue;
	struct store_edit edit;
	/* Of the entries, and behind them of the edit. */
	char keys[BATCH_MAX + 1][24], words[BATCH_MAX + 1][24];
	int entry_keys[BATCH_MAX + 1], entry_words[BATCH_MAX + 1];
	int entry_rules[BATCH_MAX + 1];
	/* Their ids are remembered, as a broker does. */
	struct store_context contexts[CONTEXTS];
};

/* A number below @n. */
unsigned int model_pick(struct model *m, unsigned int n);

/* The job, or NULL. Ids are given out in order, and all jobs are kept. */
struct model_job *model_job(struct model *m, int64_t id);

/* It is as the step says now. */
void model_step_to(struct model *m, struct model_job *job,
		   const struct job_step *step);

/* What the batch did; compares what it said of it. */
void model_steer(struct model *m, struct store_batch *batch);
void model_edit(struct model *m, const struct store_batch *batch);

/* Is it neither finished nor purged? */
bool model_is_live(const struct model_job *job);

/* The text of rule 1 .. RULES. */
struct slice model_rule(int rule);

int model_queue(uint32_t lane); /* of a lane of the fixture */
/* The live job that has the word, or NULL. */
struct model_job *model_word(struct model *m, int word);

/* May jobs come into the group? */
bool model_group_takes(const struct model *m, int64_t group);

/* What should become of the entries of one unit. */
void model_decide(struct model *m, const struct store_batch *batch,
		  size_t first, size_t last, struct verdict *ret);

/* Fill in one part of the batch. */
void make_outcomes(struct model *m, struct store_batch *batch);
void make_steer(struct model *m, struct store_batch *batch);
void make_group(struct model *m, struct store_batch *batch);
void make_queue(struct model *m, struct store_batch *batch);
void make_edit(struct model *m, struct store_batch *batch);
void make_entries(struct model *m, struct store_batch *batch);
void make_wants(struct model *m, struct store_batch *batch);
