#include "daemon/broker/methods.h"

#include "proto/calls_admin.h"
#include "proto/calls_consume.h"
#include "proto/calls_events.h"
#include "proto/calls_jobs.h"
#include "proto/calls_progress.h"
#include "proto/calls_queues.h"
#include "proto/calls_service.h"
#include "proto/calls_steer.h"

#define JOBS(name_) .name = "org.reeve.jobs." #name_
#define QUEUES(name_) .name = "org.reeve.queues." #name_
#define CONSUME(name_) .name = "org.reeve.consume." #name_
#define EVENTS(name_) .name = "org.reeve.events." #name_
#define ADMIN(name_) .name = "org.reeve.admin." #name_
#define SERVICE(name_) .name = "org.varlink.service." #name_
#define WITH(type) .params_bytes = sizeof(struct type)

/* Most called first: the search is a walk. */
static const struct call_method methods[] = {
	{JOBS(Submit), CALL_WRITES, WITH(call_submit), .streams = true,
	 .carries = true, .run = call_submit},
	{JOBS(SubmitMany), CALL_WRITES, WITH(call_submit_many), .streams = true,
	 .run = call_submit_many},
	{JOBS(Wait), CALL_ALONE, WITH(call_wait), .streams = true,
	 .run = call_wait},
	{JOBS(Get), CALL_ALONE, WITH(call_get), .run = call_get},
	{JOBS(List), CALL_ALONE, WITH(call_list), .run = call_list},
	{JOBS(Count), CALL_ALONE, WITH(call_count), .run = call_count},
	{JOBS(Last), CALL_ALONE, .run = call_last},
	{JOBS(Output), CALL_ALONE, WITH(call_output), .streams = true,
	 .run = call_output},
	{JOBS(Progress), CALL_ALONE, WITH(call_progress), .run = call_progress},
	{JOBS(Flush), CALL_ALONE, .run = call_flush},
	{JOBS(OpenGroup), CALL_ALONE, WITH(call_open_group),
	 .run = call_open_group},
	{JOBS(CloseGroup), CALL_ALONE, WITH(call_close_group),
	 .run = call_close_group},
	{JOBS(HoldGroup), CALL_ALONE, WITH(call_hold_group), .streams = true,
	 .run = call_hold_group},
	{JOBS(GetGroup), CALL_ALONE, WITH(call_get_group),
	 .run = call_get_group},
	{JOBS(Cancel), CALL_ALONE, WITH(call_cancel), .run = call_cancel},
	{JOBS(Hold), CALL_ALONE, WITH(call_hold), .run = call_hold_jobs},
	{JOBS(Release), CALL_ALONE, WITH(call_release),
	 .run = call_release_jobs},
	{JOBS(Retry), CALL_ALONE, WITH(call_retry), .run = call_retry},
	{JOBS(Remove), CALL_ALONE, WITH(call_remove), .run = call_remove},
	{JOBS(Change), CALL_ALONE, WITH(call_change), .run = call_change},
	{JOBS(Edit), CALL_ALONE, WITH(call_edit), .run = call_edit},
	{JOBS(GetSpec), CALL_ALONE, WITH(call_get_spec), .run = call_get_spec},
	{JOBS(Explain), CALL_ALONE, WITH(call_explain), .run = call_explain},
	{EVENTS(Subscribe), CALL_ALONE, WITH(call_subscribe), .streams = true,
	 .run = call_subscribe},
	{QUEUES(List), CALL_ALONE, .run = call_list_queues},
	{QUEUES(Configure), CALL_ALONE, WITH(call_configure),
	 .run = call_configure},
	{QUEUES(Pause), CALL_ALONE, WITH(call_pause), .run = call_pause},
	{QUEUES(Resume), CALL_ALONE, WITH(call_resume), .run = call_resume},
	{QUEUES(Drain), CALL_ALONE, WITH(call_drain), .run = call_drain},
	{QUEUES(Purge), CALL_ALONE, WITH(call_purge), .run = call_purge},
	{CONSUME(Reserve), CALL_ALONE, WITH(call_reserve), .streams = true,
	 .run = call_reserve},
	{CONSUME(Settle), CALL_ALONE, WITH(call_settle), .run = call_settle},
	{CONSUME(Ack), CALL_ALONE, WITH(call_ack), .run = call_ack},
	{CONSUME(Nack), CALL_ALONE, WITH(call_nack), .run = call_nack},
	{CONSUME(Extend), CALL_ALONE, WITH(call_extend), .run = call_extend},
	{CONSUME(Progress), CALL_ALONE, WITH(call_consume_progress),
	 .run = call_consume_progress},
	{ADMIN(Ping), CALL_ALONE, WITH(call_ping), .run = call_ping},
	{ADMIN(Hello), CALL_ALONE, WITH(call_hello), .run = call_hello},
	{ADMIN(Status), CALL_ALONE, .run = call_status},
	{ADMIN(Workers), CALL_ALONE, .run = call_workers},
	{ADMIN(Pools), CALL_ALONE, .run = call_pools},
	{ADMIN(Handlers), CALL_ALONE, .run = call_handlers},
	{ADMIN(Resize), CALL_ALONE, WITH(call_resize), .run = call_resize},
	{ADMIN(Recycle), CALL_ALONE, WITH(call_recycle), .run = call_recycle},
	{ADMIN(DrainPool), CALL_ALONE, WITH(call_drain_pool),
	 .run = call_drain_pool},
	{ADMIN(Config), CALL_ALONE, .run = call_config},
	{ADMIN(Reload), CALL_ALONE, WITH(call_reload), .run = call_reload},
	{ADMIN(Shutdown), CALL_ALONE, WITH(call_shutdown),
	 .run = call_shutdown},
	{SERVICE(GetInfo), CALL_ALONE, .run = call_get_info},
	{SERVICE(GetInterfaceDescription), CALL_ALONE,
	 WITH(call_get_interface_description),
	 .run = call_get_interface_description},
};

const struct call_method *methods_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
		if (slice_is(name, methods[i].name))
			return &methods[i];
	}
#ifdef REEVE_TEST_HOOKS
	return call_certification_method(name);
#else
	return NULL;
#endif
}
