#pragma once

/* Parameters of org.reeve.consume as the daemon reads them. */

#include "proto/calls.h"

#define LEASE_MIN_MS 1000
#define LEASE_MAX_MS (12 * 3600 * 1000)

struct call_reserve {
	uint64_t has;
	struct slice handlers; /* raw list of names */
	struct slice queues;   /* likewise */
	int64_t max;
	int64_t wait_ms;
	int64_t lease_ms;
};
enum {
	CALL_RESERVE_handlers,
	CALL_RESERVE_queues,
	CALL_RESERVE_max,
	CALL_RESERVE_wait_ms,
	CALL_RESERVE_lease_ms
};

struct call_settle {
	uint64_t has;
	struct slice outcomes; /* raw list of Outcome */
};
enum { CALL_SETTLE_outcomes };

struct call_ack {
	uint64_t has;
	struct slice held; /* raw list of Held */
};
enum { CALL_ACK_held };

struct call_nack {
	uint64_t has;
	struct slice held; /* raw list of Held */
	int64_t delay_ms;
};
enum { CALL_NACK_held, CALL_NACK_delay_ms };

struct call_extend {
	uint64_t has;
	struct slice held; /* raw list of Held */
	int64_t lease_ms;
};
enum { CALL_EXTEND_held, CALL_EXTEND_lease_ms };

struct call_consume_progress {
	uint64_t has;
	struct slice held; /* raw, decode it as a Held */
	double fraction;
	struct slice note;
};
enum {
	CALL_CONSUME_PROGRESS_held,
	CALL_CONSUME_PROGRESS_fraction,
	CALL_CONSUME_PROGRESS_note
};

/* Held, item by item. */
struct call_held {
	uint64_t has;
	int64_t id, token;
};
enum { CALL_HELD_id, CALL_HELD_token };
extern const struct schema_type consume_held_type;

/* Outcome, item by item. */
struct call_outcome {
	uint64_t has;
	int64_t id, token;
	struct slice result;  /* raw, any JSON */
	struct slice failure; /* raw, decode it as a Failure */
	bool retry;
	int64_t retry_ms;
	bool bury;
};
enum {
	CALL_OUTCOME_id,
	CALL_OUTCOME_token,
	CALL_OUTCOME_result,
	CALL_OUTCOME_failure,
	CALL_OUTCOME_retry,
	CALL_OUTCOME_retry_ms,
	CALL_OUTCOME_bury
};
extern const struct schema_type consume_outcome_type;

/* Failure of an Outcome. */
struct call_failure {
	uint64_t has;
	struct slice type, message, trace;
};
enum { CALL_FAILURE_type, CALL_FAILURE_message, CALL_FAILURE_trace };
extern const struct schema_type consume_failure_type;
