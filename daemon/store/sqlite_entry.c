/* Entries: new jobs. */

#include "daemon/store/sqlite_entry.h"

#include <errno.h>

#include "daemon/store/sqlite_extra.h"

/* STORE_NEW: it takes jobs; else why not. */
static int group_takes(struct txn *txn, int64_t id, enum store_entered *ret)
{
	struct tally_entry *entry;
	struct store_group group;
	bool found;
	int error;

	if (tally_at(&txn->store->groups, id, &entry))
		return -ENOMEM;
	/* A removal before this may have marked it for something else. */
	if (!(entry->mark & (GROUP_TAKES | GROUP_REFUSES | GROUP_CLOSED))) {
		error = group_read(txn->sql, txn->arena, id, &group, &found);
		if (error)
			return error;
		entry->mark |= !found	      ? GROUP_REFUSES
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
		if (entry->begun.token)
			continue;
		entry->what = STORE_NEW;
		entry->id = 0;
		entry->replaced = 0;
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

static uint32_t flags_of(const struct store_entry *entry)
{
	uint32_t flags = extra_flags(entry);

	if (entry->once)
		flags |= FLAG_ONCE;
	if (entry->orphans_keep)
		flags |= FLAG_ORPHANS_KEEP;
	if (entry->name.n || entry->key.n || entry->tags.n)
		flags |= FLAG_WORDS;
	if (entry->key.n)
		flags |= FLAG_KEY;
	if (entry->expire_ms)
		flags |= FLAG_EXPIRE;
	if (entry->descriptors)
		flags |= FLAG_CARRIED;
	if (entry->stdout_given)
		flags |= FLAG_STDOUT_GIVEN;
	if (entry->stderr_given)
		flags |= FLAG_STDERR_GIVEN;
	return flags;
}

/* Neighbours of one group become one row of table member. */
static int put_members(struct txn *txn)
{
	const struct feed *feed = &txn->store->feed;
	int error = 0;
	size_t last;

	for (size_t i = 0; !error && i < feed->rows; i = last) {
		const int64_t *row = &feed->cells[i * FEED_CELLS];
		int64_t group = row[LIVE_FEED_GROUP], id = row[0];

		for (last = i + 1; last < feed->rows; last++) {
			row += FEED_CELLS;
			if (row[LIVE_FEED_GROUP] != group || row[0] != id + 1)
				break;
			id++;
		}
		if (group)
			error = SQL_DO(txn->sql, SQL_MEMBER_ADD, group, id,
				       feed->cells[i * FEED_CELLS]);
	}
	return error;
}

int entry_flush(struct txn *txn)
{
	struct feed *feed = &txn->store->feed;
	int error = 0;

	if (!feed->rows)
		return 0;
	if (!txn->brief)
		error = feed_run(feed, txn->sql, SQL_JOB_ADD);
	if (!error)
		error = feed_run(feed, txn->sql, SQL_BODY_ADD);
	if (!error)
		error = put_members(txn);
	feed_clear(feed);
	return error;
}

static int put_rows(struct txn *txn, const struct live *live,
		    const struct store_entry *entry)
{
	struct slice *texts;
	int error = 0;

	if (feed_is_full(&txn->store->feed))
		error = entry_flush(txn);
	if (error)
		return error;
	texts = live_feed(&txn->store->feed, live);
	texts[0] = entry->name;
	texts[1] = entry->key;
	texts[2] = entry->tags;
	texts[3] = entry->spec;
	return 0;
}

int entry_facts(struct txn *txn, const struct store_entry *entry,
		struct job_facts *ret)
{
	*ret = (struct job_facts){
		.state = job_first_state(entry->hold, false, entry->run_at_ms,
					 txn->now_ms),
		.crash_limit = entry->crash_limit ? entry->crash_limit : 1,
		.once = entry->once,
		.run_at_ms = entry->run_at_ms,
	};
	return retry_tries(txn, entry, &ret->max_attempts);
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
	int error = txn_count(txn, lane, live->group, STATE_COUNT,
			      live->facts.state);

	if (!error && live->context)
		error = txn_count_context(txn, live->context, 1);
	if (live->facts.state == STATE_SCHEDULED)
		txn_due(txn, live->facts.run_at_ms);
	if (live->expire_ms && live->facts.state != STATE_RUNNING)
		txn_due(txn, live->expire_ms);
	return error;
}

int entry_put(struct txn *txn, struct lane *lane,
	      const struct store_entry *entry, const struct live *live)
{
	int error = put_rows(txn, live, entry);

	if (!error)
		error = count_in(txn, lane, live);
	if (!error && live->flags & FLAGS_EXTRA)
		error = extra_put(txn, live->id, entry);
	if (!error && live->flags & FLAG_CARRIED)
		error = SQL_DO(txn->sql, SQL_CARRIED_ADD, live->id);
	if (!error)
		error = txn_event(txn, EVENT_SUBMITTED, live, 0, CAUSE_NONE);
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
		error = entry_put(txn, txn->lanes[entry->lane], entry, live);
	if (error || want == WANT_NONE)
		return error;
	error = arena_copy(txn->arena, entry->spec, &spec);
	if (!error)
		error = txn_claim(txn, want, live, spec);
	return error;
}

struct live entry_live(const struct txn *txn, const struct store_entry *entry,
		       const struct lane *lane, int64_t id)
{
	return (struct live){
		.id = id,
		.lane = lane->id,
		.priority = entry->priority,
		.flags = flags_of(entry),
		.uid = entry->uid,
		.gid = entry->gid,
		.group = entry->group,
		.created_ms = txn->now_ms,
		.timeout_ms = entry->timeout_ms,
		.grace_ms = entry->grace_ms,
		.expire_ms = entry->expire_ms ? txn->now_ms + entry->expire_ms
					      : 0,
	};
}

struct live entry_live_here(const struct txn *txn,
			    const struct store_entry *entry, int64_t id)
{
	struct live live = entry_live(txn, entry, txn->lanes[entry->lane], id);

	if (entry->context != UINT32_MAX) {
		require(entry->context < txn->batch->context_count);
		live.context = txn->contexts[entry->context];
	}
	return live;
}

static int enter(struct entering *entering, size_t i)
{
	struct txn *txn = entering->txn;
	struct store_entry *entry = &txn->batch->entries[i];
	struct live live = entry_live_here(txn, entry, txn->next.job);
	int error = entry_take_over(entering, i);

	if (error)
		return error;
	/* What was decided on has its number already. */
	require(!entry->id || entry->id == live.id);
	live.seq = txn->next.seq++;
	entry->id = txn->next.job++;
	error = entry_facts(txn, entry, &live.facts);
	return error ? error : put(entering, entry, &live);
}

int txn_reserve(struct txn *txn)
{
	txn->batch->reserved_job = txn->next.job;
	txn->batch->reserved_token = txn->next.token;
	txn->next.job += txn->batch->reserve;
	txn->next.token += txn->batch->reserve;
	return 0;
}

/* Must somebody look whether it is a new job at all? */
static bool is_plain(const struct entering *entering,
		     const struct store_entry *entry)
{
	return !entry->key.n && !entry->unique.n &&
	       !entering->plans[entry->lane].room;
}

/* A unit, or one entry that has none. */
static int enter_unit(struct entering *entering, size_t first, size_t last)
{
	struct store_entry *entries = entering->txn->batch->entries;
	bool plain = true;
	int error = 0;

	for (size_t i = first; i < last; i++) {
		if (entries[i].what == STORE_NEW &&
		    has_refused(entering, entries[i].unit))
			entries[i].what = STORE_REFUSED_DEPENDS;
		plain &= is_plain(entering, &entries[i]);
	}
	if (!plain && entries[first].what == STORE_NEW)
		error = unit_decide(entering, first, last);
	for (size_t i = first; !error && i < last; i++) {
		if (entries[i].what == STORE_NEW)
			error = enter(entering, i);
	}
	return error;
}

int txn_entries(struct txn *txn)
{
	struct store_batch *batch = txn->batch;
	struct entering entering = {.txn = txn};
	size_t last;
	int error;

	if (!batch->entry_count)
		return 0;
	entering.plans = arena_array(txn->arena, batch->lane_count,
				     sizeof(*entering.plans));
	if (!entering.plans)
		return -ENOMEM;
	error = look(&entering);
	if (!error)
		error = queue_rooms(&entering);
	for (size_t i = 0; !error && i < batch->entry_count; i = last) {
		uint32_t unit = batch->entries[i].unit;

		last = i + 1;
		if (batch->entries[i].begun.token)
			continue; /* txn_begun() has seen to it */
		while (unit && last < batch->entry_count &&
		       batch->entries[last].unit == unit)
			last++;
		error = enter_unit(&entering, i, last);
	}
	tally_fini(&entering.refused);
	return error ? error : entry_flush(txn);
}
