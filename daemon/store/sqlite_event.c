#include "daemon/store/sqlite_event.h"

#include <errno.h>

#define EVENT_BYTES_MAX (1 + 1 + 10 + 5)
#define PACK_FIRST_BYTES 1024
#define PACK_KEEP_BYTES (256 * 1024)

static size_t put_varint(unsigned char *at, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		at[n++] = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	at[n++] = (unsigned char)value;
	return n;
}

static bool get_varint(struct slice *from, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && from->n; shift += 7) {
		unsigned char byte = (unsigned char)*from->p;

		from->p++;
		from->n--;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

int event_pack_add(struct event_pack *pack, const struct event *event)
{
	uint64_t step = (uint64_t)event->job - (uint64_t)pack->last_job;

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
	pack->n += put_varint(pack->p + pack->n,
			      step << 1 ^ (0 - (step >> 63)));
	pack->n += put_varint(pack->p + pack->n, event->attempt);
	pack->last_job = event->job;
	pack->count++;
	return 0;
}

void event_pack_clear(struct event_pack *pack)
{
	if (pack->capacity > PACK_KEEP_BYTES)
		event_pack_fini(pack);
	pack->n = 0;
	pack->count = 0;
	pack->last_job = 0;
}

void event_pack_fini(struct event_pack *pack)
{
	free(pack->p);
	*pack = (struct event_pack){0};
}

bool event_unpack(struct slice *packed, int64_t *last_job, struct event *ret)
{
	uint64_t step, attempt;
	unsigned char kind, cause;

	if (packed->n < 4)
		return false;
	kind = (unsigned char)packed->p[0];
	cause = (unsigned char)packed->p[1];
	packed->p += 2;
	packed->n -= 2;
	if (kind >= EVENT_KIND_COUNT || cause >= CAUSE_COUNT ||
	    !get_varint(packed, &step) || !get_varint(packed, &attempt) ||
	    attempt > UINT32_MAX)
		return false;

	step = step >> 1 ^ (0 - (step & 1));
	*last_job = (int64_t)((uint64_t)*last_job + step);
	*ret = (struct event){
		.kind = (enum event_kind)kind,
		.cause = (enum job_cause)cause,
		.job = *last_job,
		.attempt = (uint32_t)attempt,
	};
	return true;
}
