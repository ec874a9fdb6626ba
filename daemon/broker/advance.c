#include "daemon/broker/advance.h"

#include <errno.h>

#include "proto/arena.h"
#include "proto/json_in.h"
#include "proto/utf8.h"

struct advance {
	bool has_fraction;
	double fraction; /* 0 .. 1 */
	size_t note_bytes;
	char note[ADVANCE_NOTE_BYTES];
};

static void read_note(struct slice line, struct advance *advance)
{
	struct arena arena = {0};
	struct slice value, text;

	advance->note_bytes = 0;
	if (json_find(line, "note", &value) &&
	    json_string(&arena, value, &text) == 0) {
		size_t n = utf8_cut(text, sizeof(advance->note));

		memcpy(advance->note, text.p, n);
		advance->note_bytes = n;
	}
	arena_fini(&arena);
}

int advance_read(struct slice line, struct advance **at)
{
	struct slice value;
	double fraction;

	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at)
		return -ENOMEM;
	if (json_find(line, "fraction", &value) &&
	    json_float(value, &fraction) == 0 && fraction >= 0) {
		(*at)->has_fraction = true;
		(*at)->fraction = fraction < 1 ? fraction : 1;
	}
	read_note(line, *at);
	return 0;
}

void advance_write(struct json_out *out, const struct advance *advance)
{
	if (advance->has_fraction) {
		json_out_key(out, "progress");
		json_out_float(out, advance->fraction);
	}
	if (advance->note_bytes)
		json_out_member_string(
			out, "note",
			(struct slice){advance->note, advance->note_bytes});
}

void advance_free(struct advance *advance)
{
	free(advance);
}
