#include "client/stream.h"

#include "client/clock.h"
#include "proto/json_in.h"

#include <errno.h>

/*
 * Take over the handle's idle connection, or open one. The handle opens another
 * when it next makes a call: so a program that only ever has one stream needs
 * one connection.
 */
static int take_link(struct reeve_stream *stream)
{
	struct reeve *r = stream->r;

	if (r->link.fd >= 0 && r->link.begin == r->link.end) {
		stream->link = r->link;
		link_init(&r->link, r->interrupt);
		return 0;
	}
	return handle_dial(r, &stream->link,
			   clock_monotonic_ms() + r->patience_ms);
}

/* An idle connection may have been closed meanwhile: then once more. */
static int start(struct reeve_stream *stream)
{
	struct reeve *r = stream->r;
	struct slice out = json_out_slice(&r->out);
	int64_t deadline_ms = clock_monotonic_ms() + r->patience_ms;
	int result = take_link(stream);

	while (result == 0) {
		size_t sent;

		result = link_send(&stream->link, out, &sent);
		if (result == 0)
			return 0;
		link_close(&stream->link);
		if (result != LINK_E_CLOSED ||
		    clock_monotonic_ms() >= deadline_ms)
			return handle_link_fail(r, result);
		clock_pause(20);
		result = handle_dial(r, &stream->link, deadline_ms);
	}
	return result;
}

int stream_open(struct reeve *r, const char *method, struct slice parameters,
		struct reeve_stream **ret)
{
	AUTO(reeve_stream_close) struct reeve_stream *stream = NULL;
	int result = handle_message(r, method, parameters, "more");

	if (result != 0)
		return result;
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return handle_link_fail(r, -ENOMEM);
	stream->r = r;
	link_init(&stream->link, r->interrupt);
	result = start(stream);
	if (result != 0)
		return result;
	*ret = TAKE(stream);
	return 0;
}

int stream_next(struct reeve_stream *stream, int64_t timeout_ms,
		struct slice *ret)
{
	struct reeve *r = stream->r;
	struct slice message;
	bool continues = false;
	int result;

	if (stream->ended)
		return handle_fail(r, REEVE_E_END, NULL, "the stream is over");
	result = link_receive(&stream->link, timeout_ms, &message);
	if (result != 0) {
		if (result != LINK_E_TIMEOUT && result != LINK_E_INTERRUPTED) {
			link_close(&stream->link);
			stream->ended = true;
		}
		return handle_link_fail(r, result);
	}
	result = handle_reply(r, message, ret, &continues);
	stream->ended = result != 0 || !continues;
	return result;
}

int reeve_stream_open(struct reeve *r, const char *method,
		      const char *parameters, struct reeve_stream **ret)
{
	struct slice params = slice_of(parameters ? parameters : "{}");
	struct json_fault fault = {0};

	if (json_check(params, &fault) != 0)
		return handle_fail(r, REEVE_E_INVALID, NULL,
				   "the parameters are not JSON: %s at byte "
				   "%zu",
				   fault.message, fault.offset);
	return stream_open(r, method, params, ret);
}

int reeve_stream_next(struct reeve_stream *stream, int64_t timeout_ms,
		      const char **ret_reply)
{
	struct slice reply;
	int result = stream_next(stream, timeout_ms, &reply);

	if (result != 0)
		return result;
	json_out_reset(&stream->reply);
	json_out_raw(&stream->reply, reply);
	json_out_byte(&stream->reply, '\0');
	if (!json_out_ok(&stream->reply))
		return handle_link_fail(stream->r, -ENOMEM);
	*ret_reply = json_out_slice(&stream->reply).p;
	return 0;
}

int reeve_stream_fd(const struct reeve_stream *stream)
{
	return stream->link.fd;
}

void reeve_stream_close(struct reeve_stream *stream)
{
	struct reeve *r;

	if (!stream)
		return;
	r = stream->r;
	/* A connection whose stream came to its end can serve calls. */
	if (stream->ended && r->link.fd < 0 && stream->link.fd >= 0 &&
	    stream->link.begin == stream->link.end) {
		r->link = stream->link;
		link_init(&stream->link, r->interrupt);
	}
	link_close(&stream->link);
	json_out_fini(&stream->reply);
	free(stream);
}
