/*
 * One call, one reply, over the handle's own connection: connect when needed,
 * send again when that is safe.
 */

#include "client/clock.h"
#include "client/handle.h"
#include "proto/json_in.h"

#include <errno.h>

/* Methods that change nothing, or the same thing a second time. */
static const char *const repeatable_methods[] = {
	"org.reeve.jobs.Get",	     "org.reeve.jobs.List",
	"org.reeve.jobs.Count",	     "org.reeve.jobs.Wait",
	"org.reeve.jobs.Last",	     "org.reeve.jobs.GetGroup",
	"org.reeve.jobs.CloseGroup", "org.reeve.jobs.Output",
	"org.reeve.jobs.Cancel",     "org.reeve.jobs.Hold",
	"org.reeve.jobs.Release",    "org.reeve.jobs.Explain",
	"org.reeve.jobs.GetSpec",    "org.reeve.jobs.Edit",
	"org.reeve.jobs.Change",     "org.reeve.events.Subscribe",
	"org.reeve.admin.Ping",	     "org.reeve.admin.Hello",
	"org.reeve.admin.Status",    "org.reeve.admin.Config",
	"org.reeve.admin.Workers",   "org.reeve.admin.Pools",
	"org.reeve.admin.Handlers",  "org.reeve.admin.Resize",
	"org.reeve.admin.DrainPool", "org.varlink.service.GetInfo",
};

static bool is_repeatable(const char *method)
{
	for (size_t i = 0; i < ARRAY_COUNT(repeatable_methods); i++) {
		if (strcmp(method, repeatable_methods[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Send r->out and wait for its answer, once.
 * @ret_seen: whether the daemon may have read all of it
 */
static int attempt(struct reeve *r, struct slice *ret_message, bool *ret_seen)
{
	struct slice out = json_out_slice(&r->out);
	size_t sent = 0;
	int result;

	*ret_seen = false;
	if (r->fd_count)
		result = link_give(&r->link, out, r->fds, r->fd_count, &sent);
	else
		result = link_send(&r->link, out, &sent);
	*ret_seen = sent == out.n;
	if (result != 0)
		return result;
	return link_receive(&r->link, -1, ret_message);
}

/*
 * A connection that stood idle may have been closed meanwhile: that costs one
 * new connection and is no error. Between tries a pause, so that a daemon which
 * closes at once is not asked a thousand times.
 */
static int exchange(struct reeve *r, bool repeatable, struct slice *ret_message)
{
	int64_t deadline_ms = 0;

	for (;;) {
		bool seen = false;
		int result;

		if (r->link.fd < 0) {
			result = handle_dial(r, &r->link,
					     clock_monotonic_ms() +
						     r->patience_ms);
			if (result != 0)
				return result;
		}
		result = attempt(r, ret_message, &seen);
		if (result == 0)
			return 0;
		link_close(&r->link);
		if (result != LINK_E_CLOSED || (seen && !repeatable))
			return handle_link_fail(r, result);
		r->repeated |= seen;
		if (deadline_ms == 0)
			deadline_ms = clock_monotonic_ms() + r->patience_ms;
		else if (clock_monotonic_ms() >= deadline_ms)
			return handle_link_fail(r, result);
		else
			clock_pause(20);
	}
}

int handle_call(struct reeve *r, const char *method, struct slice parameters,
		bool repeatable, struct slice *ret)
{
	struct slice message;
	int result = handle_message(r, method, parameters, NULL);

	if (result != 0)
		return result;
	r->repeated = false;
	result = exchange(r, repeatable, &message);
	if (result != 0)
		return result;
	return handle_reply(r, message, ret, NULL);
}

int reeve_call(struct reeve *r, const char *method, const char *parameters,
	       const char **ret_reply)
{
	struct slice params = slice_of(parameters ? parameters : "{}");
	struct json_fault fault = {0};
	struct slice reply;
	int result;

	if (json_check(params, &fault) != 0)
		return handle_fail(r, REEVE_E_INVALID, NULL,
				   "the parameters are not JSON: %s at byte "
				   "%zu",
				   fault.message, fault.offset);
	result = handle_call(r, method, params, is_repeatable(method), &reply);
	if (result != 0)
		return result;

	json_out_reset(&r->reply);
	json_out_raw(&r->reply, reply);
	json_out_byte(&r->reply, '\0');
	if (!json_out_ok(&r->reply))
		return handle_link_fail(r, -ENOMEM);
	if (ret_reply)
		*ret_reply = json_out_slice(&r->reply).p;
	return 0;
}
