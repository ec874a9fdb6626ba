#include "tests/unit/broker/stage_pool.h"

#include <stdio.h>
#include <unistd.h>

static void tell(struct stage *stage, const struct channel_message *message)
{
	assert_int_equal(channel_send(stage->supervisor, message), 0);
}

void stage_pools(struct stage *stage, const char *json)
{
	struct channel_message piece = {.kind = CHANNEL_TEXT};

	for (size_t n = strlen(json); n;) {
		size_t part = n < sizeof(piece.reason) - 1
				      ? n
				      : sizeof(piece.reason) - 1;

		memcpy(piece.reason, json, part);
		piece.reason[part] = '\0';
		tell(stage, &piece);
		json += part;
		n -= part;
	}
	tell(stage, &(struct channel_message){.kind = CHANNEL_POOLS});
	stage_turn(stage);
}

void stage_pool_state(struct stage *stage, int number, const char *reason,
		      int64_t generation)
{
	struct channel_message message = {
		.kind = CHANNEL_POOL,
		.pool_number = number,
		.pool_degraded = reason != NULL,
		.value = generation,
	};

	snprintf(message.reason, sizeof(message.reason), "%s",
		 reason ? reason : "");
	tell(stage, &message);
	stage_turn(stage);
}

int stage_handler_dial(struct stage *stage, int64_t id, const char *handlers)
{
	struct channel_message message = {
		.kind = CHANNEL_BORN,
		.worker = id,
		.slot = (int32_t)id,
		.pid = getpid(),
		.start_ticks = 1,
		.pool_number = 1,
		.pool = "img",
		.value = 1,
	};
	char text[1024];
	int fd;

	for (int i = 0; i < 8; i++)
		message.secret[CHANNEL_SECRET_BYTES - 1 - i] =
			(uint8_t)(id >> (8 * i));
	tell(stage, &message);
	stage_announced(stage);
	fd = stage_connect(stage, "workers");
	snprintf(text, sizeof(text),
		 "{\"ready\":1,\"secret\":\"%s\",\"worker\":%lld,\"pid\":%d,"
		 "\"name\":\"py/3.11\",\"handlers\":%s,\"prefetch\":64,"
		 "\"leaving\":false,\"holding\":[]}",
		 stage_secret(id), (long long)id, (int)getpid(),
		 handlers ? handlers : "[\"scale\",\"x\",\"thumb\"]");
	stage_send(fd, text);
	return fd;
}

int stage_handler(struct stage *stage, int64_t id)
{
	int fd = stage_handler_dial(stage, id, NULL);

	stage_expect(stage_read(stage, fd), "\"hello\":1");
	return fd;
}

int64_t stage_thumb(struct stage *stage, int client, const char *members)
{
	char text[1024];

	snprintf(text, sizeof(text), "{\"job\":{\"handler\":\"thumb\"%s%s}}",
		 members ? "," : "", members ? members : "");
	return stage_number(
		stage_call(stage, client, "org.reeve.jobs.Submit", text), "id");
}

void stage_fail(int fd, int64_t job, int64_t token, const char *type)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"fail\":%lld,\"token\":%lld,\"error\":{\"type\":\"%s\","
		 "\"message\":\"said so\",\"trace\":\"line 1\"},\"run_us\":7}",
		 (long long)job, (long long)token, type);
	stage_send(fd, text);
}

bool stage_unheard(struct stage *stage, enum channel_kind kind)
{
	struct channel_message message;

	stage_turn(stage);
	while (channel_receive(stage->supervisor, &message) == 0) {
		if (message.kind == kind)
			return false;
	}
	return true;
}
