#pragma once

/*
 * The types of org.reeve.jobs that replies are made of, and Filter; Spec and
 * Context are in proto/spec.h.
 */

#include "proto/schema.h"

extern const struct schema_type job_state_type;
extern const struct schema_type job_cause_type;
extern const struct schema_type job_durability_type;
extern const struct schema_type job_failure_type;
extern const struct schema_type job_attempt_type;
extern const struct schema_type job_type;
extern const struct schema_type job_end_type;
extern const struct schema_type job_rejection_type;
extern const struct schema_type job_reason_type;
extern const struct schema_type job_group_type;
extern const struct schema_type job_chunk_type;
