#include "client/tail.h"

#include "client/text.h"

#include <stdio.h>

void tail_add(struct tail *tail, const char *data, size_t bytes)
{
	size_t held = strlen(tail->text);

	if (bytes > TAIL_BYTES) {
		data += bytes - TAIL_BYTES;
		bytes = TAIL_BYTES;
		tail->cut = true;
	}
	if (held + bytes > TAIL_BYTES) {
		size_t drop = held + bytes - TAIL_BYTES;

		memmove(tail->text, tail->text + drop, held - drop);
		held -= drop;
		tail->cut = true;
	}
	for (size_t i = 0; i < bytes; i++)
		tail->text[held + i] = data[i] ? data[i] : '?';
	tail->text[held + bytes] = '\0';
}

void tail_finish(struct tail *tail)
{
	size_t end = strlen(tail->text), lines = 0, from;

	while (end > 0 && tail->text[end - 1] == '\n')
		end--;
	tail->text[end] = '\0';
	for (from = end; from > 0; from--) {
		if (tail->text[from - 1] == '\n' && ++lines == tail->lines)
			break;
	}
	if (from > 0) {
		tail->cut = true;
		memmove(tail->text, tail->text + from, end - from + 1);
	}
	text_clean_lines(tail->text);
}

int tail_load(struct tool *tool, int64_t id, int64_t attempt, size_t lines,
	      struct tail *ret)
{
	struct reeve_output *output;
	struct reeve_chunk chunk;
	int result = reeve_output_open(tool->r, id, REEVE_BOTH, false, &output);

	if (result != 0)
		return result;
	if (attempt)
		reeve_output_set_attempt(output, attempt);
	*ret = (struct tail){.lines = lines};
	while ((result = reeve_output_next(output, -1, &chunk)) == 0)
		tail_add(ret, chunk.data, chunk.bytes);
	reeve_output_free(output);
	if (result != REEVE_E_END)
		return result;
	tail_finish(ret);
	return 0;
}
