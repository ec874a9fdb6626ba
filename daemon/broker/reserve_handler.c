#include "daemon/broker/reserve_handler.h"

#include <errno.h>

#include "proto/limits.h"

struct reserve_handler *
reserve_handler_find(const struct reserve_handlers *handlers, struct slice name)
{
	struct reserve_handler *handler = NULL;

	HASH_FIND(hh, handlers->by_name, name.p, name.n, handler);
	return handler;
}

static void forget(struct reserve_handlers *handlers,
		   struct reserve_handler *handler)
{
	HASH_DEL(handlers->by_name, handler);
	handlers->count--;
	free(handler);
}

void reserve_handlers_fini(struct reserve_handlers *handlers)
{
	struct reserve_handler *handler, *next;

	HASH_ITER (hh, handlers->by_name, handler, next) {
		require(TAILQ_EMPTY(&handler->interests));
		forget(handlers, handler);
	}
}

/* The oldest that nobody asks for any more makes room. */
static bool make_room(struct reserve_handlers *handlers)
{
	struct reserve_handler *handler;

	if (handlers->count < LIMIT_CONSUMED_HANDLERS)
		return true;
	for (handler = handlers->by_name; handler; handler = handler->hh.next) {
		if (!TAILQ_EMPTY(&handler->interests))
			continue;
		forget(handlers, handler);
		return true;
	}
	return false;
}

int reserve_handler_get(struct reserve_handlers *handlers, struct slice name,
			struct reserve_handler **ret)
{
	struct reserve_handler *handler = reserve_handler_find(handlers, name);

	*ret = handler;
	if (handler)
		return 0;
	if (!make_room(handlers))
		return RESERVE_HANDLER_E_TOO_MANY;
	handler = calloc(1, sizeof(*handler) + name.n + 1);
	if (!handler)
		return -ENOMEM;
	TAILQ_INIT(&handler->interests);
	memcpy(handler->name, name.p, name.n);
	HASH_ADD_KEYPTR(hh, handlers->by_name, handler->name, name.n, handler);
	handlers->count++;
	*ret = handler;
	return 0;
}
