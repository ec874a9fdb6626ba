#include "proto/names.h"

#define NAME_ENTRY(name, text) text,
static const char *const states[] = {JOB_STATES(NAME_ENTRY)};
static const char *const causes[] = {JOB_CAUSES(NAME_ENTRY)};
static const char *const durabilities[] = {DURABILITIES(NAME_ENTRY)};
static const char *const event_kinds[] = {EVENT_KINDS(NAME_ENTRY)};

const char *state_name(enum job_state state)
{
	require(state < STATE_COUNT);
	return states[state];
}

const char *cause_name(enum job_cause cause)
{
	require(cause < CAUSE_COUNT);
	return causes[cause];
}

const char *durability_name(enum durability durability)
{
	require(durability < DURABILITY_COUNT);
	return durabilities[durability];
}

const char *event_kind_name(enum event_kind kind)
{
	require(kind < EVENT_KIND_COUNT);
	return event_kinds[kind];
}

static bool find(const char *const *names, size_t count, struct slice text,
		 size_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_is(text, names[i])) {
			*ret = i;
			return true;
		}
	}
	return false;
}

bool state_parse(struct slice text, enum job_state *ret)
{
	size_t i;

	if (!find(states, STATE_COUNT, text, &i))
		return false;
	*ret = (enum job_state)i;
	return true;
}

bool cause_parse(struct slice text, enum job_cause *ret)
{
	size_t i;

	if (!find(causes, CAUSE_COUNT, text, &i))
		return false;
	*ret = (enum job_cause)i;
	return true;
}

bool event_kind_parse(struct slice text, enum event_kind *ret)
{
	size_t i;

	if (!find(event_kinds, EVENT_KIND_COUNT, text, &i))
		return false;
	*ret = (enum event_kind)i;
	return true;
}

bool event_kind_is_kept(unsigned int kind)
{
	return kind <= EVENT_REMOVED;
}

bool state_is_end(enum job_state state)
{
	return state == STATE_SUCCEEDED || state == STATE_FAILED ||
	       state == STATE_CANCELLED;
}
