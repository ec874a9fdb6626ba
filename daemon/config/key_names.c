#include "daemon/config/key_names.h"

#include "daemon/config/named.h"
#include "daemon/config/table.h"
#include "proto/near.h"

#include <stdio.h>

/* What may stand below a section, of both kinds of keys. */
static struct slice child_of(struct slice section, size_t i)
{
	struct slice name;
	size_t count = 0;

	for (; (name = table_child(section, count)).p; count++) {
		if (count == i)
			return name;
	}
	for (size_t at = 0; (name = named_child(section, at)).p; at++) {
		/* Some sections at the top are of both kinds. */
		if (!section.n && table_is_section(name))
			continue;
		if (count++ == i)
			return name;
	}
	return name;
}

/* "a, b, c" */
void key_names_below(struct slice section, char ret[KEY_NAMES_BYTES])
{
	size_t n = 0;

	ret[0] = '\0';
	for (size_t i = 0; n + 40 < KEY_NAMES_BYTES; i++) {
		struct slice name = child_of(section, i);

		if (!name.p)
			break;
		n += (size_t)snprintf(ret + n, KEY_NAMES_BYTES - n, "%s%.*s",
				      n ? ", " : "", (int)name.n, name.p);
	}
}

/* The nearest name at this place; p NULL: none is near enough. */
struct slice key_names_nearest(struct slice section, struct slice typed)
{
	struct slice best = {NULL, 0};
	size_t least = NEAR_BYTES_MAX;

	for (size_t i = 0;; i++) {
		struct slice name = child_of(section, i);
		size_t distance;

		if (!name.p)
			return best;
		distance = near_distance(typed, name);
		if (distance < least && near_enough(distance, typed.n)) {
			least = distance;
			best = name;
		}
	}
}

/* A key that stands elsewhere under that name, or its flag; NULL: none. */
const char *key_names_elsewhere(struct slice typed)
{
	for (size_t i = 0; i < TABLE_KEYS; i++) {
		const struct table_row *row = &table_rows[i];
		const char *last = strrchr(row->key, '.') + 1;

		if (slice_is(typed, last) || slice_is(typed, row->flag + 2) ||
		    slice_is(typed, row->key))
			return row->key;
	}
	return NULL;
}
