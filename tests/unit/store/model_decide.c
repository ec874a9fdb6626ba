#include "tests/unit/store/model.h"

struct slice model_rule(int rule)
{
	static const char *const rules[RULES] = {
		"{\"max_attempts\":3,\"backoff_ms\":5,\"jitter\":0.5}",
		"{\"max_attempts\":2,\"backoff_ms\":0,"
		"\"causes\":[\"exit\",\"signal\"]}",
		"{\"max_attempts\":4,\"backoff_ms\":10,"
		"\"causes\":[\"exit\"],\"exit_codes\":[3]}",
	};

	return slice_of(rules[rule - 1]);
}

int model_queue(uint32_t lane)
{
	static const int queues[LANES] = {0, 1, 0, 2};

	return queues[lane];
}

struct model_job *model_word(struct model *m, int word)
{
	for (size_t i = 0; word && i < m->count; i++) {
		if (model_is_live(&m->jobs[i]) && m->jobs[i].word == word)
			return &m->jobs[i];
	}
	return NULL;
}

static struct model_job *with_key(struct model *m, int key)
{
	for (size_t i = 0; key && i < m->count; i++) {
		struct model_job *job = &m->jobs[i];

		if (!job->gone && job->key_held && job->key == key)
			return job;
	}
	return NULL;
}

bool model_group_takes(const struct model *m, int64_t group)
{
	for (int i = 0; i < GROUPS; i++) {
		if (m->groups[i] == group)
			return !m->closed[i];
	}
	return false; /* replaced: it was closed */
}

static bool waits(const struct model_job *job)
{
	return model_is_live(job) && job->facts.state != STATE_RUNNING;
}

static int64_t waiting_in(const struct model *m, int queue)
{
	int64_t count = 0;

	for (size_t i = 0; i < m->count; i++)
		count += waits(&m->jobs[i]) &&
			 model_queue(m->jobs[i].lane) == queue;
	return count;
}

/* The one before it in the unit that will have this number; 0: none. */
static int64_t planned_with(const struct verdict *verdicts, const int *numbers,
			    size_t first, size_t at)
{
	int64_t id = 0;

	for (size_t i = first; i < at; i++) {
		if (verdicts[i].what == STORE_NEW && numbers[at] &&
		    numbers[i] == numbers[at])
			id = verdicts[i].id;
	}
	return id;
}

static void judge(const struct store_entry *entry, int64_t planned,
		  struct model_job *holder, struct verdict *verdict,
		  struct model_job **ret_over)
{
	if (verdict->what != STORE_NEW || (!planned && !holder))
		return;
	if (entry->on_conflict == CONFLICT_RETURN_EXISTING) {
		verdict->what = STORE_EXISTING;
		verdict->id = planned ? planned : holder->id;
	} else if (planned) {
		verdict->what = STORE_REFUSED_TAKEN;
		verdict->id = 0;
	} else if (entry->on_conflict == CONFLICT_REJECT ||
		   holder->facts.state == STATE_RUNNING) {
		verdict->what = STORE_REFUSED_TAKEN;
		verdict->id = holder->id;
	} else {
		*ret_over = holder;
	}
}

static void decide_one(struct model *m, const struct store_batch *batch,
		       size_t first, size_t i, int64_t id, int64_t *planned,
		       struct verdict *verdicts)
{
	const struct store_entry *entry = &batch->entries[i];
	struct verdict *verdict = &verdicts[i];
	int queue = model_queue(entry->lane);
	int64_t freed = 0;

	*verdict = (struct verdict){.what = STORE_NEW};
	judge(entry, planned_with(verdicts, m->entry_keys, first, i),
	      with_key(m, m->entry_keys[i]), verdict, &verdict->key);
	judge(entry, planned_with(verdicts, m->entry_words, first, i),
	      model_word(m, m->entry_words[i]), verdict, &verdict->word);
	if (verdict->what != STORE_NEW)
		return;
	if (verdict->key && waits(verdict->key))
		freed += model_queue(verdict->key->lane) == queue;
	if (verdict->word && verdict->word != verdict->key)
		freed += model_queue(verdict->word->lane) == queue;
	if (m->limits[queue] &&
	    waiting_in(m, queue) + planned[queue] - freed >= m->limits[queue]) {
		verdict->what = STORE_REFUSED_FULL;
		return;
	}
	planned[queue] += 1 - freed;
	verdict->id = id;
}

static bool unit_refused(struct model *m, const struct store_batch *batch,
			 uint32_t unit)
{
	for (size_t i = 0; unit && i < batch->entry_count; i++) {
		const struct store_entry *entry = &batch->entries[i];

		if (entry->unit == unit && entry->group &&
		    !model_group_takes(m, entry->group))
			return true;
	}
	return false;
}

void model_decide(struct model *m, const struct store_batch *batch,
		  size_t first, size_t last, struct verdict *ret)
{
	int64_t planned[QUEUES] = {0};
	int64_t id = (int64_t)m->count + 1;
	uint32_t unit = batch->entries[first].unit;
	bool no_group = unit_refused(m, batch, unit);
	bool refused = no_group;

	for (size_t i = first; i < last; i++) {
		const struct store_entry *entry = &batch->entries[i];

		if (entry->group && !model_group_takes(m, entry->group))
			ret[i] = (struct verdict){.what = STORE_REFUSED_GROUP};
		else if (no_group)
			ret[i] =
				(struct verdict){.what = STORE_REFUSED_DEPENDS};
		else
			decide_one(m, batch, first, i, id, planned, ret);
		id += ret[i].what == STORE_NEW;
		refused |= ret[i].what != STORE_NEW &&
			   ret[i].what != STORE_EXISTING;
	}
	for (size_t i = first; unit && refused && i < last; i++) {
		if (ret[i].what == STORE_NEW || ret[i].what == STORE_EXISTING)
			ret[i] =
				(struct verdict){.what = STORE_REFUSED_DEPENDS};
	}
}
