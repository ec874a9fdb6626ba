#include "daemon/supervisor/nursery.h"

static void drop(struct nursery *nursery, size_t from, size_t n)
{
	nursery->count -= n;
	memmove(nursery->list + from, nursery->list + from + n,
		(nursery->count - from) * sizeof(*nursery->list));
}

static void forget_old(struct nursery *nursery, int64_t now_ns)
{
	size_t n = 0;

	while (n < nursery->count &&
	       now_ns - nursery->list[n].at_ns >= NURSERY_KEEP_NS)
		n++;
	if (n)
		drop(nursery, 0, n);
}

void nursery_put(struct nursery *nursery, pid_t pid, const struct reap_end *end,
		 int64_t now_ns)
{
	forget_old(nursery, now_ns);
	if (nursery->count == nursery->room) {
		size_t room = nursery->room ? 2 * nursery->room : 16;
		struct nursery_end *grown = reallocarray(nursery->list, room,
							 sizeof(*grown));

		if (!grown)
			return;
		nursery->list = grown;
		nursery->room = room;
	}
	nursery->list[nursery->count++] = (struct nursery_end){
		.pid = pid,
		.at_ns = now_ns,
		.end = *end,
	};
}

bool nursery_take(struct nursery *nursery, pid_t pid, int64_t now_ns,
		  struct reap_end *ret)
{
	forget_old(nursery, now_ns);
	/* The last one: a pid may have been used twice. */
	for (size_t i = nursery->count; i > 0; i--) {
		if (nursery->list[i - 1].pid != pid)
			continue;
		*ret = nursery->list[i - 1].end;
		drop(nursery, i - 1, 1);
		return true;
	}
	return false;
}

void nursery_fini(struct nursery *nursery)
{
	free(nursery->list);
	*nursery = (struct nursery){0};
}
