#include "daemon/config/defaults_text.h"

#include <errno.h>

#include "daemon/config/member.h"
#include "proto/json_in.h"
#include "proto/retry.h"
#include "proto/table.h"

static void write_one(struct json_out *out, const struct job_defaults *one)
{
	json_out_object(out);
	if (one->queue[0])
		json_out_member_text(out, "queue", one->queue);
	json_out_member_int(out, "timeout_ms", one->timeout_ms);
	json_out_member_int(out, "grace_ms", one->grace_ms);
	json_out_member_int(out, "crash_limit", one->crash_limit);
	json_out_member_int(out, "priority", one->priority);
	json_out_member_int(out, "expire_ms", one->expire_ms);
	json_out_member_bool(out, "orphans_keep", one->orphans_keep);
	json_out_member_int(out, "max_attempts", one->max_attempts);
	json_out_member_int(out, "backoff_ms", one->backoff_ms);
	json_out_member_int(out, "backoff_max_ms", one->backoff_max_ms);
	json_out_member_int(out, "jitter_permille",
			    (int64_t)(one->jitter * 1000 + 0.5));
	json_out_member_int(out, "causes", one->cause_bits);
	json_out_member_int(out, "max_length", one->max_length);
	json_out_member_int(out, "overflow", one->overflow);
	json_out_object_end(out);
}

void defaults_text_write(struct json_out *out,
			 const struct defaults_config *defaults)
{
	json_out_array(out);
	for (size_t i = 0; i < defaults->count; i++)
		write_one(out, &defaults->list[i]);
	json_out_array_end(out);
}

/* Of all it has none. */
static int read_queue(struct arena *arena, struct slice object,
		      struct job_defaults *ret)
{
	struct slice value;
	int r;

	if (!json_find(object, "queue", &value))
		return 0;
	r = member_text(arena, object, "queue", ret->queue, sizeof(ret->queue));
	return r > 0 ? DEFAULTS_TEXT_E_FORM : r;
}

static int read_one(struct arena *arena, struct slice object,
		    struct job_defaults *ret)
{
	struct slice keep;
	bool bad = false;

	if (json_kind(object) != JSON_OBJECT ||
	    !json_find(object, "orphans_keep", &keep) ||
	    json_bool(keep, &ret->orphans_keep))
		return DEFAULTS_TEXT_E_FORM;
	ret->timeout_ms = member_int(object, "timeout_ms", -1, DURATION_MAX_MS,
				     &bad);
	ret->grace_ms = member_int(object, "grace_ms", -1, GRACE_MAX_MS, &bad);
	ret->crash_limit = member_int(object, "crash_limit", -1, 1000, &bad);
	ret->priority = member_int(object, "priority", -PRIORITY_MAX,
				   PRIORITY_MAX, &bad);
	ret->expire_ms = member_int(object, "expire_ms", 0, DURATION_MAX_MS,
				    &bad);
	ret->max_attempts = member_int(object, "max_attempts", 1,
				       RETRY_ATTEMPTS_MAX, &bad);
	ret->backoff_ms = member_int(object, "backoff_ms", 0, DURATION_MAX_MS,
				     &bad);
	ret->backoff_max_ms = member_int(object, "backoff_max_ms", 0,
					 DURATION_MAX_MS, &bad);
	ret->jitter = (double)member_int(object, "jitter_permille", 0, 1000,
					 &bad) /
		      1000;
	ret->cause_bits = (uint32_t)member_int(object, "causes", 1,
					       (1 << CAUSE_COUNT) - 1, &bad);
	ret->max_length = member_int(object, "max_length", -1, INT64_C(1) << 53,
				     &bad);
	ret->overflow = member_int(object, "overflow", -1, 1, &bad);
	return bad ? DEFAULTS_TEXT_E_FORM : read_queue(arena, object, ret);
}

int defaults_text_read(struct slice text, struct defaults_config *ret)
{
	struct defaults_config defaults = {0};
	struct json_iter iter = json_enter(text);
	struct arena arena = {0};
	struct slice item;
	size_t count = json_kind(text) == JSON_ARRAY ? json_count(text) : 0;
	int r = 0;

	if (!count || count > 1 + DEFAULTS_QUEUES_MAX)
		return DEFAULTS_TEXT_E_FORM;
	defaults.list = calloc(count, sizeof(*defaults.list));
	if (!defaults.list)
		return -ENOMEM;
	while (r == 0 && json_item(&iter, &item))
		r = read_one(&arena, item, &defaults.list[defaults.count++]);
	/* The first, and no other, is without a queue. */
	for (size_t i = 0; r == 0 && i < defaults.count; i++) {
		if ((i == 0) != (defaults.list[i].queue[0] == '\0'))
			r = DEFAULTS_TEXT_E_FORM;
	}
	arena_fini(&arena);
	if (r)
		free(defaults.list);
	else
		*ret = defaults;
	return r;
}
