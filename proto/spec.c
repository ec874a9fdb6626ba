#include "proto/spec.h"

#include "proto/retry.h"
#include "proto/table.h"
#include "proto/types_jobs.h"

static const char *const captured_or_clean_words[] = {"captured", "clean"};
static const struct schema_type captured_or_clean_type =
	WORDS_TYPE(NULL, captured_or_clean_words);

static const struct schema_field context_fields[] = {
	IN_OPT(CONTEXT, context, cwd, STRING, .max = PATH_BYTES_MAX),
	IN_OPT(CONTEXT, context, env, MAP, .item = SCHEMA_STRING),
	IN_OPT(CONTEXT, context, env_mode, ENUM,
	       .type = &captured_or_clean_type),
	IN_OPT(CONTEXT, context, umask, INT, .max = 0777),
	IN_OPT(CONTEXT, context, nice, INT, .min = -20, .max = 19),
	IN_OPT(CONTEXT, context, limits, MAP, .item = SCHEMA_INT),
};
const struct schema_type context_type = FIELDS_TYPE("Context", context_fields);

static const char *const kill_or_keep_words[] = {"kill", "keep"};
static const struct schema_type kill_or_keep_type =
	WORDS_TYPE(NULL, kill_or_keep_words);

static const char *const return_existing_or_reject_words[] = {
	"return_existing", "replace", "reject"};
static const struct schema_type return_existing_or_reject_type =
	WORDS_TYPE(NULL, return_existing_or_reject_words);

static const struct schema_field spec_fields[] = {
	IN_OPT(SPEC, spec, handler, STRING, .max = LIMIT_NAME_BYTES),
	IN_OPT(SPEC, spec, queue, STRING, .max = LIMIT_NAME_BYTES),
	IN_OPT(SPEC, spec, name, STRING, .max = LIMIT_NAME_BYTES),
	IN_OPT(SPEC, spec, args, OBJECT, .max = LIMIT_DATA_BYTES),
	IN_OPT(SPEC, spec, argv, LIST, .item = SCHEMA_STRING),
	IN_OPT(SPEC, spec, shell, STRING, .max = LIMIT_ARGUMENT_BYTES),
	[SPEC_data] = OUT_OPT(data, STRING),
	[SPEC_data64] = OUT_OPT(data64, STRING),
	[SPEC_stdin] = {.name = "stdin",
			.kind = SCHEMA_STRING,
			.optional = true,
			.offset = offsetof(struct spec, stdin_text),
			.max = LIMIT_DATA_BYTES},
	IN_OPT(SPEC, spec, stdin64, STRING, .max = BASE64_MAX),
	IN_OPT(SPEC, spec, context, STRUCT, .type = &context_type, .raw = true),
	IN_OPT(SPEC, spec, priority, INT, .min = -PRIORITY_MAX,
	       .max = PRIORITY_MAX),
	IN_OPT(SPEC, spec, delay_ms, INT, .max = DURATION_MAX_MS),
	IN_OPT(SPEC, spec, run_at_ms, INT, .max = ID_MAX),
	IN_OPT(SPEC, spec, hold, BOOL),
	IN_OPT(SPEC, spec, timeout_ms, INT, .max = DURATION_MAX_MS),
	IN_OPT(SPEC, spec, grace_ms, INT, .max = GRACE_MAX_MS),
	IN_OPT(SPEC, spec, expire_ms, INT, .max = DURATION_MAX_MS),
	IN_OPT(SPEC, spec, keep_ms, INT, .max = DURATION_MAX_MS),
	IN_OPT(SPEC, spec, once, BOOL),
	IN_OPT(SPEC, spec, crash_limit, INT, .min = 1, .max = 1000),
	IN_OPT(SPEC, spec, retry, STRUCT, .type = &retry_rule_type,
	       .raw = true),
	IN_OPT(SPEC, spec, orphans, ENUM, .type = &kill_or_keep_type),
	IN_OPT(SPEC, spec, key, STRING, .max = LIMIT_KEY_BYTES),
	IN_OPT(SPEC, spec, on_conflict, ENUM,
	       .type = &return_existing_or_reject_type),
	IN_OPT(SPEC, spec, unique, STRING, .max = LIMIT_KEY_BYTES),
	[SPEC_serial] = OUT_OPT(serial, STRING),
	[SPEC_after] = OUT_OPT(after, LIST, .item = SCHEMA_INT),
	IN_OPT(SPEC, spec, group, INT, .min = 1, .max = ID_MAX),
	IN_OPT(SPEC, spec, on_success, LIST, .item = SCHEMA_OBJECT,
	       .max = LIMIT_CALLBACKS),
	IN_OPT(SPEC, spec, on_failure, LIST, .item = SCHEMA_OBJECT,
	       .max = LIMIT_CALLBACKS),
	IN_OPT(SPEC, spec, on_done, LIST, .item = SCHEMA_OBJECT,
	       .max = LIMIT_CALLBACKS),
	IN_OPT(SPEC, spec, durability, ENUM, .type = &job_durability_type),
	IN_OPT(SPEC, spec, tags, MAP, .item = SCHEMA_STRING),
	[SPEC_payload_fd] = OUT_OPT(payload_fd, INT),
	IN_OPT(SPEC, spec, stdin_fd, INT,
	       .max = LIMIT_DESCRIPTORS_PER_MESSAGE - 1),
	IN_OPT(SPEC, spec, stdout_fd, INT,
	       .max = LIMIT_DESCRIPTORS_PER_MESSAGE - 1),
	IN_OPT(SPEC, spec, stderr_fd, INT,
	       .max = LIMIT_DESCRIPTORS_PER_MESSAGE - 1),
	IN_OPT(SPEC, spec, cwd_fd, INT,
	       .max = LIMIT_DESCRIPTORS_PER_MESSAGE - 1),
};
const struct schema_type spec_type = FIELDS_TYPE("Spec", spec_fields);

#define MADE_HEAD 20 /* a letter, a time and a random number */

bool spec_key_is_made(struct slice key)
{
	static const char digits[] = "0123456789abcdef";

	if (key.n <= MADE_HEAD + 1 || key.p[0] != 'r' ||
	    key.p[MADE_HEAD] != '-')
		return false;
	for (size_t i = 1; i < key.n; i++) {
		if (i != MADE_HEAD && !memchr(digits, key.p[i], 16))
			return false;
	}
	return true;
}
