/*
 * Framing: however the bytes are cut, the messages are the same. The first byte
 * chooses the limit and the mode, the second the size of the pieces.
 */

#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"

/* What came out: where each message began and ended, and how it stopped. */
struct trace {
	size_t ends[2 * FUZZ_BYTES_MAX];
	size_t count;
	enum frame_mode mode;
	int stop;
};

/* The bytes in memory of their own, so that a read beyond them is seen. */
static int step(struct frame *frame, struct slice buffered, size_t at,
		struct trace *trace, size_t *ret_consumed)
{
	char *copy = malloc(buffered.n + !buffered.n);
	struct slice message = {0};
	int r;

	require(copy != NULL);
	if (buffered.n)
		memcpy(copy, buffered.p, buffered.n);
	r = frame_next(frame, (struct slice){copy, buffered.n}, &message,
		       ret_consumed);
	require(*ret_consumed <= buffered.n);
	if (r == 0) {
		require(message.n > 0 && message.p >= copy);
		require(message.n <= frame->max_bytes);
		require(message.p + message.n < copy + *ret_consumed);
		trace->ends[trace->count++] = at + (size_t)(message.p - copy);
		trace->ends[trace->count++] = message.n;
	}
	free(copy);
	return r;
}

static void feed(struct frame frame, struct slice input, size_t piece,
		 struct trace *trace)
{
	size_t start = 0, have = 0, consumed;
	int r = FRAME_E_MORE;

	trace->count = 0;
	while (have < input.n && r == FRAME_E_MORE) {
		have = input.n - have < piece ? input.n : have + piece;
		do {
			struct slice rest = {input.p + start, have - start};

			r = step(&frame, rest, start, trace, &consumed);
			start += consumed;
		} while (r == 0);
	}
	trace->stop = r;
	trace->mode = frame.mode;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct trace whole, pieces;
	struct frame frame;
	struct slice input;

	if (size < 2 || size > FUZZ_BYTES_MAX)
		return 0;
	frame_init(&frame, data[0] % 3, (size_t)(data[0] / 3) + 1);
	input = (struct slice){(const char *)data + 2, size - 2};

	feed(frame, input, SIZE_MAX, &whole);
	feed(frame, input, (size_t)data[1] % 16 + 1, &pieces);
	require(whole.stop == pieces.stop);
	require(whole.mode == pieces.mode);
	require(whole.count == pieces.count);
	require(memcmp(whole.ends, pieces.ends,
		       whole.count * sizeof(*whole.ends)) == 0);
	return 0;
}
