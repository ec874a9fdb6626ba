#include "daemon/broker/advance.h"

#include "proto/json_in.h"
#include "proto/utf8.h"

void advance_read(struct slice line, struct arena *arena,
		  struct advance_word *ret)
{
	struct advance_word word = {0};
	struct slice value;

	if (json_find(line, "fraction", &value) &&
	    json_float(value, &word.fraction) == 0 && word.fraction >= 0)
		word.has_fraction = true;
	if (!json_find(line, "note", &value) ||
	    json_string(arena, value, &word.note))
		word.note = (struct slice){0};
	*ret = word;
}

struct advance *advance_new(struct advances *all, int64_t job, int64_t group,
			    struct slice queue)
{
	struct advance *advance = calloc(1, sizeof(*advance) + queue.n);

	if (!advance)
		return NULL;
	advance->job = job;
	advance->group = group;
	advance->queue_bytes = queue.n;
	if (queue.n)
		memcpy(advance->queue, queue.p, queue.n);
	LIST_INSERT_HEAD(all, advance, link);
	return advance;
}

void advance_take(struct advance *advance, const struct advance_word *word)
{
	if (word->has_fraction) {
		advance->has_fraction = true;
		advance->fraction = word->fraction < 1 ? word->fraction : 1;
	}
	advance->note_bytes = utf8_cut(word->note, sizeof(advance->note));
	if (advance->note_bytes)
		memcpy(advance->note, word->note.p, advance->note_bytes);
}

void advance_write(struct json_out *out, const struct advance *advance,
		   const char *fraction)
{
	if (advance->has_fraction) {
		json_out_key(out, fraction);
		json_out_float(out, advance->fraction);
	}
	if (advance->note_bytes)
		json_out_member_string(
			out, "note",
			(struct slice){advance->note, advance->note_bytes});
}

double advance_sum(const struct advances *all, int64_t group)
{
	const struct advance *advance;
	double sum = 0;

	LIST_FOREACH (advance, all, link) {
		if (advance->group == group && advance->has_fraction)
			sum += advance->fraction;
	}
	return sum;
}

void advance_free(struct advance *advance)
{
	if (!advance)
		return;
	LIST_REMOVE(advance, link);
	free(advance);
}
