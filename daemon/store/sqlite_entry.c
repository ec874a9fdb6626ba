/* Entries: new jobs. */

#include "daemon/store/sqlite_txn.h"

#include <errno.h>

/* What the entries of one lane have in common, to know whether they may start
 * without going through the ready index. */
struct lane_plan {
	int32_t priority;
	bool seen, mixed;
};

struct entering {
	struct txn *txn;
	struct lane_plan *plans; /* by lane of the batch */
	struct tally refused;	 /* units with a refusal */
};

/* STORE_NEW: it takes jobs; else why not. */
static int group_takes(struct txn *txn, int64_t id, enum store_entered *ret)
{
	struct tally_entry *entry;
	struct store_group group;
	bool found;
	int error;

	if (tally_at(&txn->store->groups, id, &entry))
		return -ENOMEM;
	if (!entry->mark) {
		error = group_read(txn->sql, txn->arena, id, &group, &found);
		if (error)
			return error;
		entry->mark = !found	     ? GROUP_REFUSES
			      : group.closed ? GROUP_CLOSED
					     : GROUP_TAKES;
	}
	*ret = entry->mark & GROUP_TAKES    ? STORE_NEW
	       : entry->mark & GROUP_CLOSED ? STORE_REFUSED_CLOSED
					    : STORE_REFUSED_GROUP;
	return 0;
}

static bool has_refused(const struct entering *entering, uint32_t unit)
{
	return unit && tally_find(&entering->refused, unit);
}

/* Refusals first: none of a unit is entered when one of it is refused. */
static int look(struct entering *entering)
{
	struct txn *txn = entering->txn;
	struct store_batch *batch = txn->batch;

	for (size_t i = 0; i < batch->entry_count; i++) {
		struct store_entry *entry = &batch->entries[i];
		struct lane_plan *plan = &entering->plans[entry->lane];
		int error = 0;

		require(entry->lane < batch->lane_count);
		entry->what = STORE_NEW;
		entry->id = 0;
		if (!plan->seen)
			plan->priority = entry->priority;
		plan->mixed |= plan->priority != entry->priority;
		plan->seen = true;
		if (entry->group)
			error = group_takes(txn, entry->group, &entry->what);
		if (error)
			return error;
		if (entry->what != STORE_NEW && entry->unit) {
			struct tally_entry *unit;

			if (tally_at(&entering->refused, entry->unit, &unit))
				return -ENOMEM;
		}
	}
	return 0;
}

/* @ret_id: of the job that has the key already; 0: it is ours now. */
static int take_key(struct txn *txn, const struct store_entry *entry,
		    int64_t id, int64_t *ret_id)
{
	int error = 0;
	struct sqlite3_stmt *stmt = sql_use(txn->sql, SQL_KEY_ADD, &error);
	bool found;

	*ret_id = 0;
	if (!stmt)
		return error;
	SQL_INTS(stmt, entry->uid, 0, id);
	sql_bind_text(stmt, 2, entry->key);
	error = sql_run(txn->sql, stmt);
	if (error || sql_changes(txn->sql) > 0)
		return error;

	stmt = sql_use(txn->sql, SQL_KEY_GET, &error);
	if (!stmt)
		return error;
	SQL_INTS(stmt, entry->uid);
	sql_bind_text(stmt, 2, entry->key);
	error = sql_row(txn->sql, stmt, &found);
	if (error)
		return error;
	if (!found)
		return sql_damaged(txn->sql, "a key is there and is not");
	*ret_id = sql_int(stmt, 0);
	sql_done(stmt);
	return 0;
}

static uint32_t flags_of(const struct store_entry *entry)
{
	uint32_t flags = 0;

	if (entry->once)
		flags |= FLAG_ONCE;
	if (entry->orphans_keep)
		flags |= FLAG_ORPHANS_KEEP;
	if (entry->name.n || entry->key.n || entry->tags.n)
		flags |= FLAG_WORDS;
	if (entry->key.n)
		flags |= FLAG_KEY;
	return flags;
}

static int flush(struct txn *txn)
{
	struct feed *feed = &txn->store->feed;
	int error;

	if (!feed->rows)
		return 0;
	error = feed_run(feed, txn->sql, SQL_JOB_ADD);
	if (!error)
		error = feed_run(feed, txn->sql, SQL_BODY_ADD);
	feed_clear(feed);
	return error;
}

static int put_rows(struct txn *txn, const struct live *live,
		    const struct store_entry *entry)
{
	const struct job_facts *facts = &live->facts;
	const int64_t cells[LIVE_COLUMNS] = {
		live->id,
		live->lane,
		facts->state,
		-(int64_t)live->priority,
		live->seq,
		facts->attempt,
		facts->max_attempts,
		facts->crashes,
		facts->crash_limit,
		live->cause,
		live->flags,
		live->uid,
		live->gid,
		live->context,
		live->group,
		live->created_ms,
		facts->run_at_ms,
		live->started_ms,
		live->timeout_ms,
		live->grace_ms,
		live->worker,
		live->token,
	};
	struct slice *texts;
	int error = 0;

	if (feed_is_full(&txn->store->feed))
		error = flush(txn);
	if (error)
		return error;
	texts = feed_add(&txn->store->feed, cells, LIVE_COLUMNS);
	texts[0] = entry->name;
	texts[1] = entry->key;
	texts[2] = entry->tags;
	texts[3] = entry->spec;
	return 0;
}

static void first_facts(const struct txn *txn, const struct store_entry *entry,
			struct job_facts *ret)
{
	*ret = (struct job_facts){
		.state = job_first_state(entry->hold, false, entry->run_at_ms,
					 txn->now_ms),
		.max_attempts = entry->max_attempts ? entry->max_attempts : 1,
		.crash_limit = entry->crash_limit ? entry->crash_limit : 1,
		.once = entry->once,
		.run_at_ms = entry->run_at_ms,
	};
}

/* It can start at once: nobody waits before it, and a worker has room. Jobs of
 * several priorities go through the index, which knows their order. */
static int start(struct entering *entering, const struct store_entry *entry,
		 struct live *live, uint32_t *ret_want)
{
	struct txn *txn = entering->txn;
	struct lane *lane = txn->lanes[entry->lane];
	struct job_step step;
	uint32_t want;

	*ret_want = WANT_NONE;
	if (live->facts.state != STATE_READY ||
	    entering->plans[entry->lane].mixed || sqlite_lane_ready(lane) > 0)
		return 0;
	want = txn_want(txn, entry->lane);
	if (want == WANT_NONE)
		return 0;
	if (job_step(&live->facts, JOB_CLAIM, CAUSE_NONE, txn->now_ms, &step))
		return sql_damaged(txn->sql, "a new job cannot be claimed");
	live->facts = step.facts;
	live->token = txn->next.token++;
	live->worker = txn->batch->wants[want].worker;
	live->started_ms = txn->now_ms;
	*ret_want = want;
	return 0;
}

static int count_in(struct txn *txn, struct lane *lane, const struct live *live)
{
	struct tally_entry *context;
	int error = txn_count(txn, lane, live->group, STATE_COUNT,
			      live->facts.state);

	if (!error && live->context) {
		error = tally_at(&txn->store->contexts, live->context,
				 &context);
		if (!error)
			context->add[0]++;
	}
	if (live->facts.state == STATE_SCHEDULED &&
	    (!txn->due_ms || live->facts.run_at_ms < txn->due_ms))
		txn->due_ms = live->facts.run_at_ms;
	return error;
}

static int put(struct entering *entering, const struct store_entry *entry,
	       struct live *live)
{
	struct txn *txn = entering->txn;
	struct slice spec;
	uint32_t want;
	int error = start(entering, entry, live, &want);

	if (!error)
		error = put_rows(txn, live, entry);
	if (!error)
		error = count_in(txn, txn->lanes[entry->lane], live);
	if (!error)
		error = txn_event(txn, EVENT_SUBMITTED, live->id, 0,
				  CAUSE_NONE);
	if (error || want == WANT_NONE)
		return error;
	error = arena_copy(txn->arena, entry->spec, &spec);
	if (!error)
		error = txn_claim(txn, want, live, spec);
	return error;
}

static int enter(struct entering *entering, struct store_entry *entry)
{
	struct txn *txn = entering->txn;
	struct live live = {
		.id = txn->next.job,
		.lane = txn->lanes[entry->lane]->id,
		.priority = entry->priority,
		.flags = flags_of(entry),
		.uid = entry->uid,
		.gid = entry->gid,
		.group = entry->group,
		.created_ms = txn->now_ms,
		.timeout_ms = entry->timeout_ms,
		.grace_ms = entry->grace_ms,
	};
	int64_t existing;
	int error;

	if (entry->key.n) {
		error = take_key(txn, entry, live.id, &existing);
		if (error)
			return error;
		if (existing) {
			entry->what = STORE_EXISTING;
			entry->id = existing;
			return 0;
		}
	}
	if (entry->context != UINT32_MAX) {
		require(entry->context < txn->batch->context_count);
		live.context = txn->contexts[entry->context];
	}
	live.seq = txn->next.seq++;
	entry->id = txn->next.job++;
	first_facts(txn, entry, &live.facts);
	return put(entering, entry, &live);
}

int txn_entries(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	struct entering entering = {.txn = txn};
	int error;

	if (!batch->entry_count)
		return 0;
	entering.plans = arena_array(txn->arena, batch->lane_count,
				     sizeof(*entering.plans));
	if (!entering.plans)
		return -ENOMEM;
	error = look(&entering);
	for (size_t i = 0; !error && i < batch->entry_count; i++) {
		struct store_entry *entry = &batch->entries[i];

		if (entry->what != STORE_NEW)
			continue;
		if (has_refused(&entering, entry->unit))
			entry->what = STORE_REFUSED_DEPENDS;
		else
			error = enter(&entering, entry);
	}
	tally_fini(&entering.refused);
	return error ? error : flush(txn);
}
