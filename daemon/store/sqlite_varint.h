#pragma once

/*
 * Numbers in few bytes: seven bits in each, the lowest first, the top bit says
 * that more follow. Of what is packed in events and in rows.
 */

#include "proto/base.h"

#define VARINT_BYTES_MAX 10

/* @at: room for VARINT_BYTES_MAX. Says how many it took. */
static inline size_t varint_put(unsigned char *at, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		at[n++] = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	at[n++] = (unsigned char)value;
	return n;
}

/* Takes it off @from; false: there is no whole one. */
static inline bool varint_get(struct slice *from, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && from->n; shift += 7) {
		unsigned char byte = (unsigned char)*from->p;

		from->p++;
		from->n--;
		/* The tenth has one bit of the number. */
		if (shift == 63 && byte > 1)
			return false;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* A difference as a small number, whichever sign it has. */
static inline uint64_t zigzag(int64_t to, int64_t from)
{
	uint64_t step = (uint64_t)to - (uint64_t)from;

	return step << 1 ^ (0 - (step >> 63));
}

static inline int64_t zagzig(uint64_t step, int64_t from)
{
	return (int64_t)((uint64_t)from + (step >> 1 ^ (0 - (step & 1))));
}
