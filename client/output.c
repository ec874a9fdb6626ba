/*
 * Output: what a job writes, in pieces, resumed where a connection broke.
 */

#include "client/clock.h"
#include "client/patience.h"
#include "client/stream.h"
#include "proto/json_in.h"

#include <errno.h>

struct reeve_output {
	struct reeve *r;
	struct reeve_stream *stream; /* NULL: to be opened */
	int64_t id;
	int64_t attempt; /* 0: the last */
	enum reeve_channel channel;
	bool follow;
	bool eof;			 /* nothing comes behind `chunks` */
	bool stdout_given, stderr_given; /* to others: nothing is kept */
	int64_t offset; /* behind the last reply; the daemon's own measure */
	struct json_out chunks; /* of the last reply, a JSON array */
	struct json_iter iter;
	struct arena arena; /* data of the piece given out */
	struct patience patience;
};

int reeve_output_open(struct reeve *r, int64_t id, enum reeve_channel channel,
		      bool follow, struct reeve_output **ret)
{
	struct reeve_output *output = calloc(1, sizeof(*output));

	if (!output)
		return handle_link_fail(r, -ENOMEM);
	output->r = r;
	output->id = id;
	output->channel = channel;
	output->follow = follow;
	*ret = output;
	return 0;
}

void reeve_output_set_attempt(struct reeve_output *output, int64_t attempt)
{
	output->attempt = attempt;
}

void reeve_output_free(struct reeve_output *output)
{
	if (!output)
		return;
	reeve_stream_close(output->stream);
	json_out_fini(&output->chunks);
	arena_fini(&output->arena);
	free(output);
}

bool reeve_output_elsewhere(const struct reeve_output *output,
			    enum reeve_channel channel)
{
	return channel == REEVE_STDERR ? output->stderr_given
				       : output->stdout_given;
}

int reeve_output_fd(const struct reeve_output *output)
{
	return output->stream ? reeve_stream_fd(output->stream) : -1;
}

static int write_params(struct reeve_output *output, struct slice *ret)
{
	static const char *const words[] = {"both", "stdout", "stderr"};
	struct json_out *out = handle_params(output->r);

	json_out_object(out);
	json_out_member_int(out, "id", output->id);
	if (output->attempt > 0)
		json_out_member_int(out, "attempt", output->attempt);
	json_out_member_text(out, "stream", words[output->channel]);
	if (output->offset > 0)
		json_out_member_int(out, "offset", output->offset);
	json_out_object_end(out);
	return handle_params_take(output->r, ret);
}

/* Words that this version does not know say nothing about these two. */
static void keep_elsewhere(struct reeve_output *output, struct slice reply)
{
	struct slice list, item;
	struct json_iter iter;

	if (!json_find(reply, "elsewhere", &list) ||
	    json_kind(list) != JSON_ARRAY)
		return;
	iter = json_enter(list);
	while (json_item(&iter, &item)) {
		output->stdout_given |= slice_is(item, "\"stdout\"");
		output->stderr_given |= slice_is(item, "\"stderr\"");
	}
}

static int keep_reply(struct reeve_output *output, struct slice reply)
{
	struct slice chunks, value;
	int64_t offset;
	bool eof = false;

	if (!json_find(reply, "chunks", &chunks) ||
	    !json_find(reply, "offset", &value) ||
	    json_int(value, &offset) != 0 || !json_find(reply, "eof", &value) ||
	    json_bool(value, &eof) != 0 || offset < output->offset)
		return handle_fail(output->r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer to Output makes no "
				   "sense");
	/* Of one that has not begun, or writes nothing now: that is all. */
	output->eof = eof || (!output->follow && offset == output->offset);
	output->offset = offset;
	keep_elsewhere(output, reply);
	json_out_reset(&output->chunks);
	json_out_raw(&output->chunks, chunks);
	if (!json_out_ok(&output->chunks))
		return handle_link_fail(output->r, -ENOMEM);
	output->iter = json_enter(json_out_slice(&output->chunks));
	return 0;
}

static bool is_told(struct slice chunk, const char *name, struct slice *ret)
{
	return json_find(chunk, name, ret) && json_kind(*ret) != JSON_NULL;
}

static int decode_data(struct reeve_output *output, struct slice chunk,
		       struct slice *ret)
{
	struct slice value, text;
	int result;

	*ret = (struct slice){"", 0};
	if (is_told(chunk, "data", &value))
		return json_string(&output->arena, value, ret);
	if (!is_told(chunk, "data64", &value))
		return 0;
	result = json_string(&output->arena, value, &text);
	if (result == 0)
		result = json_base64(&output->arena, text, ret);
	return result;
}

static int decode_chunk(struct reeve_output *output, struct slice chunk,
			struct reeve_chunk *ret)
{
	struct slice value, word = SLICE("stdout"), data;
	struct reeve_chunk piece = {.channel = REEVE_STDOUT};
	int result = json_kind(chunk) == JSON_OBJECT ? 0 : JSON_E_KIND;

	arena_reset(&output->arena);
	if (result == 0 && json_find(chunk, "stream", &value))
		result = json_string(&output->arena, value, &word);
	if (result == 0)
		result = decode_data(output, chunk, &data);
	if (result == 0 && json_find(chunk, "at_ms", &value))
		result = json_int(value, &piece.at_ms);
	if (result == 0 && is_told(chunk, "omitted_bytes", &value))
		result = json_int(value, &piece.omitted);
	if (result < 0)
		return handle_link_fail(output->r, result);
	if (result > 0)
		return handle_fail(output->r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer to Output holds "
				   "something that is not a chunk");
	if (slice_is(word, "stderr"))
		piece.channel = REEVE_STDERR;
	piece.data = data.p;
	piece.bytes = data.n;
	*ret = piece;
	return 0;
}

/* One page, over the connection for calls: there is nothing to wait for. */
static int page(struct reeve_output *output)
{
	struct slice params, reply;
	int result = write_params(output, &params);

	if (result == 0)
		result = handle_call(output->r, "org.reeve.jobs.Output", params,
				     true, &reply);
	if (result != 0)
		return result;
	return keep_reply(output, reply);
}

static int open_stream(struct reeve_output *output)
{
	struct slice params;
	int result = write_params(output, &params);

	if (result != 0)
		return result;
	result = stream_open(output->r, "org.reeve.jobs.Output", params,
			     &output->stream);
	if (result == 0)
		patience_opened(&output->patience, clock_monotonic_ms());
	return result;
}

/* As recover() of client/watch.c. */
static int recover(struct reeve_output *output, int result)
{
	struct reeve *r = output->r;
	int64_t pause_ms;

	reeve_stream_close(TAKE(output->stream));
	if (!patience_broken(&output->patience, clock_monotonic_ms(),
			     r->patience_ms, &pause_ms))
		return handle_link_fail(r, result == REEVE_E_UNREACHABLE
						   ? LINK_E_NOBODY
						   : LINK_E_CLOSED);
	clock_pause(pause_ms);
	return 0;
}

static int step(struct reeve_output *output, int64_t timeout_ms)
{
	int64_t before = output->offset;
	struct slice reply;
	int result = 0;

	if (!output->stream)
		result = open_stream(output);
	if (result == 0)
		result = stream_next(output->stream, timeout_ms, &reply);
	if (result == REEVE_E_LOST || result == REEVE_E_END ||
	    (result == REEVE_E_UNREACHABLE && output->patience.until_ms))
		return recover(output, result);
	if (result == 0)
		result = keep_reply(output, reply);
	if (result == 0 && output->offset > before)
		patience_progress(&output->patience);
	return result;
}

int reeve_output_next(struct reeve_output *output, int64_t timeout_ms,
		      struct reeve_chunk *ret)
{
	int64_t deadline_ms = timeout_ms < 0
				      ? -1
				      : clock_monotonic_ms() + timeout_ms;
	struct slice chunk;
	int result;

	while (!json_item(&output->iter, &chunk)) {
		if (output->eof)
			return handle_fail(output->r, REEVE_E_END, NULL,
					   "the output is over");
		if (deadline_ms >= 0) {
			timeout_ms = deadline_ms - clock_monotonic_ms();
			if (timeout_ms < 0)
				timeout_ms = 0;
		}
		result = output->follow ? step(output, timeout_ms)
					: page(output);
		if (result != 0)
			return result;
	}
	return decode_chunk(output, chunk, ret);
}
