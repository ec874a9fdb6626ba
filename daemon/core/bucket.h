#pragma once

/*
 * Bucket: how often something may happen. It holds BUCKET_BURST at most and is
 * filled by one each BUCKET_NS; what finds it empty is counted. Pure.
 */

#include "proto/base.h"

#define BUCKET_BURST 100
#define BUCKET_NS (100 * INT64_C(1000000))

struct bucket {
	uint32_t used;	 /* of BUCKET_BURST: zero is a full one */
	int64_t from_ns; /* when the next of the used ones began to come back */
	uint64_t dropped;
};

/** bucket_take() - may it happen now? If not, it is counted as dropped */
bool bucket_take(struct bucket *bucket, int64_t now_ns);

/**
 * bucket_dropped() - how much was dropped since this was asked, to be told
 *
 * Return: 0 also while the bucket is empty: to tell is something, too.
 */
uint64_t bucket_dropped(struct bucket *bucket, int64_t now_ns);
