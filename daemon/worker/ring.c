#include "daemon/worker/ring.h"

#include <endian.h>
#include <sys/mman.h>

void record_head(char ret[RECORD_HEAD_BYTES], enum record_stream stream,
		 size_t bytes, int64_t time_ms)
{
	uint32_t count = htole32((uint32_t)bytes);
	uint64_t time = htole64((uint64_t)time_ms);

	memset(ret, 0, RECORD_HEAD_BYTES);
	memcpy(ret, &count, sizeof(count));
	ret[4] = (char)stream;
	memcpy(ret + 8, &time, sizeof(time));
}

size_t record_bytes(const char head[RECORD_HEAD_BYTES])
{
	uint32_t count;

	memcpy(&count, head, sizeof(count));
	return le32toh(count);
}

void ring_init(struct ring *ring, size_t capacity)
{
	*ring = (struct ring){.capacity = capacity};
}

void ring_fini(struct ring *ring)
{
	if (ring->memory)
		munmap(ring->memory, ring->capacity);
	*ring = (struct ring){0};
}

static void copy_in(struct ring *ring, const char *p, size_t n)
{
	size_t at = (ring->start + ring->used) % ring->capacity;
	size_t first = ring->capacity - at < n ? ring->capacity - at : n;

	if (!n)
		return;
	memcpy(ring->memory + at, p, first);
	memcpy(ring->memory, p + first, n - first);
	ring->used += n;
}

static void drop_oldest(struct ring *ring)
{
	char head[RECORD_HEAD_BYTES];
	size_t bytes;

	for (size_t i = 0; i < sizeof(head); i++)
		head[i] = ring->memory[(ring->start + i) % ring->capacity];
	bytes = record_bytes(head);
	ring->start = (ring->start + RECORD_HEAD_BYTES + bytes) %
		      ring->capacity;
	ring->used -= RECORD_HEAD_BYTES + bytes;
	ring->dropped_bytes += (int64_t)bytes;
}

void ring_push(struct ring *ring, enum record_stream stream, struct slice bytes,
	       int64_t time_ms)
{
	size_t needed = RECORD_HEAD_BYTES + bytes.n;
	char head[RECORD_HEAD_BYTES];

	if (!ring->memory && ring->capacity) {
		void *p = mmap(NULL, ring->capacity, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		ring->memory = p == MAP_FAILED ? NULL : p;
	}
	if (!ring->memory || needed > ring->capacity) {
		ring->dropped_bytes += (int64_t)bytes.n;
		return;
	}
	while (ring->capacity - ring->used < needed)
		drop_oldest(ring);
	record_head(head, stream, bytes.n, time_ms);
	copy_in(ring, head, sizeof(head));
	copy_in(ring, bytes.p, bytes.n);
}

void ring_parts(const struct ring *ring, struct slice ret[2])
{
	size_t first = ring->capacity - ring->start;

	ret[0] = ret[1] = (struct slice){0};
	if (!ring->used)
		return;
	if (first > ring->used)
		first = ring->used;
	ret[0] = (struct slice){ring->memory + ring->start, first};
	ret[1] = (struct slice){ring->memory, ring->used - first};
}
