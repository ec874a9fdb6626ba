#include "proto/near.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The restricted Damerau-Levenshtein distance, three rows at a time. */
size_t near_distance(struct slice a, struct slice b)
{
	size_t rows[3][NEAR_BYTES_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	if (a.n > NEAR_BYTES_MAX || b.n > NEAR_BYTES_MAX)
		return NEAR_BYTES_MAX;
	for (size_t j = 0; j <= b.n; j++) {
		last[j] = j;
		before[j] = j;
	}
	for (size_t i = 1; i <= a.n; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			bool same = a.p[i - 1] == b.p[j - 1];

			row[j] = least(last[j - 1] + !same,
				       least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[b.n];
}

bool near_enough(size_t distance, size_t bytes)
{
	return distance <= (bytes < 6 ? 1 : 2) && distance < bytes;
}
