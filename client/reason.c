#include "client/reason.h"

#include "client/field.h"
#include "client/stamp.h"

const char *reason_text(struct arena *arena, struct slice reason)
{
	const char *message = field_text(arena, reason, "message"), *text;
	int64_t at_ms = field_int(reason, "at_ms");
	char stamp[STAMP_BYTES];

	if (!at_ms)
		return message;
	text = arena_print(arena, "%s (%s)", message,
			   stamp_local(at_ms, stamp));
	return text ? text : message;
}
