#include "client/suggest.h"

#include "proto/near.h"

void suggest_init(struct suggest *suggest, const char *typed, size_t bytes)
{
	*suggest = (struct suggest){
		.typed = {typed, bytes},
		.distance = NEAR_BYTES_MAX,
	};
}

void suggest_try(struct suggest *suggest, const char *word)
{
	size_t distance = near_distance(suggest->typed, slice_of(word));

	if (distance < suggest->distance &&
	    near_enough(distance, suggest->typed.n)) {
		suggest->distance = distance;
		suggest->best = word;
	}
}
