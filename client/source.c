#include "client/source.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define SOURCE_READ_BYTES (64 * 1024)

void source_lists(struct source *source, const struct lists *lists)
{
	*source = (struct source){
		.lists = lists,
		.fd = -1,
		.eof = true,
		.waiting = lists->total,
	};
}

void source_stream(struct source *source, int fd, char separator)
{
	*source = (struct source){.fd = fd, .separator = separator};
}

void source_fini(struct source *source)
{
	free(source->buffer);
	json_out_fini(&source->joined);
	*source = (struct source){.fd = -1};
}

/* Room for one read; what was handed out makes place. */
static int make_room(struct source *source)
{
	size_t held = source->end - source->begin;
	char *buffer;

	if (source->begin > 0 && source->begin >= held) {
		memmove(source->buffer, source->buffer + source->begin, held);
		source->scanned -= source->begin;
		source->end = held;
		source->begin = 0;
	}
	if (source->capacity - source->end > SOURCE_READ_BYTES)
		return 0;
	buffer = realloc(source->buffer,
			 source->capacity * 2 + 2 * SOURCE_READ_BYTES);
	if (!buffer)
		return -ENOMEM;
	source->buffer = buffer;
	source->capacity = source->capacity * 2 + 2 * SOURCE_READ_BYTES;
	return 0;
}

/* Count items as they come in. Empty ones do not count. */
static void scan(struct source *source)
{
	size_t from = source->begin;

	/* Where the item begins in which scanning stopped. */
	for (size_t i = source->scanned; i > source->begin; i--) {
		if (source->buffer[i - 1] == source->separator) {
			from = i;
			break;
		}
	}
	for (size_t i = source->scanned; i < source->end; i++) {
		if (source->buffer[i] != source->separator)
			continue;
		source->waiting += i > from;
		from = i + 1;
	}
	source->scanned = source->end;
	/* The last line may lack its end. */
	if (source->eof && from < source->end) {
		source->buffer[source->end++] = source->separator;
		source->scanned = source->end;
		source->waiting++;
	}
}

int source_fill(struct source *source)
{
	struct pollfd fd = {.fd = source->fd, .events = POLLIN};

	while (!source->eof &&
	       source->end - source->begin < SOURCE_AHEAD_BYTES &&
	       poll(&fd, 1, 0) > 0) {
		int result = make_room(source);
		ssize_t n;

		if (result != 0)
			return result;
		n = read(source->fd, source->buffer + source->end,
			 SOURCE_READ_BYTES);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		source->eof = n == 0;
		source->end += (size_t)n;
		scan(source);
	}
	return 0;
}

/* The columns as one text, for people and for {}. */
static int join(struct source *source, const char **ret)
{
	if (source->field_count == 1) {
		*ret = source->fields[0];
		return 0;
	}
	json_out_reset(&source->joined);
	for (size_t i = 0; i < source->field_count; i++) {
		if (i > 0)
			json_out_byte(&source->joined, ' ');
		for (const char *at = source->fields[i]; *at; at++)
			json_out_byte(&source->joined, *at);
	}
	json_out_byte(&source->joined, '\0');
	if (!json_out_ok(&source->joined))
		return -ENOMEM;
	*ret = json_out_slice(&source->joined).p;
	return 0;
}

static int next_combination(struct source *source, const char **ret)
{
	if (source->given == source->lists->total)
		return SOURCE_E_END;
	lists_at(source->lists, source->given, source->fields);
	source->field_count = source->lists->count;
	source->given++;
	source->waiting--;
	return join(source, ret);
}

/* Where there is no room for more columns the last one is the rest. */
static void split(struct source *source, char *text)
{
	size_t n = source->column_end ? strlen(source->column_end) : 0;

	source->field_count = 0;
	for (;;) {
		char *end = NULL;

		source->fields[source->field_count++] = text;
		if (n > 0 && source->field_count < LISTS_MAX)
			end = strstr(text, source->column_end);
		if (!end)
			return;
		*end = '\0';
		text = end + n;
	}
}

int source_next(struct source *source, const char **ret)
{
	if (source->lists)
		return next_combination(source, ret);
	for (;;) {
		char *from = source->buffer + source->begin;
		size_t held = source->end - source->begin;
		char *stop = held ? memchr(from, source->separator, held)
				  : NULL;

		if (!stop && held > SOURCE_ITEM_BYTES)
			return SOURCE_E_TOO_LONG;
		if (!stop)
			return source->eof ? SOURCE_E_END : SOURCE_E_LATER;
		source->begin += (size_t)(stop - from) + 1;
		if (stop == from)
			continue;
		if (stop - from > SOURCE_ITEM_BYTES)
			return SOURCE_E_TOO_LONG;
		*stop = '\0';
		split(source, from);
		source->given++;
		source->waiting--;
		return join(source, ret);
	}
}

int64_t source_total(const struct source *source)
{
	return source->eof ? source->given + source->waiting : 0;
}
