#pragma once

/* struct retry_rule: type RetryRule of org.reeve.jobs, as the daemon reads it. */

#include "proto/names.h"
#include "proto/schema.h"

#define RETRY_EXIT_CODES_MAX 64

/* When another try follows a failed one. */
struct retry_rule {
	uint64_t has;
	int64_t max_attempts; /* all tries, 1: no retry */
	int64_t backoff_ms, backoff_max_ms;
	double jitter;		 /* part of the delay, 0 .. 1 */
	struct slice causes;	 /* raw list of words */
	struct slice exit_codes; /* raw list of integers */
	/* Of these two, for who decides. */
	uint32_t cause_bits; /* 1 << enum job_cause */
	int32_t codes[RETRY_EXIT_CODES_MAX];
	size_t code_count; /* 0: any */
};

#define RETRY_ATTEMPTS_DEFAULT 3
#define RETRY_ATTEMPTS_MAX 1000000
#define RETRY_BACKOFF_MS_DEFAULT 1000
#define RETRY_BACKOFF_MAX_MS_DEFAULT 600000
#define RETRY_JITTER_DEFAULT 0.2
#define RETRY_CAUSES_DEFAULT                                                   \
	(1u << CAUSE_EXIT | 1u << CAUSE_SIGNAL | 1u << CAUSE_TIMEOUT |         \
	 1u << CAUSE_MEMORY | 1u << CAUSE_HANDLER)

/**
 * retry_rule_decode() - a RetryRule, complete with its defaults
 * @object:	checked JSON
 * @path:	put before the field's name in a fault: "job.retry"
 *
 * A backoff_ms without a backoff_max_ms raises the default of that one, if it
 * is longer, and the other way round. Causes must be such as end an attempt by itself: lost attempts are counted
 * by crash_limit, and what was cancelled or expired is not tried again.
 *
 * Return: 0, SCHEMA_E_*, or -ENOMEM.
 */
must_check int retry_rule_decode(struct arena *arena, struct slice object,
				 const char *path, struct retry_rule *ret,
				 struct schema_fault *ret_fault);

/**
 * retry_rule_check() - does a decoded rule say something, and one thing?
 * @rule:	of retry_rule_decode(), with the message it was in
 *
 * Not for rules that are stored: what was accepted once stays.
 *
 * Return: 0, or SCHEMA_E_RANGE or SCHEMA_E_CONFLICT with the field.
 */
must_check int retry_rule_check(const struct retry_rule *rule, const char *path,
				struct schema_fault *ret_fault);

extern const struct schema_type retry_rule_type;
