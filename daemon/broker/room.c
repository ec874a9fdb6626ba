#include "daemon/broker/room.h"

#include "daemon/broker/call.h"
#include "daemon/broker/state.h"

void rooms_init(struct rooms *rooms)
{
	*rooms = (struct rooms){0};
	TAILQ_INIT(&rooms->list);
}

static void stop_waiting(struct room *room)
{
	struct rooms *rooms = &room->call->broker->rooms;

	TAILQ_REMOVE(&rooms->list, room, link);
	rooms->count--;
	rooms->bytes -= room->bytes;
	room->waiting = false;
	room->call->deaf = NULL;
}

static struct room *find(struct call *call)
{
	struct room *room;

	TAILQ_FOREACH (room, &call->broker->rooms.list, link) {
		if (room->call == call)
			return room;
	}
	return NULL;
}

static void on_deaf(struct call *call)
{
	struct room *room = find(call);

	if (!room)
		return;
	stop_waiting(room);
	call_release(call);
}

/* Who was refused a second time keeps its place. */
static void insert(struct rooms *rooms, struct room *room)
{
	struct room *before = TAILQ_LAST(&rooms->list, room_list);

	if (!room->order)
		room->order = ++rooms->last_order;
	while (before && before->order > room->order)
		before = TAILQ_PREV(before, room_list, link);
	if (before)
		TAILQ_INSERT_AFTER(&rooms->list, before, room, link);
	else
		TAILQ_INSERT_HEAD(&rooms->list, room, link);
}

bool room_wait(struct room *room)
{
	struct call *call = room->call;
	struct rooms *rooms = &call->broker->rooms;

	require(!room->waiting && room->need > 0);
	if (!call->conn || rooms->count >= ROOMS_MAX ||
	    rooms->bytes + room->bytes > ROOMS_BYTES_MAX)
		return false;
	insert(rooms, room);
	rooms->count++;
	rooms->bytes += room->bytes;
	room->waiting = true;
	/* What is behind it on its connection waits with it. */
	call->conn->alone = true;
	call->deaf = on_deaf;
	call_hold(call);
	return true;
}

static bool is_concerned(const struct batch *batch, struct slice queue)
{
	if (!batch)
		return true;
	for (size_t i = 0; i < batch->store.changed_lane_count; i++) {
		if (slice_equal(batch->store.changed_lanes[i].queue, queue))
			return true;
	}
	for (size_t i = 0; i < batch->store.queue_count; i++) {
		if (slice_equal(batch->store.queues[i].name, queue))
			return true;
	}
	return false;
}

/* How many more jobs the queue takes, as far as we know. */
static int64_t room_of(struct broker *broker, struct slice name)
{
	struct store_queue set = queue_settings(&broker->queues, name);
	int64_t counts[STATE_COUNT] = {0};

	if (!set.max_length)
		return INT64_MAX;
	lanes_sum(&broker->lanes, name, counts);
	return set.max_length - lane_waiting(counts);
}

/* Settings changed: there is nothing left to wait for. */
static bool is_pointless(struct broker *broker, const struct room *room)
{
	struct store_queue set = queue_settings(&broker->queues, room->queue);

	return set.overflow != STORE_OVERFLOW_BLOCK ||
	       room->need > set.max_length;
}

void rooms_look(struct broker *broker, const struct batch *batch)
{
	struct room_list later = TAILQ_HEAD_INITIALIZER(later);
	bool stops = broker->stop != BROKER_RUNS;
	struct slice full = {0}; /* the queue that was looked at last ... */
	struct room *room, *next;
	int64_t left = 0; /* ... and what it has left */

	for (room = TAILQ_FIRST(&broker->rooms.list); room; room = next) {
		int64_t need = room->need;

		next = TAILQ_NEXT(room, link);
		if (!stops && !is_concerned(batch, room->queue))
			continue;
		if (!full.p || !slice_equal(full, room->queue)) {
			full = room->queue;
			left = room_of(broker, room->queue);
		}
		if (!stops && left < need && !is_pointless(broker, room))
			continue;
		stop_waiting(room);
		/* It may not come back before this round is over. */
		TAILQ_INSERT_TAIL(&later, room, link);
		left -= left < need ? 0 : need; /* it is refused, or fits */
	}
	while ((room = TAILQ_FIRST(&later))) {
		struct call *call = room->call;

		TAILQ_REMOVE(&later, room, link);
		if (call->conn)
			room->again(call, room_of(broker, room->queue));
		call_release(call);
	}
}
