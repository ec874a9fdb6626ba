#include "daemon/broker/advance_tell.h"

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/broker/state.h"

static void tell(struct broker *broker, struct advance *advance, int64_t now_ns)
{
	struct json_out detail = {0};

	advance->waits = false;
	advance->next_ns = now_ns + ADVANCE_PAUSE_NS;
	json_out_object(&detail);
	advance_write(&detail, advance, "fraction");
	json_out_object_end(&detail);
	if (json_out_ok(&detail))
		subscribe_tell(
			broker,
			&(struct told_event){
				.kind = EVENT_PROGRESS,
				.job = advance->job,
				.group = advance->group,
				.queue = {advance->queue, advance->queue_bytes},
				.detail = json_out_slice(&detail),
			});
	json_out_fini(&detail);
}

static void arm(struct broker *broker, int64_t delay_ns)
{
	struct timeval delay = {
		.tv_sec = delay_ns / 1000000000,
		.tv_usec = delay_ns % 1000000000 / 1000,
	};

	if (event_add(broker->advance_turn, &delay) < 0)
		log_error("no memory for a timer, progress is told later");
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct broker *broker = arg;
	int64_t now_ns = clock_mono_ns(), next_ns = INT64_MAX;
	struct advance *advance;

	(void)fd;
	(void)what;
	LIST_FOREACH (advance, &broker->advances, link) {
		if (!advance->waits)
			continue;
		if (advance->next_ns <= now_ns)
			tell(broker, advance, now_ns);
		else if (advance->next_ns < next_ns)
			next_ns = advance->next_ns;
	}
	if (next_ns != INT64_MAX)
		arm(broker, next_ns - now_ns);
}

static void tell_in_turn(struct broker *broker, struct advance *advance)
{
	int64_t now_ns;

	if (!subscribe_heard(broker, EVENT_PROGRESS))
		return;
	now_ns = clock_mono_ns();
	if (!broker->advance_turn)
		broker->advance_turn = event_new(broker->base, -1, 0, on_turn,
						 broker);
	if (advance->next_ns <= now_ns || !broker->advance_turn) {
		tell(broker, advance, now_ns);
		return;
	}
	advance->waits = true;
	if (!event_pending(broker->advance_turn, EV_TIMEOUT, NULL))
		arm(broker, advance->next_ns - now_ns);
}

int advance_tell(struct broker *broker, struct advance **at, int64_t job,
		 int64_t group, struct slice queue,
		 const struct advance_word *word)
{
	if (!*at)
		*at = advance_new(&broker->advances, job, group, queue);
	if (!*at)
		return -ENOMEM;
	advance_take(*at, word);
	tell_in_turn(broker, *at);
	return 0;
}

void advance_tell_fini(struct broker *broker)
{
	if (broker->advance_turn)
		event_free(broker->advance_turn);
	broker->advance_turn = NULL;
}
