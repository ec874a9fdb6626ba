/* The small calls: one job, and its end. */

#include "client/handle.h"
#include "client/job.h"
#include "proto/json_in.h"

int reeve_get(struct reeve *r, int64_t id, struct reeve_job **ret)
{
	struct json_out *out = handle_params(r);
	struct slice params, reply, list, item;
	struct json_iter iter;
	int result;

	json_out_object(out);
	json_out_key(out, "ids");
	json_out_array(out);
	json_out_int(out, id);
	json_out_array_end(out);
	json_out_member_bool(out, "with_spec", true);
	json_out_object_end(out);
	result = handle_params_take(r, &params);
	if (result == 0)
		result = handle_call(r, "org.reeve.jobs.Get", params, true,
				     &reply);
	if (result != 0)
		return result;

	if (!json_find(reply, "jobs", &list))
		list = SLICE("[]");
	iter = json_enter(list);
	if (!json_item(&iter, &item))
		return handle_fail(r, REEVE_E_NOT_FOUND,
				   "See which there are: reeve ls -a",
				   "there is no job %lld", (long long)id);
	result = job_decode(item, ret);
	if (result < 0)
		return handle_link_fail(r, result);
	if (result > 0)
		return handle_fail(r, REEVE_E_PROTOCOL, NULL,
				   "the daemon's answer to Get holds something "
				   "that is not a job");
	return 0;
}

int reeve_cancel(struct reeve *r, int64_t id, const char *reason)
{
	struct json_out *out = handle_params(r);
	struct slice params, reply;
	int result;

	json_out_object(out);
	json_out_key(out, "filter");
	json_out_object(out);
	json_out_key(out, "ids");
	json_out_array(out);
	json_out_int(out, id);
	json_out_array_end(out);
	json_out_object_end(out);
	if (reason)
		json_out_member_text(out, "reason", reason);
	json_out_object_end(out);
	result = handle_params_take(r, &params);
	if (result != 0)
		return result;
	return handle_call(r, "org.reeve.jobs.Cancel", params, true, &reply);
}
