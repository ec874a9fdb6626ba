/* Output: what a job wrote, from the store or its file; followed with `more`. */

#include <errno.h>

#include "daemon/broker/methods.h"
#include "daemon/broker/output_file.h"
#include "daemon/broker/state.h"
#include "proto/calls_jobs.h"
#include "proto/json_in.h"

#define OUTPUT_DEFAULT_BYTES (256 * 1024)
#define OUTPUT_MAX_BYTES (1024 * 1024)
#define OUTPUT_RECORD_BYTES (128 * 1024) /* a worker's records are smaller */

struct output {
	struct read_request request;
	struct call *call;
	struct waiter waiter; /* the job's end */
	struct follow follow; /* its file */
	int64_t id;
	uint32_t attempt; /* 0: not known yet */
	int stream;
	struct output_at at;
	size_t max_bytes;
	bool reading, again;
	struct arena answer;
	/* What the last read found. */
	bool found, over;
	bool stdout_given, stderr_given; /* nothing of them is kept */
	struct slice records;
	int64_t file_bytes; /* how long a file that is over must be; 0: any */
};

static void look(struct output *output);

static void output_stop(struct output *output)
{
	waits_remove(&output->call->broker->waits, &output->waiter);
	follow_remove(output->call->broker, &output->follow);
}

/* The store's own copy of a small output. */
static void take_log(struct output *output, struct slice log)
{
	size_t offset = (size_t)output->at.record;

	if (offset < log.n)
		output->records = (struct slice){log.p + offset,
						 log.n - offset};
}

/* A file is not fsynced: after a power cut it may be shorter than it was. */
static int64_t expected_bytes(struct slice description)
{
	struct slice value;
	int64_t bytes = 0;

	if (!json_find(description, "bytes", &value) || json_int(value, &bytes))
		return 0;
	return bytes;
}

/*
 * What the store has of this attempt. The row of a job that has ended tells of
 * its last one; every other that is over stands by itself.
 */
static int find_log(struct store *store, struct output *output,
		    const struct store_row *row, struct slice *ret_log,
		    bool *ret_file)
{
	*ret_log = row->log;
	*ret_file = row->output_file;
	if (state_is_end(row->state) && row->attempt == output->attempt &&
	    row->log.n)
		return 0;
	return store_attempt_log(store, &output->answer, output->id,
				 output->attempt, ret_log, ret_file);
}

static int read_step(struct store *store, struct read_request *request)
{
	struct output *output = (struct output *)request;
	const char *state_dir = output->call->broker->config->state_dir;
	struct store_row *row;
	struct slice log;
	size_t count, looked;
	bool file;
	int r = store_get(store, &output->answer, &output->id, 1, false, true,
			  &row, &count, &looked);

	output->records = (struct slice){0};
	output->found = r == 0 && count == 1;
	if (!output->found)
		return r;
	output->stdout_given = row->stdout_given;
	output->stderr_given = row->stderr_given;
	if (!output->attempt)
		output->attempt = row->attempt;
	output->over = state_is_end(row->state) ||
		       row->attempt > output->attempt ||
		       (row->state != STATE_RUNNING && row->attempt &&
			row->attempt == output->attempt);
	if (!output->attempt)
		return 0; /* it has not begun */
	output->file_bytes = 0;
	r = find_log(store, output, row, &log, &file);
	if (r)
		return r;
	if (log.n && !file) {
		take_log(output, log);
		return 0;
	}
	if (log.n)
		output->file_bytes = expected_bytes(log);
	r = output_read(state_dir, output->id, output->attempt,
			output->at.record,
			output->max_bytes + OUTPUT_RECORD_BYTES,
			&output->answer, &output->records);
	return r == -ENOENT ? 0 : r;
}

static void no_such_job(struct output *output)
{
	struct json_out *out;

	output_stop(output);
	out = call_error(output->call, "org.reeve.jobs.NoSuchJob");
	json_out_member_int(out, "id", output->id);
	call_error_end(output->call, "there is no job with this id",
		       "it may have been purged; List shows what is there");
}

static void say_elsewhere(const struct output *output, struct json_out *out)
{
	json_out_key(out, "elsewhere");
	json_out_array(out);
	if (output->stdout_given)
		json_out_string(out, SLICE("stdout"));
	if (output->stderr_given)
		json_out_string(out, SLICE("stderr"));
	json_out_array_end(out);
}

/* Write what was read. Return: did anything come? */
static bool reply(struct output *output)
{
	struct call *call = output->call;
	struct output_at before = output->at;
	struct json_out chunks = {0};
	struct json_out *out;
	size_t done;
	bool came, eof, last;

	json_out_array(&chunks);
	done = output_chunks(&chunks, output->records, output->stream,
			     output->max_bytes, &output->at);
	came = done || output->at.skip != before.skip;
	eof = output->over && done == output->records.n &&
	      output->records.n < output->max_bytes + OUTPUT_RECORD_BYTES;
	/* A record that is cut and will never be whole is the end, too. */
	eof = eof || (output->over && !came);
	if (eof && output->at.record < output->file_bytes)
		output_omitted(&chunks, output->file_bytes - output->at.record);
	json_out_array_end(&chunks);
	last = !call->more || eof;
	if (came || last) {
		if (last)
			output_stop(output);
		out = call_reply(call, !last);
		json_out_key(out, "chunks");
		json_out_raw(out, json_out_slice(&chunks));
		json_out_member_int(out, "offset",
				    output_at_number(output->at));
		json_out_member_bool(out, "eof", eof);
		if (output->stdout_given || output->stderr_given)
			say_elsewhere(output, out);
		call_reply_end(call);
	}
	json_out_fini(&chunks);
	return came;
}

static void read_done(struct read_request *request, int result)
{
	struct output *output = (struct output *)request;
	struct call *call = output->call;
	bool came = false;

	output->reading = false;
	if (call->replied || !call->conn) {
		/* Nobody listens any more. */
	} else if (result) {
		output_stop(output);
		call_error_storage(call, "the output could not be read");
	} else if (!output->found) {
		no_such_job(output);
	} else {
		came = reply(output);
	}
	arena_fini(&output->answer);
	if (!call->replied && call->conn && (came || output->again) &&
	    !call_full(call))
		look(output);
	call_release(call);
}

static void look(struct output *output)
{
	if (output->reading || output->call->replied) {
		output->again = true;
		return;
	}
	output->again = false;
	output->reading = true;
	output->request.step = read_step;
	output->request.done = read_done;
	call_hold(output->call);
	reader_ask(&output->call->broker->reader, &output->request);
}

static void on_told(struct waiter *waiter, const struct store_row *row,
		    const struct store_group *group)
{
	struct output *output =
		(struct output *)((char *)waiter -
				  offsetof(struct output, waiter));

	(void)row;
	(void)group;
	look(output);
}

static void on_grew(struct follow *follow)
{
	struct output *output =
		(struct output *)((char *)follow -
				  offsetof(struct output, follow));

	if (!call_full(output->call))
		look(output);
}

static void on_drained(struct call *call)
{
	look(call->state);
}

static void on_deaf(struct call *call)
{
	output_stop(call->state);
}

void call_output(struct call *call, void *params)
{
	struct call_output *p = params;
	struct output *output = arena_alloc(&call->arena, sizeof(*output));

	if (!output) {
		call_error_memory(call);
		return;
	}
	output->call = call;
	output->id = p->id;
	output->attempt = (uint32_t)p->attempt;
	output->stream = CALL_HAS(p, OUTPUT, stream) ? p->stream : OUTPUT_BOTH;
	output->at = output_at_parse(p->offset);
	output->max_bytes = OUTPUT_DEFAULT_BYTES;
	if (CALL_HAS(p, OUTPUT, max_bytes))
		output->max_bytes = p->max_bytes < OUTPUT_MAX_BYTES
					    ? (size_t)p->max_bytes
					    : OUTPUT_MAX_BYTES;
	output->waiter.call = call;
	output->waiter.told = on_told;
	output->follow.job = p->id;
	output->follow.grew = on_grew;
	call->state = output;
	/* Registered before the first look: nothing falls between. */
	if (call->more &&
	    (waits_job(&call->broker->waits, p->id, &output->waiter) ||
	     follow_add(call->broker, &output->follow))) {
		output_stop(output);
		call_error_memory(call);
		return;
	}
	if (call->more) {
		call->deaf = on_deaf;
		call->drained = on_drained;
	}
	look(output);
}
