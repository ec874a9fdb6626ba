#pragma once

/*
 * How field tables are written: IN_ for fields that are decoded into a struct,
 * OUT_ for those that are only described (replies, and what is not built).
 * REQ is required, OPT is ?type in the interface file. For tables only.
 */

#include "proto/limits.h"
#include "proto/names.h"
#include "proto/schema.h"

/* Ids stay exact in a double, for JavaScript. */
#define ID_MAX ((INT64_C(1) << 53) - 1)
#define DURATION_MAX_MS (10 * 365 * 86400 * INT64_C(1000))
#define GRACE_MAX_MS (86400 * 1000)
#define PRIORITY_MAX (1000 * 1000 * 1000)
#define PATH_BYTES_MAX 4095
#define REASON_BYTES_MAX 1000
/* Base64 of LIMIT_DATA_BYTES. */
#define BASE64_MAX ((LIMIT_DATA_BYTES + 2) / 3 * 4)

#define IN_REQ(prefix, type_, member, kind_, ...)                              \
	[prefix##_##member] = {.name = #member,                                \
			       .kind = SCHEMA_##kind_,                         \
			       .offset = offsetof(struct type_, member),       \
			       ##__VA_ARGS__}
#define IN_OPT(prefix, type_, member, kind_, ...)                              \
	IN_REQ(prefix, type_, member, kind_, .optional = true, ##__VA_ARGS__)
#define OUT_REQ(name_, kind_, ...)                                             \
	{                                                                      \
		.name = #name_, .kind = SCHEMA_##kind_,                        \
		.offset = SCHEMA_UNBUILT, ##__VA_ARGS__                        \
	}
#define OUT_OPT(name_, kind_, ...)                                             \
	OUT_REQ(name_, kind_, .optional = true, ##__VA_ARGS__)

#define FIELDS_TYPE(name_, fields_)                                            \
	{                                                                      \
		.name = name_, .fields = fields_,                              \
		.field_count = ARRAY_COUNT(fields_)                            \
	}
#define WORDS_TYPE(name_, words_)                                              \
	{                                                                      \
		.name = name_, .words = words_,                                \
		.word_count = ARRAY_COUNT(words_)                              \
	}
#define NAME_WORD(name_, text_) text_,
