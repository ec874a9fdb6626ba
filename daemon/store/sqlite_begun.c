/*
 * Entries that began before their batch: their workers had them already. One
 * that has ended, too, when the batch leaves is never a live row: two pages and
 * the entries of an index less, of the one commit that its caller waits for.
 */

#include "daemon/store/sqlite_entry.h"

#include <errno.h>

#include "daemon/store/sqlite_outcome.h"

struct begun {
	struct store_entry *entry;
	struct live live;
	struct store_outcome *end; /* NULL: it goes on */
};

/* The first word on each attempt of this batch: its place, from 1. */
static int find_words(const struct store_batch *batch, struct tally *words)
{
	struct tally_entry *word;

	for (size_t i = 0; i < batch->outcome_count; i++) {
		if (tally_at(words, batch->outcomes[i].job, &word))
			return -ENOMEM;
		if (!word->add[0])
			word->add[0] = (int64_t)i + 1;
	}
	return 0;
}

static int begin(struct txn *txn, struct store_entry *entry,
		 const struct tally *words, struct begun *ret)
{
	struct live live = entry_live_here(txn, entry, entry->begun.job);
	const struct tally_entry *word;
	struct job_step step;
	int error = entry_facts(txn, entry, &live.facts);

	if (error)
		return error;
	require(!entry->group && !entry->unit && !entry->key.n &&
		!entry->unique.n && !entry->descriptors);
	require(live.id < txn->next.job &&
		entry->begun.token < txn->next.token);
	/* READY, as the caller promised: a claim takes nothing else. */
	require(job_step(&live.facts, JOB_CLAIM, CAUSE_NONE, txn->now_ms,
			 &step) == 0);
	live.facts = step.facts;
	live.token = entry->begun.token;
	live.worker = entry->begun.worker;
	live.started_ms = txn->now_ms;
	live.seq = txn->next.seq++;
	entry->id = live.id;
	entry->what = STORE_NEW;
	entry->replaced = 0;
	*ret = (struct begun){.entry = entry, .live = live};
	word = tally_find(words, live.id);
	if (word)
		ret->end = &txn->batch->outcomes[word->add[0] - 1];
	if (ret->end && !txn_ends(txn, &live, ret->end))
		ret->end = NULL;
	return 0;
}

/* The rows of those that end, or of those that do not. */
static int put(struct txn *txn, const struct begun *begun, size_t count)
{
	int error = 0;

	for (size_t i = 0; !error && i < count; i++) {
		const struct live *live = &begun[i].live;

		if ((begun[i].end != NULL) != txn->brief)
			continue;
		error = entry_put(txn, txn->lanes[begun[i].entry->lane],
				  begun[i].entry, live);
		if (!error)
			error = txn_event(txn, EVENT_STARTED, live,
					  live->facts.attempt, CAUSE_NONE);
		if (!txn->brief)
			recent_put(&txn->store->recent, live);
	}
	return error ? error : entry_flush(txn);
}

static int end(struct txn *txn, struct begun *begun, size_t count)
{
	int error = 0;

	for (size_t i = 0; !error && i < count; i++) {
		if (begun[i].end)
			error = txn_take(txn, &begun[i].live, begun[i].end);
	}
	return error ? error : txn_end_flush(txn);
}

static int begin_all(struct txn *txn, struct begun *begun, size_t *ret_count)
{
	struct store_batch *batch = txn->batch;
	struct tally words = {0};
	int error = find_words(batch, &words);

	for (size_t i = 0; !error && i < batch->entry_count; i++) {
		if (batch->entries[i].begun.token)
			error = begin(txn, &batch->entries[i], &words,
				      &begun[(*ret_count)++]);
	}
	tally_fini(&words);
	return error;
}

int txn_begun(struct txn *txn)
{
	const struct store_batch *batch = txn->batch;
	struct begun *begun;
	size_t count = 0;
	int error;

	for (size_t i = 0; i < batch->entry_count; i++)
		count += batch->entries[i].begun.token != 0;
	if (!count)
		return 0;
	begun = arena_array(txn->arena, count, sizeof(*begun));
	if (!begun)
		return -ENOMEM;
	count = 0;
	error = begin_all(txn, begun, &count);
	if (!error)
		error = put(txn, begun, count);
	txn->brief = true;
	if (!error)
		error = put(txn, begun, count);
	if (!error)
		error = end(txn, begun, count);
	txn->brief = false;
	return error;
}
