/*
 * A whole program with libreeve: a consumer of the handler `square`, which is
 * given {"args":[NUMBER]}. Build it with
 *
 *	cc example_consumer.c $(pkg-config --cflags --libs reeve) -o consumer
 *
 * Its arguments: after how many jobs it ends, and another handler's name.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/reeve_consume.h" /* <reeve_consume.h> outside of this tree */

static int complain(const struct reeve *r, const char *what)
{
	const struct reeve_error *error = reeve_error(r);

	fprintf(stderr, "%s: %s\n%s\n", what, error->message, error->hint);
	return 1;
}

/* What takes long holds on to its lease, and hears there that it is not wanted
 * any more. */
static int hold(struct reeve *r, const struct reeve_lease *lease)
{
	struct reeve_held held = {lease->id, lease->token};
	enum reeve_hold state;

	if (reeve_extend(r, &held, 1, 0, &state) != REEVE_OK)
		return complain(r, "extend");
	return state == REEVE_HOLD_OURS ? 0 : 1;
}

/* Return: 0 when the daemon was told. */
static int work(struct reeve *r, const struct reeve_lease *lease)
{
	struct reeve_outcome outcome = {.id = lease->id, .token = lease->token};
	struct reeve_held held = {lease->id, lease->token};
	const char *first = strchr(lease->args, '[');
	enum reeve_hold state;
	char result[32];
	char *end = NULL;
	int64_t number = first ? strtoll(first + 1, &end, 10) : 0;

	if (hold(r, lease) != 0 ||
	    reeve_tell_progress(r, &held, 0.5, "half way", NULL) != REEVE_OK)
		return complain(r, "job");
	if (first && end != first + 1) {
		snprintf(result, sizeof(result), "%" PRId64, number * number);
		outcome.result = result;
	} else {
		outcome.failure_type = "TypeError";
		outcome.failure = "there is no number in its arguments";
		outcome.bury = true; /* another try would end the same way */
	}
	if (reeve_settle(r, &outcome, 1, &state) != REEVE_OK)
		return complain(r, "settle");
	printf("job %" PRId64 ": %s%s\n", lease->id,
	       outcome.failure ? outcome.failure : outcome.result,
	       state == REEVE_HOLD_LOST ? ", which came too late" : "");
	return 0;
}

int main(int argc, char **argv)
{
	const char *const handlers[] = {argc > 2 ? argv[2] : "square", NULL};
	struct reeve_reserve reserve = {.handlers = handlers, .most = 10};
	int64_t count = argc > 1 ? strtoll(argv[1], NULL, 10) : 1;
	struct reeve_consumer *consumer = NULL;
	struct reeve *r = reeve_new();
	int code = 0;

	if (!r)
		return 1;
	if (reeve_connect(r, NULL) != REEVE_OK ||
	    reeve_consumer_new(r, &reserve, &consumer) != REEVE_OK)
		code = complain(r, "connect");
	for (int64_t i = 0; code == 0 && i < count; i++) {
		struct reeve_lease *lease = NULL;

		if (reeve_consumer_next(consumer, -1, &lease) != REEVE_OK)
			code = complain(r, "reserve");
		else
			code = work(r, lease);
		reeve_lease_free(lease);
	}
	/* What it has in hand beyond those goes back. */
	reeve_consumer_free(consumer);
	reeve_free(r);
	return code;
}
