#include "daemon/store/tally.h"

#include <errno.h>

#define TALLY_FIRST 16

static size_t slot_of(const struct tally *tally, int64_t id)
{
	uint64_t hash = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(hash >> 32) & (tally->slot_count - 1);
}

static void place(struct tally *tally, size_t index)
{
	size_t at = slot_of(tally, tally->entries[index].id);

	while (tally->slots[at])
		at = (at + 1) & (tally->slot_count - 1);
	tally->slots[at] = (uint32_t)index + 1;
}

/* The table stays at most half full. */
static int grow(struct tally *tally)
{
	size_t capacity = tally->capacity ? tally->capacity * 2 : TALLY_FIRST;
	struct tally_entry *entries;
	uint32_t *slots;

	entries = reallocarray(tally->entries, capacity, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	tally->entries = entries;

	slots = calloc(capacity * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(tally->slots);
	tally->slots = slots;
	tally->slot_count = capacity * 2;
	tally->capacity = capacity;
	for (size_t i = 0; i < tally->count; i++)
		place(tally, i);
	return 0;
}

const struct tally_entry *tally_find(const struct tally *tally, int64_t id)
{
	size_t at;

	if (!tally->count)
		return NULL;
	for (at = slot_of(tally, id); tally->slots[at];
	     at = (at + 1) & (tally->slot_count - 1)) {
		const struct tally_entry *entry =
			&tally->entries[tally->slots[at] - 1];

		if (entry->id == id)
			return entry;
	}
	return NULL;
}

int tally_at(struct tally *tally, int64_t id, struct tally_entry **ret)
{
	const struct tally_entry *found = tally_find(tally, id);

	if (found) {
		*ret = &tally->entries[found - tally->entries];
		return 0;
	}
	if (tally->count == tally->capacity) {
		int error = grow(tally);

		if (error)
			return error;
	}

	*ret = &tally->entries[tally->count];
	**ret = (struct tally_entry){.id = id};
	place(tally, tally->count++);
	return 0;
}

void tally_clear(struct tally *tally)
{
	if (tally->count)
		memset(tally->slots, 0,
		       tally->slot_count * sizeof(*tally->slots));
	tally->count = 0;
}

void tally_fini(struct tally *tally)
{
	free(tally->entries);
	free(tally->slots);
	*tally = (struct tally){0};
}
