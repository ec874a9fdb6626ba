#pragma once

/* Mix: a number that looks random, from one that is only different. */

#include "proto/base.h"

/** mix_number() - splitmix64, by Sebastiano Vigna: one good mix of a counter */
static inline uint64_t mix_number(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/** mix_share() - the same as a fraction, 0 up to 1 */
static inline double mix_share(uint64_t x)
{
	return (double)(mix_number(x) >> 11) / (double)(UINT64_C(1) << 53);
}
