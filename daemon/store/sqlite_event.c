#include "daemon/store/sqlite_event.h"

#include <errno.h>

#include "daemon/store/sqlite_varint.h"

#define EVENT_BYTES_MAX (1 + 1 + 10 + 5 + 5 + 10)
#define EVENT_BYTES_MIN 6
#define PACK_FIRST_BYTES 1024
#define PACK_KEEP_BYTES (256 * 1024)

int event_pack_add(struct event_pack *pack, const struct event *event)
{
	if (pack->capacity - pack->n < EVENT_BYTES_MAX) {
		size_t capacity = pack->capacity ? pack->capacity * 2
						 : PACK_FIRST_BYTES;
		unsigned char *p = realloc(pack->p, capacity);

		if (!p)
			return -ENOMEM;
		pack->p = p;
		pack->capacity = capacity;
	}
	pack->p[pack->n++] = (unsigned char)event->kind;
	pack->p[pack->n++] = (unsigned char)event->cause;
	pack->n += varint_put(pack->p + pack->n,
			      zigzag(event->job, pack->last_job));
	pack->n += varint_put(pack->p + pack->n, event->attempt);
	pack->n += varint_put(pack->p + pack->n, (uint32_t)event->lane);
	pack->n += varint_put(pack->p + pack->n,
			      zigzag(event->group, pack->last_group));
	pack->last_job = event->job;
	pack->last_group = event->group;
	pack->count++;
	return 0;
}

void event_pack_clear(struct event_pack *pack)
{
	if (pack->capacity > PACK_KEEP_BYTES)
		event_pack_fini(pack);
	pack->n = 0;
	pack->count = 0;
	pack->last_job = pack->last_group = 0;
}

void event_pack_fini(struct event_pack *pack)
{
	free(pack->p);
	*pack = (struct event_pack){0};
}

bool event_unpack(struct event_walk *walk, struct event *ret)
{
	uint64_t job, attempt, lane, group;
	unsigned char kind, cause;

	if (walk->left.n < EVENT_BYTES_MIN)
		return false;
	kind = (unsigned char)walk->left.p[0];
	cause = (unsigned char)walk->left.p[1];
	walk->left.p += 2;
	walk->left.n -= 2;
	if (!event_kind_is_kept(kind) || cause >= CAUSE_COUNT ||
	    !varint_get(&walk->left, &job) ||
	    !varint_get(&walk->left, &attempt) ||
	    !varint_get(&walk->left, &lane) ||
	    !varint_get(&walk->left, &group) || attempt > UINT32_MAX ||
	    lane > INT32_MAX)
		return false;

	walk->last_job = zagzig(job, walk->last_job);
	walk->last_group = zagzig(group, walk->last_group);
	*ret = (struct event){
		.kind = (enum event_kind)kind,
		.cause = (enum job_cause)cause,
		.job = walk->last_job,
		.attempt = (uint32_t)attempt,
		.lane = (int32_t)lane,
		.group = walk->last_group,
	};
	return true;
}
