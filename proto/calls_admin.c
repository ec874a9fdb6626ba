#include "proto/calls_admin.h"

#include "proto/calls.h"
#include "proto/table.h"

#define POOL_WORKERS_MAX 4096

static const char *const starting_or_stopping_words[] = {
	"starting", "idle", "busy", "draining", "stopping"};
static const struct schema_type starting_or_stopping_type =
	WORDS_TYPE(NULL, starting_or_stopping_words);

static const struct schema_field admin_worker_fields[] = {
	OUT_REQ(pid, INT),
	OUT_REQ(slot, INT),
	OUT_REQ(pool, STRING),
	OUT_REQ(state, ENUM, .type = &starting_or_stopping_type),
	OUT_OPT(job, INT),
	OUT_REQ(queued, INT),
	OUT_REQ(since_ms, INT),
	OUT_REQ(jobs_done, INT),
	OUT_OPT(rss_kib, INT),
	OUT_OPT(cpu_ms, INT),
};
static const struct schema_type admin_worker_type =
	FIELDS_TYPE("Worker", admin_worker_fields);

static const char *const running_or_draining_words[] = {"running", "degraded",
							"draining"};
static const struct schema_type running_or_draining_type =
	WORDS_TYPE(NULL, running_or_draining_words);

static const struct schema_field admin_pool_fields[] = {
	OUT_REQ(name, STRING),
	OUT_REQ(kind, STRING),
	OUT_REQ(state, ENUM, .type = &running_or_draining_type),
	OUT_OPT(reason, STRING),
	OUT_REQ(handlers, LIST, .item = SCHEMA_STRING),
	OUT_REQ(min, INT),
	OUT_REQ(max, INT),
	OUT_REQ(wanted, INT),
	OUT_REQ(workers, INT),
	OUT_REQ(busy, INT),
	OUT_REQ(waiting, INT),
};
static const struct schema_type admin_pool_type =
	FIELDS_TYPE("Pool", admin_pool_fields);

static const struct schema_field admin_handler_fields[] = {
	OUT_REQ(name, STRING),
	OUT_REQ(pool, STRING),
	OUT_REQ(kind, STRING),
	OUT_OPT(doc, STRING),
};
static const struct schema_type admin_handler_type =
	FIELDS_TYPE("Handler", admin_handler_fields);

static const struct schema_field admin_storage_fields[] = {
	OUT_REQ(path, STRING),	  OUT_REQ(bytes, INT),
	OUT_OPT(free_bytes, INT), OUT_REQ(writable, BOOL),
	OUT_OPT(message, STRING),
};
static const struct schema_type admin_storage_type =
	FIELDS_TYPE("Storage", admin_storage_fields);

static const char *const default_or_flag_words[] = {
	"default", "system", "fragment", "user", "environment", "flag"};
static const struct schema_type default_or_flag_type =
	WORDS_TYPE(NULL, default_or_flag_words);

static const struct schema_field admin_setting_fields[] = {
	OUT_REQ(key, STRING),
	OUT_REQ(value, STRING),
	OUT_REQ(default, STRING),
	OUT_REQ(layer, ENUM, .type = &default_or_flag_type),
	OUT_REQ(origin, STRING),
	OUT_REQ(live, BOOL),
	OUT_OPT(pending, STRING),
};
static const struct schema_type admin_setting_type =
	FIELDS_TYPE("Setting", admin_setting_fields);

static const struct schema_field admin_setting_change_fields[] = {
	OUT_REQ(key, STRING),	 OUT_REQ(from, STRING), OUT_REQ(to, STRING),
	OUT_REQ(origin, STRING), OUT_REQ(live, BOOL),
};
static const struct schema_type admin_setting_change_type =
	FIELDS_TYPE("SettingChange", admin_setting_change_fields);

static const struct schema_field admin_config_problem_fields[] = {
	OUT_OPT(file, STRING),
	OUT_OPT(line, INT),
	OUT_OPT(column, INT),
	OUT_REQ(message, STRING),
};
static const struct schema_type admin_config_problem_type =
	FIELDS_TYPE("ConfigProblem", admin_config_problem_fields);

static const struct schema_field ping_in_fields[] = {
	IN_OPT(CALL_PING, call_ping, payload, STRING, .max = LIMIT_DATA_BYTES),
};
static const struct schema_type ping_in_type = FIELDS_TYPE(NULL,
							   ping_in_fields);

static const struct schema_field ping_out_fields[] = {
	OUT_OPT(payload, STRING),
	OUT_REQ(now_ms, INT),
};
static const struct schema_type ping_out_type = FIELDS_TYPE(NULL,
							    ping_out_fields);

static const struct schema_field hello_in_fields[] = {
	IN_OPT(CALL_HELLO, call_hello, client, STRING, .max = LIMIT_NAME_BYTES),
};
static const struct schema_type hello_in_type = FIELDS_TYPE(NULL,
							    hello_in_fields);

static const struct schema_field hello_out_fields[] = {
	OUT_REQ(version, STRING),
	OUT_REQ(node, STRING),
	OUT_REQ(engine, STRING),
	OUT_REQ(generation, INT),
	OUT_REQ(features, LIST, .item = SCHEMA_STRING),
	OUT_REQ(limits, MAP, .item = SCHEMA_INT),
	OUT_REQ(uid, INT),
	OUT_REQ(roles, LIST, .item = SCHEMA_STRING),
};
static const struct schema_type hello_out_type = FIELDS_TYPE(NULL,
							     hello_out_fields);

static const char *const starting_or_running_or_draining_or_stopping_words[] = {
	"starting", "running", "draining", "stopping"};
static const struct schema_type
	starting_or_running_or_draining_or_stopping_type = WORDS_TYPE(
		NULL, starting_or_running_or_draining_or_stopping_words);

static const struct schema_field status_out_fields[] = {
	OUT_REQ(state, ENUM,
		.type = &starting_or_running_or_draining_or_stopping_type),
	OUT_REQ(since_ms, INT),
	OUT_REQ(version, STRING),
	OUT_REQ(generation, INT),
	OUT_REQ(pid, INT),
	OUT_REQ(broker_pid, INT),
	OUT_REQ(connections, INT),
	OUT_REQ(workers, INT),
	OUT_REQ(busy, INT),
	OUT_REQ(counts, MAP, .item = SCHEMA_INT),
	OUT_REQ(storage, STRUCT, .type = &admin_storage_type),
	OUT_REQ(cgroups, STRING),
	OUT_REQ(warnings, LIST, .item = SCHEMA_STRING),
};
static const struct schema_type status_out_type =
	FIELDS_TYPE(NULL, status_out_fields);

static const struct schema_field workers_out_fields[] = {
	OUT_REQ(workers, LIST, .item = SCHEMA_STRUCT,
		.type = &admin_worker_type),
};
static const struct schema_type workers_out_type =
	FIELDS_TYPE(NULL, workers_out_fields);

static const struct schema_field pools_out_fields[] = {
	OUT_REQ(pools, LIST, .item = SCHEMA_STRUCT, .type = &admin_pool_type),
};
static const struct schema_type pools_out_type = FIELDS_TYPE(NULL,
							     pools_out_fields);

static const struct schema_field resize_in_fields[] = {
	IN_REQ(CALL_RESIZE, call_resize, pool, STRING, .max = LIMIT_NAME_BYTES),
	IN_OPT(CALL_RESIZE, call_resize, min, INT, .max = POOL_WORKERS_MAX),
	IN_OPT(CALL_RESIZE, call_resize, max, INT, .min = 1,
	       .max = POOL_WORKERS_MAX),
};
static const struct schema_type resize_in_type = FIELDS_TYPE(NULL,
							     resize_in_fields);

static const struct schema_field recycle_in_fields[] = {
	IN_OPT(CALL_RECYCLE, call_recycle, pid, INT, .min = 1, .max = ID_MAX),
	IN_OPT(CALL_RECYCLE, call_recycle, pool, STRING,
	       .max = LIMIT_NAME_BYTES),
};
static const struct schema_type recycle_in_type =
	FIELDS_TYPE(NULL, recycle_in_fields);

static const struct schema_field recycle_out_fields[] = {
	OUT_REQ(count, INT),
};
static const struct schema_type recycle_out_type =
	FIELDS_TYPE(NULL, recycle_out_fields);

static const struct schema_field drain_pool_in_fields[] = {
	IN_REQ(CALL_DRAIN_POOL, call_drain_pool, pool, STRING,
	       .max = LIMIT_NAME_BYTES),
	IN_REQ(CALL_DRAIN_POOL, call_drain_pool, enable, BOOL),
};
static const struct schema_type drain_pool_in_type =
	FIELDS_TYPE(NULL, drain_pool_in_fields);

static const struct schema_field handlers_out_fields[] = {
	OUT_REQ(handlers, LIST, .item = SCHEMA_STRUCT,
		.type = &admin_handler_type),
};
static const struct schema_type handlers_out_type =
	FIELDS_TYPE(NULL, handlers_out_fields);

static const struct schema_field stats_in_fields[] = {
	OUT_OPT(reset, BOOL),
};
static const struct schema_type stats_in_type = FIELDS_TYPE(NULL,
							    stats_in_fields);

static const struct schema_field stats_out_fields[] = {
	OUT_REQ(stats, OBJECT),
};
static const struct schema_type stats_out_type = FIELDS_TYPE(NULL,
							     stats_out_fields);

static const struct schema_field metrics_out_fields[] = {
	OUT_REQ(text, STRING),
};
static const struct schema_type metrics_out_type =
	FIELDS_TYPE(NULL, metrics_out_fields);

static const struct schema_field config_out_fields[] = {
	OUT_REQ(files, LIST, .item = SCHEMA_STRING),
	OUT_REQ(settings, LIST, .item = SCHEMA_STRUCT,
		.type = &admin_setting_type),
};
static const struct schema_type config_out_type =
	FIELDS_TYPE(NULL, config_out_fields);

static const struct schema_field reload_in_fields[] = {
	IN_OPT(CALL_RELOAD, call_reload, dry_run, BOOL),
};
static const struct schema_type reload_in_type = FIELDS_TYPE(NULL,
							     reload_in_fields);

static const struct schema_field reload_out_fields[] = {
	OUT_REQ(changed, LIST, .item = SCHEMA_STRING),
	OUT_REQ(needs_restart, LIST, .item = SCHEMA_STRING),
	OUT_REQ(changes, LIST, .item = SCHEMA_STRUCT,
		.type = &admin_setting_change_type),
	OUT_REQ(warnings, LIST, .item = SCHEMA_STRUCT,
		.type = &admin_config_problem_type),
};
static const struct schema_type reload_out_type =
	FIELDS_TYPE(NULL, reload_out_fields);

static const struct schema_field upgrade_in_fields[] = {
	OUT_OPT(path, STRING),
};
static const struct schema_type upgrade_in_type =
	FIELDS_TYPE(NULL, upgrade_in_fields);

static const struct schema_field upgrade_out_fields[] = {
	OUT_REQ(generation, INT),
};
static const struct schema_type upgrade_out_type =
	FIELDS_TYPE(NULL, upgrade_out_fields);

static const struct schema_field drain_in_fields[] = {
	OUT_REQ(enable, BOOL),
};
static const struct schema_type drain_in_type = FIELDS_TYPE(NULL,
							    drain_in_fields);

static const char *const leave_or_kill_words[] = {"leave", "drain", "kill"};
static const struct schema_type leave_or_kill_type =
	WORDS_TYPE(NULL, leave_or_kill_words);

static const struct schema_field shutdown_in_fields[] = {
	IN_OPT(CALL_SHUTDOWN, call_shutdown, mode, ENUM,
	       .type = &leave_or_kill_type),
	IN_OPT(CALL_SHUTDOWN, call_shutdown, timeout_ms, INT,
	       .max = DURATION_MAX_MS),
};
static const struct schema_type shutdown_in_type =
	FIELDS_TYPE(NULL, shutdown_in_fields);

static const struct schema_field backup_in_fields[] = {
	OUT_REQ(fd, INT),
};
static const struct schema_type backup_in_type = FIELDS_TYPE(NULL,
							     backup_in_fields);

static const struct schema_field backup_out_fields[] = {
	OUT_REQ(bytes, INT),
};
static const struct schema_type backup_out_type =
	FIELDS_TYPE(NULL, backup_out_fields);

static const char *const error_or_debug_words[] = {"error", "warning", "info",
						   "debug"};
static const struct schema_type error_or_debug_type =
	WORDS_TYPE(NULL, error_or_debug_words);

static const struct schema_field set_log_level_in_fields[] = {
	OUT_REQ(level, ENUM, .type = &error_or_debug_type),
};
static const struct schema_type set_log_level_in_type =
	FIELDS_TYPE(NULL, set_log_level_in_fields);

static const struct schema_method methods[] = {
	{"org.reeve.admin", "Ping", &ping_in_type, &ping_out_type, true},
	{"org.reeve.admin", "Hello", &hello_in_type, &hello_out_type, true},
	{"org.reeve.admin", "Status", NULL, &status_out_type, true},
	{"org.reeve.admin", "Workers", NULL, &workers_out_type, true},
	{"org.reeve.admin", "Pools", NULL, &pools_out_type, true},
	{"org.reeve.admin", "Resize", &resize_in_type, NULL, true},
	{"org.reeve.admin", "Recycle", &recycle_in_type, &recycle_out_type,
	 true},
	{"org.reeve.admin", "DrainPool", &drain_pool_in_type, NULL, true},
	{"org.reeve.admin", "Handlers", NULL, &handlers_out_type, true},
	{"org.reeve.admin", "Stats", &stats_in_type, &stats_out_type, false},
	{"org.reeve.admin", "Metrics", NULL, &metrics_out_type, false},
	{"org.reeve.admin", "Config", NULL, &config_out_type, true},
	{"org.reeve.admin", "Reload", &reload_in_type, &reload_out_type, true},
	{"org.reeve.admin", "Upgrade", &upgrade_in_type, &upgrade_out_type,
	 false},
	{"org.reeve.admin", "Drain", &drain_in_type, NULL, false},
	{"org.reeve.admin", "Shutdown", &shutdown_in_type, NULL, true},
	{"org.reeve.admin", "Backup", &backup_in_type, &backup_out_type, false},
	{"org.reeve.admin", "SetLogLevel", &set_log_level_in_type, NULL, false},
};

static const struct schema_field not_permitted_error_fields[] = {
	OUT_REQ(role, STRING),
};
static const struct schema_type not_permitted_error_type =
	FIELDS_TYPE("NotPermitted", not_permitted_error_fields);

static const struct schema_field no_such_pool_error_fields[] = {
	OUT_REQ(pool, STRING),
};
static const struct schema_type no_such_pool_error_type =
	FIELDS_TYPE("NoSuchPool", no_such_pool_error_fields);

static const struct schema_field bad_message_error_fields[] = {
	OUT_REQ(offset, INT),
	OUT_REQ(message, STRING),
};
static const struct schema_type bad_message_error_type =
	FIELDS_TYPE("BadMessage", bad_message_error_fields);

static const struct schema_field too_many_connections_error_fields[] = {
	OUT_REQ(limit, INT),
};
static const struct schema_type too_many_connections_error_type =
	FIELDS_TYPE("TooManyConnections", too_many_connections_error_fields);

static const struct schema_field bad_config_error_fields[] = {
	OUT_REQ(file, STRING),
	OUT_REQ(line, INT),
	OUT_REQ(column, INT),
	OUT_REQ(message, STRING),
	OUT_REQ(problems, LIST, .item = SCHEMA_STRUCT,
		.type = &admin_config_problem_type),
};
static const struct schema_type bad_config_error_type =
	FIELDS_TYPE("BadConfig", bad_config_error_fields);

static const struct schema_type *const errors[] = {
	&not_permitted_error_type, &no_such_pool_error_type,
	&bad_message_error_type,   &too_many_connections_error_type,
	&bad_config_error_type,
};
static const struct schema_type *const types[] = {
	&admin_worker_type,	    &admin_pool_type,
	&admin_handler_type,	    &admin_storage_type,
	&admin_setting_type,	    &admin_setting_change_type,
	&admin_config_problem_type,
};

const struct schema_interface calls_admin = {
	.name = "org.reeve.admin",
	.text = idl_org_reeve_admin,
	.methods = methods,
	.method_count = ARRAY_COUNT(methods),
	.errors = errors,
	.error_count = ARRAY_COUNT(errors),
	.types = types,
	.type_count = ARRAY_COUNT(types),
};
