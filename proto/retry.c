#include "proto/retry.h"

#include <stdio.h>

#include "proto/json_in.h"
#include "proto/limits.h"
#include "proto/table.h"
#include "proto/types_jobs.h"

enum {
	RETRY_max_attempts,
	RETRY_backoff_ms,
	RETRY_backoff_max_ms,
	RETRY_jitter,
	RETRY_causes,
	RETRY_exit_codes,
};

static const struct schema_field retry_rule_fields[] = {
	IN_OPT(RETRY, retry_rule, max_attempts, INT, .min = 1,
	       .max = RETRY_ATTEMPTS_MAX),
	IN_OPT(RETRY, retry_rule, backoff_ms, INT, .max = DURATION_MAX_MS),
	IN_OPT(RETRY, retry_rule, backoff_max_ms, INT, .max = DURATION_MAX_MS),
	IN_OPT(RETRY, retry_rule, jitter, FLOAT),
	IN_OPT(RETRY, retry_rule, causes, LIST, .item = SCHEMA_ENUM,
	       .type = &job_cause_type, .max = CAUSE_COUNT),
	IN_OPT(RETRY, retry_rule, exit_codes, LIST, .item = SCHEMA_INT,
	       .max = RETRY_EXIT_CODES_MAX),
};
const struct schema_type retry_rule_type = FIELDS_TYPE("RetryRule",
						       retry_rule_fields);

#define HAS(rule, field) ((rule)->has & UINT64_C(1) << RETRY_##field)

static int refuse(struct schema_fault *fault, const char *path,
		  const char *field, const char *message)
{
	snprintf(fault->path, sizeof(fault->path), "%s.%s", path, field);
	snprintf(fault->message, sizeof(fault->message), "%s", message);
	return SCHEMA_E_RANGE;
}

static bool is_own(enum job_cause cause)
{
	return (RETRY_CAUSES_DEFAULT | 1u << CAUSE_EXEC) & 1u << cause;
}

static int read_causes(struct retry_rule *rule, const char *path,
		       struct schema_fault *fault)
{
	struct json_iter iter = json_enter(rule->causes);
	struct slice item;

	rule->cause_bits = 0;
	while (json_item(&iter, &item)) {
		/* Checked by the table: a word of the list, in its quotes. */
		struct slice word = {item.p + 1, item.n - 2};
		enum job_cause cause;

		if (!cause_parse(word, &cause) || !is_own(cause))
			return refuse(fault, path, "causes",
				      "only exit, signal, timeout, memory, "
				      "handler and exec can be tried again; "
				      "lost attempts are counted by "
				      "crash_limit");
		rule->cause_bits |= 1u << cause;
	}
	return 0;
}

static int read_codes(struct retry_rule *rule, const char *path,
		      struct schema_fault *fault)
{
	struct json_iter iter = json_enter(rule->exit_codes);
	struct slice item;
	int64_t code;

	while (json_item(&iter, &item)) {
		if (json_int(item, &code) || code < 1 || code > 255)
			return refuse(fault, path, "exit_codes",
				      "an exit code of a failure is a number "
				      "from 1 to 255");
		rule->codes[rule->code_count++] = (int32_t)code;
	}
	return 0;
}

int retry_rule_decode(struct arena *arena, struct slice object,
		      const char *path, struct retry_rule *ret,
		      struct schema_fault *ret_fault)
{
	struct retry_rule rule = {
		.max_attempts = RETRY_ATTEMPTS_DEFAULT,
		.backoff_ms = RETRY_BACKOFF_MS_DEFAULT,
		.backoff_max_ms = RETRY_BACKOFF_MAX_MS_DEFAULT,
		.jitter = RETRY_JITTER_DEFAULT,
		.cause_bits = RETRY_CAUSES_DEFAULT,
	};
	int r = schema_decode(&retry_rule_type, arena, object, path, &rule,
			      ret_fault);

	if (r)
		return r;
	if (!HAS(&rule, backoff_max_ms) &&
	    rule.backoff_ms > rule.backoff_max_ms)
		rule.backoff_max_ms = rule.backoff_ms;
	if (!HAS(&rule, backoff_ms) && rule.backoff_ms > rule.backoff_max_ms)
		rule.backoff_ms = rule.backoff_max_ms;
	if (!(rule.jitter >= 0 && rule.jitter <= 1))
		return refuse(ret_fault, path, "jitter", "must be from 0 to 1");
	if (rule.causes.p)
		r = read_causes(&rule, path, ret_fault);
	if (r == 0 && rule.exit_codes.p)
		r = read_codes(&rule, path, ret_fault);
	if (r == 0)
		*ret = rule;
	return r;
}

/* Of what is tried again, and of how long it waits for it. */
int retry_rule_check(const struct retry_rule *rule, const char *path,
		     struct schema_fault *ret_fault)
{
	int r = 0;

	if (HAS(rule, causes) && !rule->cause_bits)
		return refuse(ret_fault, path, "causes",
			      "must name a cause: max_attempts 1 is for no "
			      "further try");
	if (HAS(rule, causes) &&
	    json_count(rule->causes) !=
		    (size_t)__builtin_popcount(rule->cause_bits))
		return refuse(ret_fault, path, "causes", "names a cause twice");
	if (rule->code_count && !(rule->cause_bits & 1u << CAUSE_EXIT))
		r = refuse(ret_fault, path, "exit_codes",
			   "narrows exit, which causes does not name");
	else if (rule->backoff_ms > rule->backoff_max_ms)
		r = refuse(ret_fault, path, "backoff_ms",
			   "is more than backoff_max_ms");
	return r ? SCHEMA_E_CONFLICT : 0;
}
