#include "daemon/core/bucket.h"

static void fill(struct bucket *bucket, int64_t now_ns)
{
	int64_t back;

	if (!bucket->used || now_ns < bucket->from_ns)
		return;
	back = (now_ns - bucket->from_ns) / BUCKET_NS;
	if (back >= bucket->used) {
		bucket->used = 0;
		return;
	}
	bucket->used -= (uint32_t)back;
	bucket->from_ns += back * BUCKET_NS;
}

bool bucket_take(struct bucket *bucket, int64_t now_ns)
{
	fill(bucket, now_ns);
	if (bucket->used >= BUCKET_BURST) {
		bucket->dropped++;
		return false;
	}
	if (!bucket->used)
		bucket->from_ns = now_ns;
	bucket->used++;
	return true;
}

uint64_t bucket_dropped(struct bucket *bucket, int64_t now_ns)
{
	uint64_t dropped = bucket->dropped;

	fill(bucket, now_ns);
	if (!dropped || bucket->used >= BUCKET_BURST)
		return 0;
	bucket->dropped = 0;
	return dropped;
}
