#include "client/lists.h"

bool lists_is_mark(const char *word)
{
	return strcmp(word, ":::") == 0 || strcmp(word, ":::+") == 0;
}

/* Lists that go together are as long as the shortest of them. */
static int64_t length_of(const struct lists *lists, size_t first)
{
	int64_t length = lists->of[first].count;

	for (size_t i = first + 1; i < lists->count && lists->of[i].linked;
	     i++) {
		if (lists->of[i].count < length)
			length = lists->of[i].count;
	}
	return length;
}

int lists_parse(struct lists *lists, char **args, int count)
{
	*lists = (struct lists){.total = 1};
	for (int i = 0; i < count; i++) {
		if (!lists_is_mark(args[i])) {
			require(lists->count > 0);
			lists->of[lists->count - 1].count++;
			continue;
		}
		if (lists->count == LISTS_MAX)
			return LISTS_E_MANY;
		lists->of[lists->count].words = args + i + 1;
		lists->of[lists->count].linked = args[i][3] == '+' &&
						 lists->count > 0;
		lists->count++;
	}
	for (size_t i = 0; i < lists->count; i++) {
		if (!lists->of[i].linked &&
		    __builtin_mul_overflow(lists->total, length_of(lists, i),
					   &lists->total))
			return LISTS_E_LARGE;
	}
	return 0;
}

void lists_at(const struct lists *lists, int64_t number,
	      const char *ret[LISTS_MAX])
{
	size_t end = lists->count;

	require(number >= 0 && number < lists->total);
	/* From the last group to the first: the last changes fastest. */
	while (end > 0) {
		size_t first = end - 1;
		int64_t length, at;

		while (lists->of[first].linked)
			first--;
		length = length_of(lists, first);
		at = number % length;
		number /= length;
		for (size_t i = first; i < end; i++)
			ret[i] = lists->of[i].words[at];
		end = first;
	}
}
