#include "client/word.h"

#include "proto/json_in.h"
#include "proto/share.h"

#include <errno.h>
#include <unistd.h>

#define WORD_READS 16 /* in one step: others want their turn */

static void take(struct word *word, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n') {
			if (word->line_bytes == WORD_BYTES)
				word->too_long = true;
			else
				word->line[word->line_bytes++] = p[i];
			continue;
		}
		if (!word->too_long && word->line_bytes) {
			memcpy(word->newest, word->line, word->line_bytes);
			word->newest_bytes = word->line_bytes;
		}
		word->line_bytes = 0;
		word->too_long = false;
	}
}

bool word_read(struct word *word, int fd)
{
	char bytes[4096];

	for (int i = 0; i < WORD_READS; i++) {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		take(word, bytes, (size_t)n);
	}
	return true;
}

static bool is_fraction(struct slice number, double *ret)
{
	double value;

	if (json_float(number, &value) != 0 || value < 0 || value > 1)
		return false;
	*ret = value;
	return true;
}

static void read_object(struct slice line, struct arena *arena,
			double *fraction, struct slice *note)
{
	struct slice value;

	if (json_find(line, "fraction", &value) ||
	    json_find(line, "progress", &value))
		(void)is_fraction(value, fraction);
	if (!json_find(line, "note", &value) ||
	    json_string(arena, value, note) != 0)
		*note = (struct slice){0};
}

bool word_take(struct word *word, int64_t now_ms, struct arena *arena,
	       double *ret_fraction, const char **ret_note)
{
	struct slice line = {word->newest, word->newest_bytes};
	struct slice note = {0}, copy;
	struct json_fault fault;
	bool json;

	if (line.n == 0 || now_ms < word->next_ms)
		return false;
	*ret_fraction = -1;
	*ret_note = NULL;
	json = json_check(line, &fault) == 0;
	if (json)
		line = json_trim(line);
	if (json && json_kind(line) == JSON_OBJECT)
		read_object(line, arena, ret_fraction, &note);
	else if (!json || !is_fraction(line, ret_fraction))
		(void)share_read(line, ret_fraction, &note);
	if (note.n && arena_copy(arena, note, &copy) == 0)
		*ret_note = copy.p;
	word->newest_bytes = 0;
	word->next_ms = now_ms + WORD_PAUSE_MS;
	return *ret_fraction >= 0 || *ret_note;
}
