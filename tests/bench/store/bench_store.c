/*
 * What the store alone can do, without sockets and workers:
 *
 *	bench_store DIRECTORY [JOBS] [BATCH] [SPEC_BYTES] [NAME]
 *
 * prints jobs a second for submissions alone, for the whole life through the
 * ready index, and for the whole life with direct starts; then the same two
 * for jobs of a group that have results, as the items of a map. NAME: one of
 * these alone (waiting-0, index-0, direct-0, waiting-1, ...).
 */

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/store/store.h"

#define BATCH_MAX 10000

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

/* Processor time of this process: what a busy machine does not change. */
static double used(void)
{
	struct timespec at;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

struct watch {
	double at, used;
};

static struct watch start_watch(void)
{
	return (struct watch){now(), used()};
}

static void report(const char *what, size_t jobs, struct watch start)
{
	printf("%-17s %9.0f /s %7.2f us CPU a job\n", what,
	       (double)jobs / (now() - start.at),
	       (used() - start.used) * 1e6 / (double)jobs);
}

static struct store_entry entries[BATCH_MAX];
static struct store_outcome outcomes[BATCH_MAX];
static char spec[65536];

struct bench {
	struct store *store;
	struct arena arena;
	size_t jobs, batch, spec_bytes;
	const char *only;
	int64_t group;
	struct slice result; /* of each end; n 0: none */
};

static struct store *open_in(const char *directory, const char *name)
{
	struct store_config config = {0};
	struct store_fault fault;
	struct store *store;
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (mkdir(path, 0700) != 0) {
		perror(path);
		exit(1);
	}
	config.directory = path;
	if (store_open(&store, &config, &fault)) {
		fprintf(stderr, "%s\n", fault.message);
		exit(1);
	}
	return store;
}

static void enter(struct bench *bench, struct store_batch *batch)
{
	for (size_t i = 0; i < bench->batch; i++)
		entries[i] = (struct store_entry){
			.context = UINT32_MAX,
			.spec = {spec, bench->spec_bytes},
			.max_attempts = 1,
			.crash_limit = 3,
			.keep_ms = -1,
			.group = bench->group,
		};
	batch->entries = entries;
	batch->entry_count = bench->batch;
}

static void finish(struct bench *bench, struct store_batch *batch,
		   const struct store_claim *claims, size_t count)
{
	for (size_t i = 0; i < count; i++)
		outcomes[i] = (struct store_outcome){
			.job = claims[i].job,
			.token = claims[i].token,
			.kind = STORE_SUCCEEDED,
			.exit_code = -1,
			.result = bench->result,
		};
	batch->outcomes = outcomes;
	batch->outcome_count = count;
}

static void write_batch(struct bench *bench, struct store_batch *batch)
{
	struct store_fault fault;
	static struct store_lane lane;
	static int64_t at_ms = 1760000000000;

	lane = (struct store_lane){.queue = SLICE("default"),
				   .handler = SLICE("exec")};
	batch->arena = &bench->arena;
	batch->now_ms = ++at_ms;
	batch->lanes = &lane;
	batch->lane_count = 1;
	if (store_write(bench->store, batch, &fault)) {
		fprintf(stderr, "%s\n", fault.message);
		exit(1);
	}
}

static void submissions(struct bench *bench, size_t jobs)
{
	struct watch start = start_watch();
	size_t done = 0;

	for (; done < jobs; done += bench->batch) {
		struct store_batch batch = {0};

		arena_reset(&bench->arena);
		enter(bench, &batch);
		write_batch(bench, &batch);
	}
	report("submit", done, start);
}

/* Claim and finish what waits. */
static void drain(struct bench *bench, size_t jobs)
{
	struct watch start = start_watch();
	struct store_claim *claims = NULL;
	size_t count = 0, done = 0;

	while (done < jobs) {
		struct store_want want = {.worker = 1,
					  .max = (uint32_t)bench->batch};
		struct store_batch batch = {.wants = &want, .want_count = 1};

		finish(bench, &batch, claims, count);
		done += count;
		arena_reset(&bench->arena);
		write_batch(bench, &batch);
		claims = batch.claims;
		count = batch.claim_count;
	}
	report("claim and finish", done, start);
}

/* Each batch submits n, and ends those that the one before claimed. */
static void lives(struct bench *bench, size_t jobs, bool direct)
{
	struct watch start = start_watch();
	struct store_claim *claims = NULL;
	size_t count = 0, done = 0;

	while (done < jobs) {
		struct store_want want = {.worker = 1,
					  .max = (uint32_t)bench->batch};
		struct store_batch batch = {.wants = &want, .want_count = 1};

		finish(bench, &batch, claims, count);
		done += count;
		arena_reset(&bench->arena);
		enter(bench, &batch);
		/* Two priorities in one batch go through the index. */
		if (!direct)
			entries[0].priority = 1;
		write_batch(bench, &batch);
		claims = batch.claims;
		count = batch.claim_count;
	}
	report(direct ? "life, direct" : "life, by index", done, start);
}

static void open_group(struct bench *bench)
{
	struct store_group_op op = {.kind = STORE_GROUP_OPEN};
	struct store_batch batch = {.groups = &op, .group_count = 1};

	write_batch(bench, &batch);
	bench->group = op.id;
	bench->result = SLICE("{\"value\":1}");
}

static void run(struct bench *bench, const char *directory, const char *name,
		bool grouped)
{
	size_t jobs = bench->jobs;
	char folder[32];

	snprintf(folder, sizeof(folder), "%s-%d", name, grouped);
	if (bench->only && strcmp(bench->only, folder) != 0)
		return;
	bench->store = open_in(directory, folder);
	if (grouped)
		open_group(bench);
	if (strcmp(name, "waiting") == 0) {
		submissions(bench, jobs);
		drain(bench, jobs);
	} else {
		lives(bench, jobs, strcmp(name, "direct") == 0);
	}
	store_close(bench->store);
}

int main(int argc, char **argv)
{
	struct bench bench = {.jobs = 300000, .batch = 1000, .spec_bytes = 100};

	if (argc < 2) {
		fprintf(stderr,
			"usage: %s DIRECTORY [JOBS] [BATCH] "
			"[SPEC_BYTES] [NAME]\n",
			argv[0]);
		return 2;
	}
	if (argc > 2)
		bench.jobs = strtoul(argv[2], NULL, 10);
	if (argc > 3)
		bench.batch = strtoul(argv[3], NULL, 10);
	if (argc > 4)
		bench.spec_bytes = strtoul(argv[4], NULL, 10);
	if (argc > 5)
		bench.only = argv[5];
	if (!bench.batch || bench.batch > BATCH_MAX ||
	    bench.spec_bytes > sizeof(spec))
		return 2;
	memset(spec, 'x', sizeof(spec));

	for (int grouped = 0; grouped < 2; grouped++) {
		run(&bench, argv[1], "waiting", grouped);
		run(&bench, argv[1], "index", grouped);
		run(&bench, argv[1], "direct", grouped);
	}
	arena_fini(&bench.arena);
	return 0;
}
