#pragma once

/*
 * What a peer may make the daemon hold, in one list: enum, names, Hello's reply
 * and PROTOCOL.md come from it. Each has an error of its own.
 */

#include <stdint.h>

#define LIMITS(X)                                                              \
	X(MESSAGE_BYTES, "message_bytes", 16 * 1024 * 1024)                    \
	X(DEPTH, "depth", 64)                                                  \
	X(STRING_BYTES, "string_bytes", 16 * 1024 * 1024)                      \
	X(SPEC_BYTES, "spec_bytes", 2 * 1024 * 1024)                           \
	X(DATA_BYTES, "data_bytes", 1024 * 1024)                               \
	X(DATA_DEPTH, "data_depth", 56)                                        \
	X(ARGV_BYTES, "argv_bytes", 1024 * 1024)                               \
	X(ARGUMENT_BYTES, "argument_bytes", 128 * 1024 - 1)                    \
	X(NAME_BYTES, "name_bytes", 255)                                       \
	X(KEY_BYTES, "key_bytes", 255)                                         \
	X(JOBS_PER_CALL, "jobs_per_call", 10000)                               \
	X(IDS_PER_CALL, "ids_per_call", 10000)                                 \
	X(CALLS_PER_CONNECTION, "calls_per_connection", 1024)                  \
	X(CONNECTIONS, "connections", 16384)                                   \
	X(CONNECTIONS_PER_USER, "connections_per_user", 12288)                 \
	X(DESCRIPTORS_PER_MESSAGE, "descriptors_per_message", 16)              \
	X(DESCRIPTORS_HELD, "descriptors_held", 1024)                          \
	X(CALLBACKS, "callbacks", 16)                                          \
	X(CALLBACK_DEPTH, "callback_depth", 3)                                 \
	X(INPUT_BYTES, "input_bytes", 256 * 1024 * 1024)                       \
	X(UNSENT_BYTES, "unsent_bytes", 1024 * 1024)                           \
	X(STORE_BEHIND_BYTES, "store_behind_bytes", 8 * 1024 * 1024)           \
	X(LEASES, "leases", 20000)                                             \
	X(LEASES_PER_CONNECTION, "leases_per_connection", 1000)                \
	X(NAMES_PER_RESERVE, "names_per_reserve", 64)                          \
	X(CONSUMED_HANDLERS, "consumed_handlers", 1000)                        \
	X(SUBSCRIPTIONS, "subscriptions", 256)                                 \
	X(EVENTS_BEHIND, "events_behind", 100000)                              \
	X(LANES, "lanes", 10000)                                               \
	X(INLINE_OUTPUT_BYTES, "inline_output_bytes", 4096)                    \
	X(OUTPUT_BYTES, "output_bytes", 64 * 1024 * 1024)                      \
	X(MESSAGE_SECONDS, "message_seconds", 10)                              \
	X(READ_SECONDS, "read_seconds", 60)
#define LIMIT_ENUM(name, text, value) LIMIT_##name = (value),
enum limit { LIMITS(LIMIT_ENUM) };
