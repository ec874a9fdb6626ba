#include "tests/fault/store/history.h"

#include <errno.h>

#include <stdio.h>

#include "daemon/store/follow.h"

static unsigned int pick(struct history *h, unsigned int n)
{
	return (unsigned int)rand_r(&h->seed) % n;
}

static void acknowledge(struct history *h, const struct store_batch *batch)
{
	for (size_t i = 0; i < batch->entry_count; i++) {
		int64_t id = batch->entries[i].id;

		assert_in_range(id, 1, HISTORY_JOBS - 1);
		h->acked[id] = true;
		h->state[id] = STATE_READY;
		h->rule[id] = batch->entries[i].retry.n > 0;
		h->owes[id] = batch->entries[i].callbacks.n > 0;
		if (id > h->last)
			h->last = id;
	}
	for (size_t i = 0; i < batch->outcome_count; i++) {
		const struct store_outcome *outcome = &batch->outcomes[i];

		assert_true(outcome->accepted);
		h->ends[outcome->job] += outcome->kind == STORE_SUCCEEDED;
		h->state[outcome->job] = outcome->kind == STORE_SUCCEEDED
						 ? STATE_SUCCEEDED
						 : STATE_READY;
	}
	if (batch->steer_count && batch->steers[0].changed)
		h->state[h->open_retry] = STATE_READY;
	h->claim_count = batch->claim_count;
	if (batch->claim_count)
		memcpy(h->claims, batch->claims,
		       batch->claim_count * sizeof(h->claims[0]));
	for (size_t i = 0; i < batch->claim_count; i++) {
		h->state[batch->claims[i].job] = STATE_RUNNING;
		assert_true(batch->claims[i].token > h->token);
	}
	for (size_t i = 0; i < batch->claim_count; i++) {
		if (batch->claims[i].token > h->token)
			h->token = batch->claims[i].token;
	}
}

/* One job follows each end. */
static int follow(struct store_follow *f)
{
	f->list = arena_array(f->arena, 1, sizeof(*f->list));
	if (!f->list)
		return -ENOMEM;
	f->list[0] = (struct store_follower){
		.entry = fixture_entry(),
		.queue = SLICE("callbacks"),
		.handler = SLICE("exec"),
	};
	f->list[0].entry.name = f->callbacks;
	f->count = 1;
	return 0;
}

/* One that succeeded and is to live again, or 0. */
static int64_t pick_ended(struct history *h)
{
	int64_t id = h->last ? 1 + pick(h, (unsigned int)h->last) : 0;

	return id && h->acked[id] && h->state[id] == STATE_SUCCEEDED ? id : 0;
}

bool history_step(struct history *h)
{
	static char filler[3000];
	struct store_entry entries[HISTORY_BATCH];
	struct store_outcome outcomes[HISTORY_BATCH];
	struct store_want want = {.worker = 1};
	struct store_worker worker = {.id = 1};
	struct store_steer steer = {
		.kind = STORE_RETRY,
		.filter = {.ids = &h->open_retry, .id_count = 1},
		.uid = UINT32_MAX,
		.max = 1};
	struct store_batch batch;
	char name[32], word[32];

	memset(filler, 'x', sizeof(filler));
	arena_reset(&h->f.arena);
	batch = fixture_batch(&h->f);
	batch.follow = follow;
	snprintf(name, sizeof(name), "batch-%d", ++h->round);
	h->open_entries = 1 + pick(h, HISTORY_BATCH);
	for (size_t i = 0; i < h->open_entries; i++) {
		entries[i] = fixture_entry();
		entries[i].name = slice_of(name);
		if (pick(h, 3) == 0)
			entries[i].retry = SLICE("{\"max_attempts\":1000,"
						 "\"backoff_ms\":0}");
		if (i == 1)
			entries[i].callbacks = SLICE("done");
		if (i == 0) {
			snprintf(word, sizeof(word), "word-%d", h->round);
			entries[i].unique = slice_of(word);
			entries[i].keep_ms = 1000000;
			entries[i].expire_ms = 1000000;
		}
		/* Some do not fit into one page. */
		entries[i].spec = (struct slice){
			filler, pick(h, 4) ? 100 : sizeof(filler)};
	}
	h->open_end_count = 0;
	for (size_t i = 0; i < h->claim_count; i++) {
		outcomes[i] = (struct store_outcome){
			.job = h->claims[i].job,
			.token = h->claims[i].token,
			.kind = STORE_SUCCEEDED,
		};
		if (h->rule[h->claims[i].job] && pick(h, 2)) {
			outcomes[i].kind = STORE_FAILED_ATTEMPT;
			outcomes[i].cause = CAUSE_EXIT;
			outcomes[i].exit_code = 1;
		}
		h->open_ends[h->open_end_count++] = h->claims[i].job;
	}
	want.max = pick(h, HISTORY_BATCH);
	h->open_retry = pick_ended(h);
	batch.steers = &steer;
	batch.steer_count = h->open_retry ? 1 : 0;
	batch.entries = entries;
	batch.entry_count = h->open_entries;
	batch.outcomes = outcomes;
	batch.outcome_count = h->claim_count;
	batch.wants = &want;
	batch.want_count = 1;
	batch.workers = &worker;
	batch.worker_count = 1;
	if (store_write(h->f.store, &batch, &h->f.fault))
		return false;
	acknowledge(h, &batch);
	h->open_entries = 0;
	h->open_end_count = 0;
	h->open_retry = 0;
	return true;
}

static bool is_open_end(const struct history *h, int64_t id)
{
	for (size_t i = 0; i < h->open_end_count; i++) {
		if (h->open_ends[i] == id)
			return true;
	}
	return false;
}

static bool as_acknowledged(const struct history *h,
			    const struct store_row *row)
{
	enum job_state said = h->state[row->id];

	if (row->state == said)
		return true;
	/* The last batch may have been done and not acknowledged: a claim
	 * of what was ready, the end of what ran. */
	if (said == STATE_READY)
		return row->state == STATE_RUNNING;
	if (said == STATE_SUCCEEDED)
		return row->id == h->open_retry &&
		       (row->state == STATE_READY ||
			row->state == STATE_RUNNING);
	return said == STATE_RUNNING && is_open_end(h, row->id) &&
	       (row->state == STATE_SUCCEEDED ||
		(h->rule[row->id] && row->state == STATE_READY));
}

/* As many callbacks as ends: none is lost, and none is there for an end that
 * did not happen. */
static bool was_followed(struct history *h, const struct store_row *row)
{
	struct store_filter filter = {.follows = row->id};
	int64_t counts[STATE_COUNT] = {0};
	int64_t next, sum = 0;
	int ends = h->ends[row->id];

	if (!h->owes[row->id])
		return true;
	if (h->state[row->id] == STATE_RUNNING && row->state == STATE_SUCCEEDED)
		ends++;
	if (store_count(fixture_reader(&h->f), &h->f.arena, &filter, 0, counts,
			&next))
		return false;
	for (int i = 0; i < STATE_COUNT; i++)
		sum += counts[i];
	h->ends[row->id] = (int)sum;
	return sum == ends;
}

static void check_last_batch(struct history *h)
{
	char name[32];
	struct store_filter filter = {.name = SLICE("")};
	int64_t counts[STATE_COUNT] = {0};
	int64_t next = 0, sum = 0;

	if (!h->open_entries)
		return;
	snprintf(name, sizeof(name), "batch-%d", h->round);
	filter.name = slice_of(name);
	do {
		assert_int_equal(store_count(fixture_reader(&h->f), &h->f.arena,
					     &filter, next, counts, &next),
				 0);
	} while (next);
	for (int i = 0; i < STATE_COUNT; i++)
		sum += counts[i];
	if (sum != 0 && sum != (int64_t)h->open_entries)
		fail_msg("%d of %d of a batch", (int)sum, (int)h->open_entries);
}

int history_lost(struct history *h)
{
	int lost = 0;

	for (int64_t id = 1; id <= h->last; id++) {
		struct store_row *rows;
		size_t count, looked;

		if (!h->acked[id])
			continue;
		arena_reset(&h->f.arena);
		/* A damaged store has lost it as well. */
		if (store_get(fixture_reader(&h->f), &h->f.arena, &id, 1, true,
			      false, &rows, &count, &looked))
			return lost + 1;
		lost += !count || !as_acknowledged(h, &rows[0]) ||
			!was_followed(h, &rows[0]);
		/* A last batch that was done after all is history now. */
		if (count)
			h->state[id] = rows[0].state;
	}
	check_last_batch(h);
	return lost;
}
