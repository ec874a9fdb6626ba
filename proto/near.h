#pragma once

/* Near: which known name did somebody mean who typed another one? */

#include "proto/base.h"

#define NEAR_BYTES_MAX 32

/**
 * near_distance() - letters to add, drop, change or swap to get from a to b
 *
 * Return: the count; NEAR_BYTES_MAX when one is longer than that.
 */
size_t near_distance(struct slice a, struct slice b);

/**
 * near_enough() - is @distance a typing error in a name this long?
 *
 * One letter of short names, two from six letters on.
 */
bool near_enough(size_t distance, size_t bytes);
