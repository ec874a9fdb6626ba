#include "daemon/config/named_rows.h"

#include "proto/retry.h"
#include "proto/table.h"

#define DAY_MS INT64_C(86400000)
#define CALLBACK_LIKE "[{exec: [./alert.sh]}]"
#define RETRY_WORDS "exit signal timeout memory handler exec"

/* In the order of etc/reeve.yaml. */
const struct named_row named_rows[NAMED_KEYS] = {
	[NAMED_DEFAULT_PRIORITY] = {"defaults.priority", NAMED_NUMBER,
				    -PRIORITY_MAX, PRIORITY_MAX, "0", NULL,
				    "10"},
	[NAMED_DEFAULT_EXPIRE] = {"defaults.expire", NAMED_DURATION, 0,
				  DURATION_MAX_MS, "0s", "none", "1d"},
	[NAMED_DEFAULT_ORPHANS] = {"defaults.orphans", NAMED_WORD, 0, 0, "kill",
				   "kill keep", "kill"},
	[NAMED_DEFAULT_RETRY_ATTEMPTS] = {"defaults.retry.attempts",
					  NAMED_COUNT, 1, RETRY_ATTEMPTS_MAX,
					  "1", NULL, "3"},
	[NAMED_DEFAULT_RETRY_BACKOFF] = {"defaults.retry.backoff",
					 NAMED_BACKOFF, 0, DURATION_MAX_MS,
					 "1s", NULL, "1s"},
	[NAMED_DEFAULT_RETRY_BACKOFF_MAX] = {"defaults.retry.backoff_max",
					     NAMED_DURATION, 0, DURATION_MAX_MS,
					     "10m", NULL, "10m"},
	[NAMED_DEFAULT_RETRY_JITTER] = {"defaults.retry.jitter", NAMED_SHARE, 0,
					1000, "20%", NULL, "20%"},
	[NAMED_DEFAULT_RETRY_ON] = {"defaults.retry.on", NAMED_LIST, 0, 0,
				    "[exit, signal, timeout, memory, handler]",
				    RETRY_WORDS, "[exit, timeout]"},
	[NAMED_QUEUE_TIMEOUT] = {"queues.*.timeout", NAMED_DURATION, 0,
				 DURATION_MAX_MS, NULL, "none", "10m"},
	[NAMED_QUEUE_GRACE] = {"queues.*.grace", NAMED_DURATION, 0, DAY_MS,
			       NULL, NULL, "10s"},
	[NAMED_QUEUE_CRASH_LIMIT] = {"queues.*.crash_limit", NAMED_COUNT, 1,
				     1000, NULL, NULL, "3"},
	[NAMED_QUEUE_PRIORITY] = {"queues.*.priority", NAMED_NUMBER,
				  -PRIORITY_MAX, PRIORITY_MAX, NULL, NULL,
				  "10"},
	[NAMED_QUEUE_EXPIRE] = {"queues.*.expire", NAMED_DURATION, 0,
				DURATION_MAX_MS, NULL, "none", "1d"},
	[NAMED_QUEUE_ORPHANS] = {"queues.*.orphans", NAMED_WORD, 0, 0, NULL,
				 "kill keep", "kill"},
	[NAMED_QUEUE_RETRY_ATTEMPTS] = {"queues.*.retry.attempts", NAMED_COUNT,
					1, RETRY_ATTEMPTS_MAX, NULL, NULL, "3"},
	[NAMED_QUEUE_RETRY_BACKOFF] = {"queues.*.retry.backoff", NAMED_BACKOFF,
				       0, DURATION_MAX_MS, NULL, NULL, "1s"},
	[NAMED_QUEUE_RETRY_BACKOFF_MAX] = {"queues.*.retry.backoff_max",
					   NAMED_DURATION, 0, DURATION_MAX_MS,
					   NULL, NULL, "10m"},
	[NAMED_QUEUE_RETRY_JITTER] = {"queues.*.retry.jitter", NAMED_SHARE, 0,
				      1000, NULL, NULL, "20%"},
	[NAMED_QUEUE_RETRY_ON] = {"queues.*.retry.on", NAMED_LIST, 0, 0, NULL,
				  RETRY_WORDS, "[exit, timeout]"},
	[NAMED_QUEUE_MAX_LENGTH] = {"queues.*.max_length", NAMED_COUNT, 0,
				    INT64_C(1) << 53, NULL, NULL, "1000"},
	[NAMED_QUEUE_OVERFLOW] = {"queues.*.overflow", NAMED_WORD, 0, 0, NULL,
				  "reject block", "block"},
	[NAMED_QUEUE_ON_SUCCESS] = {"queues.*.on_success", NAMED_CALLBACKS, 0,
				    0, NULL, NULL, CALLBACK_LIKE},
	[NAMED_QUEUE_ON_FAILURE] = {"queues.*.on_failure", NAMED_CALLBACKS, 0,
				    0, NULL, NULL, CALLBACK_LIKE},
	[NAMED_QUEUE_ON_DONE] = {"queues.*.on_done", NAMED_CALLBACKS, 0, 0,
				 NULL, NULL, CALLBACK_LIKE},
	[NAMED_CALLBACKS_ALL] = {"callbacks", NAMED_CALLBACKS, 0, 0, "[]", NULL,
				 "[{on: [failed], exec: [./alert.sh]}]"},
	[NAMED_POOL_KIND] = {"pools.*.kind", NAMED_WORD, 0, 0, "worker",
			     "plugin worker lines http", "worker"},
	[NAMED_POOL_RUN] = {"pools.*.run", NAMED_LIST, 0, 0, NULL, NULL,
			    "[/usr/lib/thumbs/worker.py]"},
	[NAMED_POOL_HANDLES] = {"pools.*.handles", NAMED_LIST, 0, 0, NULL, NULL,
				"[thumb]"},
	[NAMED_POOL_WORKERS] = {"pools.*.workers", NAMED_RANGE, 0, 4096,
				"1..cpus", NULL, "2..8"},
	[NAMED_POOL_PRELOAD] = {"pools.*.preload", NAMED_WORD, 0, 0, "false",
				"false true", "true"},
	[NAMED_POOL_IDLE] = {"pools.*.idle", NAMED_DURATION, 0, 365 * DAY_MS,
			     "30s", NULL, "30s"},
	[NAMED_POOL_READY] = {"pools.*.ready", NAMED_DURATION, 100, DAY_MS,
			      "10s", NULL, "10s"},
	[NAMED_POOL_PING] = {"pools.*.ping", NAMED_DURATION, 1000, DAY_MS,
			     "10s", NULL, "10s"},
	[NAMED_POOL_RETIRE_JOBS] = {"pools.*.retire.jobs", NAMED_COUNT, 0,
				    INT64_C(1) << 53, "0", NULL, "5000"},
	[NAMED_POOL_RETIRE_AGE] = {"pools.*.retire.age", NAMED_DURATION, 0,
				   36500 * DAY_MS, "0s", NULL, "6h"},
	[NAMED_POOL_RETIRE_MEMORY] = {"pools.*.retire.memory", NAMED_BYTES, 0,
				      INT64_C(1) << 50, "0", NULL, "300M"},
	[NAMED_POOL_RETIRE_JITTER] = {"pools.*.retire.jitter", NAMED_SHARE, 0,
				      900, "10%", NULL, "10%"},
	[NAMED_POOL_BROKEN] = {"pools.*.broken", NAMED_WORD, 0, 0, "wait",
			       "wait fail", "wait"},
	[NAMED_POOL_CONCURRENCY] = {"pools.*.concurrency", NAMED_COUNT, 1, 4096,
				    "1024", NULL, "1024"},
	[NAMED_POOL_ALLOW_PRIVATE] = {"pools.*.allow_private", NAMED_WORD, 0, 0,
				      "auto", "auto yes no", "no"},
	[NAMED_POOL_MAX_ANSWER] = {"pools.*.max_answer", NAMED_BYTES, 0,
				   INT64_C(8) << 20, "1M", NULL, "64K"},
	[NAMED_POOL_SECRETS] = {"pools.*.secrets", NAMED_LIST, 0, 0, "[]", NULL,
				"[hooks=/etc/reeve/hooks.key]"},
	[NAMED_POOL_INSECURE_CALLBACKS] = {"pools.*.insecure_callbacks",
					   NAMED_WORD, 0, 0, "no", "no yes",
					   "no"},
};

const char *named_unsaid(enum named_key key)
{
	const struct named_row *row = &named_rows[key];

	if (row->fallback)
		return row->fallback;
	if (key >= NAMED_QUEUE_MAX_LENGTH && key <= NAMED_QUEUE_ON_DONE)
		return NAMED_AT_RUN_TIME;
	return strncmp(row->key, "queues.", 7) == 0 ? NAMED_INHERITED : "";
}
