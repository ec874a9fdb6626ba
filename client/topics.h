#pragma once

/* Topics: what `reeve help TOPIC` tells that belongs to no one command. */

#include <stddef.h>

struct topic {
	const char *name;
	const char *alias;   /* NULL: none */
	const char *summary; /* a few words */
	const char *text;
};

/** topic_at() - the i-th; NULL behind the last */
const struct topic *topic_at(size_t i);

/** topic_find() - by name or alias; NULL: there is none */
const struct topic *topic_find(const char *name);
