#include "daemon/worker/order.h"

#include <errno.h>

#include "proto/json_in.h"

static bool read_member(struct order *order, struct slice key,
			struct slice value, int64_t *context)
{
	const struct {
		const char *name;
		int64_t *to;
	} numbers[] = {
		{"job", &order->id},
		{"token", &order->token},
		{"attempt", &order->attempt},
		{"group", &order->group},
		{"context", context},
		{"timeout_ms", &order->timeout_ms},
		{"grace_ms", &order->grace_ms},
		{"uid", &order->uid},
	};

	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
		if (json_key_is(key, numbers[i].name))
			return json_kind(value) == JSON_NULL ||
			       (json_int(value, numbers[i].to) == 0 &&
				*numbers[i].to >= 0);
	}
	if (json_key_is(key, "orphans"))
		order->keep = slice_equal(value, SLICE("\"keep\""));
	else if (json_key_is(key, "spec"))
		order->spec = value;
	else if (json_key_is(key, "handler"))
		order->handler = value;
	else if (json_key_is(key, "queue"))
		order->queue = value;
	return true;
}

static int find_place(struct order *order, struct places *places,
		      int64_t context)
{
	/* A handler runs where its worker is. */
	if (order->handler.n)
		return 0;
	/* 0 is what a submission without a context gets. */
	if (context == 0)
		return place_new(&order->place, 0, SLICE("{}"));
	order->place = places_get(places, context);
	return order->place ? 0 : ORDER_E_PLACE;
}

int order_new(struct order **ret, struct slice line, struct places *places,
	      int64_t default_grace_ms)
{
	struct order *order = calloc(1, sizeof(*order) + line.n + 1);
	struct slice key, value;
	struct json_iter iter;
	int64_t context = 0;
	int r;

	if (!order)
		return -ENOMEM;
	memcpy(order->line, line.p, line.n);
	order->grace_ms = default_grace_ms;
	iter = json_enter((struct slice){order->line, line.n});
	while (json_member(&iter, &key, &value)) {
		if (!read_member(order, key, value, &context)) {
			order_free(order);
			return ORDER_E_BAD;
		}
	}
	if (order->id <= 0 || order->token <= 0) {
		order_free(order);
		return ORDER_E_BAD;
	}
	r = find_place(order, places, context);
	if (r) {
		order_free(order);
		return r;
	}
	*ret = order;
	return 0;
}

void order_free(struct order *order)
{
	if (!order)
		return;
	place_unref(order->place);
	parcel_unref(order->parcel);
	free(order);
}
