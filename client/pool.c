/* Many calls at once: the functions of the public header. */

#include "client/pool.h"

#include "client/clock.h"
#include "client/job.h"
#include "proto/json_depth.h"
#include "proto/json_in.h"
#include "proto/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define POOL_MOST LIMIT_IDS_PER_CALL
#define POOL_ARGS_BYTES (LIMIT_SPEC_BYTES - 64 * 1024) /* the rest fits, too */
#define POOL_EAGER 64 /* jobs: then the next batch does not wait for more */

static int write_head(struct reeve_pool *pool,
		      const struct reeve_spec *defaults)
{
	struct reeve_spec spec = *defaults;
	struct json_out *out = &pool->head;
	struct spec_fault fault = {0};
	int result;

	spec.group = pool->group;
	json_out_append(out, SLICE("{\"method\":\"org.reeve.jobs.SubmitMany\","
				   "\"parameters\":{\"defaults\":"));
	result = spec_write_defaults(out, &spec, &fault);
	if (result != 0)
		return submit_spec_fail(pool->r, result, &fault);
	json_out_append(out, SLICE(",\"jobs\":"));
	return json_out_ok(out) ? 0 : handle_link_fail(pool->r, -ENOMEM);
}

int pool_new(struct reeve *r, const struct reeve_spec *defaults,
	     size_t outstanding, bool ordered, const char *group,
	     struct reeve_pool **ret)
{
	size_t most = outstanding && outstanding < POOL_MOST ? outstanding
							     : POOL_MOST;
	struct reeve_pool *pool;
	int result;

	if (!spec_handler(defaults) || defaults->argv || defaults->shell ||
	    defaults->args || defaults->descriptors || defaults->key)
		return handle_fail(r, REEVE_E_INVALID,
				   "What differs goes with each task",
				   "a pool calls one handler: its spec names "
				   "it, and has no command, args or key");
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return handle_link_fail(r, -ENOMEM);
	pool->r = r;
	link_init(&pool->calls, r->interrupt);
	result = pool_slots_init(pool, most, ordered);
	if (result != 0)
		result = handle_link_fail(r, result);
	if (result == 0)
		result = pool_open(pool, defaults->name, group);
	if (result == 0)
		result = write_head(pool, defaults);
	if (result != 0) {
		struct reeve_error error = r->error;

		reeve_pool_free(pool);
		r->error = error;
		return result;
	}
	*ret = pool;
	return 0;
}

int reeve_pool_new(struct reeve *r, const struct reeve_spec *defaults,
		   size_t outstanding, bool ordered, struct reeve_pool **ret)
{
	return pool_new(r, defaults, outstanding, ordered, NULL, ret);
}

static void close_group(struct reeve_pool *pool)
{
	char params[48];

	if (!pool->group || pool->closed)
		return;
	pool->closed = true;
	snprintf(params, sizeof(params), "{\"group\":%" PRId64 "}",
		 pool->group);
	if (reeve_call(pool->r, "org.reeve.jobs.CloseGroup", params, NULL) != 0)
		return; /* the daemon will when we are gone */
}

void reeve_pool_free(struct reeve_pool *pool)
{
	if (!pool)
		return;
	reeve_stream_close(TAKE(pool->ends));
	while (pool->watch_count > 0)
		reeve_watch_free(pool->watches[--pool->watch_count]);
	link_close(&pool->calls);
	close_group(pool);
	group_hold_end(&pool->hold);
	if (pool->gather)
		json_out_fini(&pool->gather->out);
	free(pool->gather);
	for (size_t i = 0; i < pool->under_way_count; i++) {
		json_out_fini(&pool->under_way[i]->out);
		free(pool->under_way[i]);
	}
	pool_slots_fini(pool);
	json_out_fini(&pool->head);
	free(pool);
}

size_t reeve_pool_left(const struct reeve_pool *pool)
{
	return pool->left;
}

int64_t reeve_pool_group(const struct reeve_pool *pool)
{
	return pool->group;
}

/* ---- Handing out ---- */

static bool has_callbacks(const struct pool_slot *slot)
{
	return slot->on_result || slot->on_error;
}

/* Those whose turn it is, up to the first that next() is to give. */
static void run_callbacks(struct reeve_pool *pool)
{
	uint32_t first;

	if (pool->calling)
		return;
	pool->calling = true;
	while ((first = pool_first(pool)) != POOL_NONE &&
	       has_callbacks(&pool->slots[first])) {
		struct pool_slot slot = pool->slots[first];
		struct reeve_job *job = pool_release(pool, first);
		bool good = job->state == REEVE_SUCCEEDED;

		if (good && slot.on_result)
			slot.on_result(slot.data, job);
		else if (!good && slot.on_error)
			slot.on_error(slot.data, job);
		reeve_job_free(job);
	}
	pool->calling = false;
}

static int turn(struct reeve_pool *pool, int64_t timeout_ms)
{
	int result = pool_turn(pool, timeout_ms);

	pool->broken |= result != 0 && result != REEVE_E_TIMEOUT &&
			result != REEVE_E_INTERRUPTED;
	run_callbacks(pool);
	return result;
}

static int check(struct reeve_pool *pool)
{
	if (!pool->broken)
		return 0;
	return handle_fail(pool->r, REEVE_E_LOST, "Make a new one",
			   "the pool lost its daemon: what is under way goes "
			   "on there");
}

static int64_t left_of(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_monotonic_ms();

	if (deadline_ms < 0)
		return -1;
	return left > 0 ? left : 0;
}

static int64_t deadline_of(int64_t timeout_ms)
{
	return timeout_ms < 0 ? -1 : clock_monotonic_ms() + timeout_ms;
}

int reeve_pool_next(struct reeve_pool *pool, int64_t timeout_ms,
		    struct reeve_job **ret, void **ret_data)
{
	int64_t deadline_ms = deadline_of(timeout_ms);

	for (;;) {
		uint32_t first;
		int result;

		run_callbacks(pool);
		first = pool_first(pool);
		if (first != POOL_NONE && !has_callbacks(&pool->slots[first])) {
			void *data = pool->slots[first].data;

			*ret = pool_release(pool, first);
			if (ret_data)
				*ret_data = data;
			return 0;
		}
		if (pool->left == 0)
			return handle_fail(pool->r, REEVE_E_END, NULL,
					   "nothing is under way");
		result = check(pool);
		if (result == 0)
			result = turn(pool, left_of(deadline_ms));
		if (result != 0)
			return result;
	}
}

/* ---- Taking in ---- */

static int gather(struct reeve_pool *pool, const struct reeve_task *task,
		  uint32_t slot)
{
	struct pool_batch *batch = pool->gather;
	struct reeve_spec item = {.handler = "of the pool", .args = task->args};
	struct spec_fault fault = {0};
	char text[SUBMIT_KEY_BYTES];
	const char *key;
	int result = submit_key(pool->r, &item, NULL, text, &key);

	if (result != 0)
		return result;
	if (!batch) {
		batch = pool->gather = calloc(1, sizeof(*batch));
		if (!batch)
			return handle_link_fail(pool->r, -ENOMEM);
		json_out_append(&batch->out, json_out_slice(&pool->head));
		json_out_array(&batch->out);
	}
	result = spec_write_item(&batch->out, &item, &item, key, &fault);
	if (result != 0)
		return submit_spec_fail(pool->r, result, &fault);
	batch->slots[batch->count++] = slot;
	return 0;
}

/* Room for one more, in the batch and in the slots. */
static int make_room(struct reeve_pool *pool, bool callbacks)
{
	for (;;) {
		const struct pool_batch *batch = pool->gather;
		bool full = batch && (batch->count == POOL_BATCH_JOBS ||
				      batch->out.n >= POOL_BATCH_BYTES);
		uint32_t first;
		int result;

		if (!full && pool->left < pool->most)
			return 0;
		if (pool->calling && !full)
			break;
		run_callbacks(pool);
		first = pool_first(pool);
		if (pool->left == pool->most && !pool->calling &&
		    (!callbacks || (first != POOL_NONE &&
				    !has_callbacks(&pool->slots[first]))))
			break;
		if (pool->left < pool->most && !full)
			continue;
		result = turn(pool, -1);
		if (result != 0)
			return result;
	}
	return handle_fail(pool->r, REEVE_E_FULL,
			   "Take some with reeve_pool_next()",
			   "%zu are under way, as many as may be", pool->most);
}

/* What the daemon would not take is refused here: there it would take all that
 * travels with it along. */
static int check_args(struct reeve_pool *pool, const char *args)
{
	struct spec_fault fault = {0};
	struct slice text = slice_of(args);

	if (text.n > POOL_ARGS_BYTES)
		return handle_fail(pool->r, REEVE_E_INVALID,
				   "Put it into a file, and give its path",
				   "args has more than %d bytes",
				   POOL_ARGS_BYTES);
	if (spec_check_args(args, &fault) != 0)
		return submit_spec_fail(pool->r, SPEC_E_ARGS, &fault);
	if (json_is_deeper(text, LIMIT_DATA_DEPTH))
		return handle_fail(pool->r, REEVE_E_INVALID,
				   "Send it flatter, or as a string",
				   "args is nested deeper than %d levels",
				   LIMIT_DATA_DEPTH);
	return 0;
}

int reeve_pool_put(struct reeve_pool *pool, const struct reeve_task *task)
{
	uint32_t slot;
	int result = check(pool);

	if (result != 0)
		return result;
	if (pool->closed)
		return handle_fail(pool->r, REEVE_E_REFUSED, NULL,
				   "the pool is closed");
	if (task->args)
		result = check_args(pool, task->args);
	if (result != 0)
		return result;
	result = make_room(pool, task->on_result || task->on_error);
	if (result != 0)
		return result;
	slot = pool_take(pool);
	pool->slots[slot].on_result = task->on_result;
	pool->slots[slot].on_error = task->on_error;
	pool->slots[slot].data = task->data;
	result = gather(pool, task, slot);
	if (result != 0) {
		pool->broken = true;
		return result;
	}
	/* Alone it leaves at once; behind others it goes with its like. */
	if (pool->under_way_count == 0)
		result = pool_send(pool);
	else if (pool->gather->count % POOL_EAGER == 0)
		result = turn(pool, 0);
	return result == REEVE_E_TIMEOUT || result == REEVE_E_INTERRUPTED
		       ? 0
		       : result;
}

int reeve_pool_map(struct reeve_pool *pool, const char *const *args,
		   size_t count, struct reeve_job **ret_jobs)
{
	size_t put = 0;
	int result = 0;

	if (pool->left > 0)
		return handle_fail(pool->r, REEVE_E_INVALID,
				   "Take them with reeve_pool_next() first",
				   "other tasks are under way");
	memset(ret_jobs, 0, count * sizeof(struct reeve_job *));
	while (result == 0 && (put < count || pool->left > 0)) {
		struct reeve_job *job;
		void *data = NULL;

		if (put < count) {
			result = reeve_pool_put(pool,
						&(struct reeve_task){
							.args = args[put],
							.data = &ret_jobs[put],
						});
			put += result == 0;
		}
		if (put < count && result == 0)
			continue;
		if (result != 0 && result != REEVE_E_FULL)
			break;
		result = reeve_pool_next(pool, -1, &job, &data);
		if (data)
			*(struct reeve_job **)data = job;
	}
	return result;
}

/* ---- The end ---- */

int reeve_pool_close(struct reeve_pool *pool)
{
	int result = check(pool);

	while (result == 0 && (pool->gather || pool->under_way_count > 0)) {
		result = turn(pool, -1);
	}
	if (result == 0)
		close_group(pool);
	return result;
}

static bool all_ended(const struct reeve_pool *pool)
{
	for (size_t i = 0; i < pool->most; i++) {
		if (pool->slots[i].state == POOL_SENT ||
		    pool->slots[i].state == POOL_WAITING)
			return false;
	}
	return true;
}

int reeve_pool_join(struct reeve_pool *pool, int64_t timeout_ms)
{
	int64_t deadline_ms = deadline_of(timeout_ms);
	int result = 0;

	run_callbacks(pool);
	while (result == 0 && pool->left > 0 && !all_ended(pool)) {
		result = check(pool);
		if (result == 0)
			result = turn(pool, left_of(deadline_ms));
	}
	return result;
}

/* What was gathered and never left. */
static int drop_gathered(struct reeve_pool *pool)
{
	struct pool_batch *batch = TAKE(pool->gather);
	int result = 0;

	for (size_t i = 0; batch && result == 0 && i < batch->count; i++)
		result = pool_refuse(pool, batch->slots[i], "cancelled",
				     "cancelled", NULL,
				     "cancelled before it was submitted");
	if (batch)
		json_out_fini(&batch->out);
	free(batch);
	return result;
}

int reeve_pool_terminate(struct reeve_pool *pool, const char *reason)
{
	struct json_out out = {0};
	const char *reply;
	bool more = true;
	int result = check(pool);

	if (result == 0)
		result = drop_gathered(pool);
	if (result == 0)
		result = reeve_pool_close(pool);
	if (result != 0)
		return result;
	json_out_object(&out);
	json_out_key(&out, "filter");
	json_out_object(&out);
	json_out_member_int(&out, "group", pool->group);
	json_out_object_end(&out);
	if (reason)
		json_out_member_text(&out, "reason", reason);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	if (!json_out_ok(&out))
		result = handle_link_fail(pool->r, -ENOMEM);
	while (result == 0 && more) {
		struct slice left;

		more = false;
		result = reeve_call(pool->r, "org.reeve.jobs.Cancel", out.p,
				    &reply);
		if (result == 0 && json_find(slice_of(reply), "left", &left) &&
		    json_bool(left, &more) != 0)
			more = false;
	}
	json_out_fini(&out);
	return result;
}
