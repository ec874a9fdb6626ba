#pragma once

/*
 * Methods: the table of what is built, one row each; the functions are in the
 * call_*.c of their interface.
 */

#include "daemon/broker/call.h"

/** methods_find() - by full name; NULL: not built, or unknown */
const struct call_method *methods_find(struct slice name);

/* call_submit.c, call_submit_many.c */
void call_submit(struct call *call, void *params);
void call_submit_many(struct call *call, void *params);
void call_flush(struct call *call, void *params);
/* call_steer.c */
void call_cancel(struct call *call, void *params);
void call_hold_jobs(struct call *call, void *params);
void call_release_jobs(struct call *call, void *params);
void call_retry(struct call *call, void *params);
void call_remove(struct call *call, void *params);
void call_change(struct call *call, void *params);
void call_purge(struct call *call, void *params);
/* call_queues.c, drain.c */
void call_list_queues(struct call *call, void *params);
void call_configure(struct call *call, void *params);
void call_pause(struct call *call, void *params);
void call_resume(struct call *call, void *params);
void call_drain(struct call *call, void *params);
/* call_explain.c */
void call_explain(struct call *call, void *params);
/* call_edit.c */
void call_edit(struct call *call, void *params);
void call_get_spec(struct call *call, void *params);
/* call_groups.c */
void call_open_group(struct call *call, void *params);
void call_close_group(struct call *call, void *params);
void call_hold_group(struct call *call, void *params);
void call_get_group(struct call *call, void *params);
/* call_query.c */
void call_get(struct call *call, void *params);
void call_list(struct call *call, void *params);
void call_count(struct call *call, void *params);
/* last.c */
void call_last(struct call *call, void *params);
/* call_events.c */
void call_subscribe(struct call *call, void *params);
/* call_wait.c */
void call_wait(struct call *call, void *params);
/* call_progress.c */
void call_progress(struct call *call, void *params);
/* call_output.c */
void call_output(struct call *call, void *params);
/* call_consume.c */
void call_reserve(struct call *call, void *params);
void call_settle(struct call *call, void *params);
void call_ack(struct call *call, void *params);
void call_nack(struct call *call, void *params);
void call_extend(struct call *call, void *params);
void call_consume_progress(struct call *call, void *params);
/* call_admin.c */
void call_ping(struct call *call, void *params);
void call_hello(struct call *call, void *params);
void call_status(struct call *call, void *params);
void call_config(struct call *call, void *params);
void call_reload(struct call *call, void *params);
void call_shutdown(struct call *call, void *params);
/* call_pools.c */
void call_workers(struct call *call, void *params);
void call_pools(struct call *call, void *params);
void call_handlers(struct call *call, void *params);
void call_resize(struct call *call, void *params);
void call_recycle(struct call *call, void *params);
void call_drain_pool(struct call *call, void *params);
/* call_service.c */
void call_get_info(struct call *call, void *params);
void call_get_interface_description(struct call *call, void *params);

#ifdef REEVE_TEST_HOOKS
/** call_certification_method() - org.varlink.certification; NULL: not of it */
const struct call_method *call_certification_method(struct slice name);
#endif
