#include "tests/unit/store/model.h"

#include <stdio.h>

unsigned int model_pick(struct model *m, unsigned int n)
{
	return (unsigned int)rand_r(&m->seed) % n;
}

bool model_is_live(const struct model_job *job)
{
	return !job->gone && !state_is_end(job->facts.state);
}

static int64_t some_job(struct model *m)
{
	/* Mostly young ones, which live. */
	if (!m->count)
		return 1;
	if (model_pick(m, 4) && m->count > 30)
		return (int64_t)(m->count - model_pick(m, 30));
	return 1 + model_pick(m, (unsigned int)m->count);
}

void make_outcomes(struct model *m, struct store_batch *batch)
{
	static const enum job_cause causes[] = {CAUSE_EXIT, CAUSE_SIGNAL,
						CAUSE_TIMEOUT, CAUSE_HANDLER};
	size_t n = 0;

	for (size_t i = 0; i < m->count && n < BATCH_MAX; i++) {
		struct model_job *job = &m->jobs[m->count - 1 - i];
		struct store_outcome *outcome = &m->outcomes[n];

		if (!model_is_live(job) || job->facts.state != STATE_RUNNING ||
		    model_pick(m, 3))
			continue;
		*outcome = (struct store_outcome){
			.job = job->id,
			.token = job->token - (model_pick(m, 10) == 0),
			.kind = STORE_SUCCEEDED,
			.exit_code = -1,
		};
		switch (model_pick(m, 6)) {
		case 0:
			outcome->kind = STORE_LOST;
			outcome->cause = CAUSE_WORKER_LOST;
			break;
		case 1:
			outcome->kind = STORE_PUT_BACK;
			break;
		case 2:
			outcome->kind = STORE_FAILED_ATTEMPT;
			outcome->cause = causes[model_pick(m, 4)];
			outcome->exit_code = 3 + (int32_t)model_pick(m, 2);
			outcome->log = SLICE("some output");
			break;
		default:
			outcome->exit_code = 0;
			break;
		}
		n++;
	}
	batch->outcomes = m->outcomes;
	batch->outcome_count = n;
}

void make_steer(struct model *m, struct store_batch *batch)
{
	size_t n = 1 + model_pick(m, 4);

	for (size_t i = 0; i < n; i++)
		m->steer_ids[i] = some_job(m);
	m->steer = (struct store_steer){
		.kind = (enum store_steer_kind)(STORE_CANCEL +
						model_pick(m, 6)),
		.filter = {.ids = m->steer_ids, .id_count = n},
		.uid = UINT32_MAX,
		.reason = model_pick(m, 2) ? SLICE("why")
					   : (struct slice){NULL, 0},
		.max = 1000,
		.reset_attempts = model_pick(m, 2),
		.change_priority = model_pick(m, 2),
		.change_run_at = model_pick(m, 2),
		.priority = (int32_t)model_pick(m, 3) - 1,
	};
	if (model_pick(m, 2))
		m->steer.run_at_ms = m->now_ms + model_pick(m, 30);
	if (model_pick(m, 2))
		m->steer.queue = SLICE("default");
	batch->steers = &m->steer;
	batch->steer_count = 1;
}

void make_group(struct model *m, struct store_batch *batch)
{
	m->group_at = (int)model_pick(m, GROUPS);
	m->group_op = (struct store_group_op){.kind = STORE_GROUP_OPEN};
	if (m->groups[m->group_at] && !m->closed[m->group_at])
		m->group_op = (struct store_group_op){
			.kind = STORE_GROUP_CLOSE,
			.id = m->groups[m->group_at],
		};
	batch->groups = &m->group_op;
	batch->group_count = 1;
}

void make_queue(struct model *m, struct store_batch *batch)
{
	static const char *const names[QUEUES] = {"default", "other", "third"};
	unsigned int at = model_pick(m, QUEUES);

	m->queue = (struct store_queue){
		.name = slice_of(names[at]),
		.max_length = model_pick(m, 3) ? 0 : 1 + model_pick(m, 20),
		.paused = model_pick(m, 2),
	};
	m->limits[at] = m->queue.max_length;
	batch->queues = &m->queue;
	batch->queue_count = 1;
}

static void make_entry(struct model *m, struct store_entry *entry, size_t i)
{
	*entry = fixture_entry();
	entry->lane = model_pick(m, LANES);
	entry->priority = model_pick(m, 5) ? 0 : (int32_t)model_pick(m, 3) - 1;
	entry->hold = model_pick(m, 15) == 0;
	entry->once = model_pick(m, 10) == 0;
	entry->max_attempts = 1 + model_pick(m, 3);
	entry->crash_limit = 1 + model_pick(m, 3);
	entry->on_conflict = (enum spec_on_conflict)model_pick(m, 3);
	if (model_pick(m, 2))
		entry->context = model_pick(m, CONTEXTS);
	if (model_pick(m, 8) == 0)
		entry->run_at_ms = m->now_ms + model_pick(m, 50);
	if (model_pick(m, 6) == 0)
		entry->expire_ms = 1 + model_pick(m, 60);
	if (model_pick(m, 6) == 0)
		entry->keep_ms = model_pick(m, 200);
	if (model_pick(m, 3) == 0)
		entry->name = SLICE("named");
	m->entry_keys[i] = m->entry_words[i] = m->entry_rules[i] = 0;
	if (model_pick(m, 6) == 0) {
		m->entry_keys[i] = 1 + (int)model_pick(m, KEYS);
		snprintf(m->keys[i], sizeof(m->keys[i]), "key-%d",
			 m->entry_keys[i]);
		entry->key = slice_of(m->keys[i]);
	}
	if (model_pick(m, 6) == 0) {
		m->entry_words[i] = 1 + (int)model_pick(m, WORDS);
		snprintf(m->words[i], sizeof(m->words[i]), "word-%d",
			 m->entry_words[i]);
		entry->unique = slice_of(m->words[i]);
	}
	if (model_pick(m, 3) == 0) {
		m->entry_rules[i] = 1 + (int)model_pick(m, RULES);
		entry->retry = model_rule(m->entry_rules[i]);
	}
}

void make_edit(struct model *m, struct store_batch *batch)
{
	m->edit = (struct store_edit){.job = some_job(m), .uid = UINT32_MAX};
	make_entry(m, &m->edit.entry, BATCH_MAX);
	batch->contexts = m->contexts;
	batch->context_count = CONTEXTS;
	batch->edits = &m->edit;
	batch->edit_count = 1;
}

void make_entries(struct model *m, struct store_batch *batch)
{
	size_t n = 1 + model_pick(m, BATCH_MAX);
	uint32_t unit = 0, units = 0;

	for (size_t i = 0; i < n; i++) {
		make_entry(m, &m->entries[i], i);
		/* The entries of a unit are neighbours. */
		if (model_pick(m, 3) == 0)
			unit = model_pick(m, 2) ? ++units : 0;
		m->entries[i].unit = unit;
		if (model_pick(m, 4) == 0)
			m->entries[i].group = m->groups[model_pick(m, GROUPS)];
	}
	batch->contexts = m->contexts;
	batch->context_count = CONTEXTS;
	batch->entries = m->entries;
	batch->entry_count = n;
}

void make_wants(struct model *m, struct store_batch *batch)
{
	size_t n = 1 + model_pick(m, 7);

	for (size_t i = 0; i < n; i++)
		m->wants[i] = (struct store_want){
			.lane = model_pick(m, LANES),
			.worker = 1 + model_pick(m, WORKERS),
			.max = model_pick(m, 14),
		};
	batch->wants = m->wants;
	batch->want_count = n;
}
