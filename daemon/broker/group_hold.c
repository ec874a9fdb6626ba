#include "daemon/broker/group_hold.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/broker/call.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"

#define MS INT64_C(1000000)

struct group_holder {
	TAILQ_ENTRY(group_holder) link;
	struct group_hold *hold;
	struct call *call;
};

static void forget(struct broker *broker, struct group_hold *hold)
{
	waits_remove(&broker->waits, &hold->waiter);
	HASH_DEL(broker->holds.by_id, hold);
	broker->holds.loose -= hold->until_ns != 0;
	free(hold);
}

static void let_loose(struct broker *broker, struct group_hold *hold,
		      int64_t grace_ms)
{
	broker->holds.loose += !hold->until_ns;
	hold->until_ns = clock_mono_ns() + grace_ms * MS;
}

/* It is closed, whoever did it: its holders are told, and free. */
static void on_told(struct waiter *waiter, const struct store_row *row,
		    const struct store_group *group)
{
	struct group_hold *hold =
		(struct group_hold *)((char *)waiter -
				      offsetof(struct group_hold, waiter));
	struct broker *broker = waiter->owner;
	struct group_holder *holder;

	(void)row;
	if (!group || !group->closed)
		return;
	while ((holder = TAILQ_FIRST(&hold->holders))) {
		TAILQ_REMOVE(&hold->holders, holder, link);
		holder->call->deaf = NULL;
		call_reply(holder->call, false);
		call_reply_end(holder->call);
	}
	forget(broker, hold);
}

static struct group_hold *get(struct broker *broker, int64_t id)
{
	struct group_hold *hold = NULL;

	HASH_FIND(hh, broker->holds.by_id, &id, sizeof(id), hold);
	if (hold)
		return hold;
	hold = calloc(1, sizeof(*hold));
	if (!hold)
		return NULL;
	hold->id = id;
	hold->waiter.told = on_told;
	hold->waiter.owner = broker;
	TAILQ_INIT(&hold->holders);
	if (waits_group(&broker->waits, id, &hold->waiter)) {
		free(hold);
		return NULL;
	}
	HASH_ADD(hh, broker->holds.by_id, id, sizeof(hold->id), hold);
	return hold;
}

int group_hold_adopt(struct broker *broker, int64_t id)
{
	struct group_hold *hold = get(broker, id);

	if (!hold)
		return -ENOMEM;
	let_loose(broker, hold, GROUP_HOLD_ADOPT_MS);
	return 0;
}

static void on_deaf(struct call *call)
{
	struct group_holder *holder = call->state;
	struct group_hold *hold = holder->hold;

	TAILQ_REMOVE(&hold->holders, holder, link);
	if (TAILQ_EMPTY(&hold->holders))
		let_loose(call->broker, hold, GROUP_HOLD_GRACE_MS);
}

int group_hold_take(struct call *call, int64_t id)
{
	struct broker *broker = call->broker;
	struct group_holder *holder = arena_alloc(&call->arena,
						  sizeof(*holder));
	struct group_hold *hold = holder ? get(broker, id) : NULL;

	if (!hold)
		return -ENOMEM;
	/* It went while its call was committed. */
	if (!call->conn) {
		if (TAILQ_EMPTY(&hold->holders))
			let_loose(broker, hold, GROUP_HOLD_GRACE_MS);
		return 0;
	}
	broker->holds.loose -= hold->until_ns != 0;
	hold->until_ns = 0;
	*holder = (struct group_holder){.hold = hold, .call = call};
	TAILQ_INSERT_TAIL(&hold->holders, holder, link);
	call->state = holder;
	call->deaf = on_deaf;
	if (call->more) {
		call_reply(call, true);
		call_reply_end(call);
	}
	return 0;
}

static void abandon(struct broker *broker, struct group_hold *hold)
{
	size_t i;

	/* Again, should the store not take it. */
	let_loose(broker, hold, GROUP_HOLD_ADOPT_MS);
	if (batch_add_group(broker->gathering, &i))
		return;
	broker->gathering->store.groups[i] = (struct store_group_op){
		.kind = STORE_GROUP_ABANDON,
		.id = hold->id,
	};
	log_info("closed, nobody holds it any more group=%lld",
		 (long long)hold->id);
	cycle_kick(broker);
}

void group_holds_tick(struct broker *broker, int64_t now_ns)
{
	struct group_hold *hold, *next;

	if (!broker->holds.loose || broker->store_broken || broker->ending)
		return;
	HASH_ITER (hh, broker->holds.by_id, hold, next) {
		if (hold->until_ns && now_ns >= hold->until_ns)
			abandon(broker, hold);
	}
}

void group_holds_fini(struct broker *broker)
{
	struct group_hold *hold, *next;

	HASH_ITER (hh, broker->holds.by_id, hold, next)
		forget(broker, hold);
}
