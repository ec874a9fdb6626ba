/*
 * Packed events, as a damaged database may hold them: what comes out is in
 * range, and comes out again when it is packed anew.
 */

#include "daemon/store/sqlite_event.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct event *event)
{
	require(event_kind_is_kept(event->kind));
	require(event->cause < CAUSE_COUNT);
	require(event->lane >= 0);
}

static bool same(const struct event *a, const struct event *b)
{
	return a->kind == b->kind && a->cause == b->cause && a->job == b->job &&
	       a->attempt == b->attempt && a->lane == b->lane &&
	       a->group == b->group;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_walk walk = {.left = {(const char *)data, size}}, again;
	struct event_pack pack = {0};
	struct event event, copy;

	if (size > FUZZ_BYTES_MAX)
		return 0;
	while (event_unpack(&walk, &event)) {
		check(&event);
		if (event_pack_add(&pack, &event))
			abort();
	}
	/* Each is packed no longer than it was. */
	require(pack.n <= size);
	walk = (struct event_walk){.left = {(const char *)data, size}};
	again = (struct event_walk){
		.left = {(const char *)pack.p, pack.n},
	};
	for (int64_t i = 0; i < pack.count; i++)
		require(event_unpack(&walk, &event) &&
			event_unpack(&again, &copy) && same(&event, &copy));
	require(!event_unpack(&again, &copy));
	event_pack_fini(&pack);
	return 0;
}
