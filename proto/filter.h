#pragma once

/*
 * Filter: which jobs a call is about (type Filter of org.reeve.jobs), as the
 * daemon reads it. Every field that is given must hold.
 */

#include "proto/schema.h"

struct call_filter {
	uint64_t has;
	bool all;
	struct slice ids;
	struct slice queue;
	struct slice handler;
	struct slice states;
	struct slice causes;
	int64_t exit_code;
	struct slice name;
	int64_t uid;
	int64_t group;
	struct slice key;
	struct slice tags;
	int64_t older_than_ms;
	int64_t newer_than_ms;
	int64_t follows;
};
enum {
	CALL_FILTER_all,
	CALL_FILTER_ids,
	CALL_FILTER_queue,
	CALL_FILTER_handler,
	CALL_FILTER_states,
	CALL_FILTER_causes,
	CALL_FILTER_exit_code,
	CALL_FILTER_name,
	CALL_FILTER_uid,
	CALL_FILTER_group,
	CALL_FILTER_key,
	CALL_FILTER_tags,
	CALL_FILTER_older_than_ms,
	CALL_FILTER_newer_than_ms,
	CALL_FILTER_follows
};

/* Decode a Filter by this table: CALL_HAS(&filter, FILTER, uid). */
extern const struct schema_type filter_type;
