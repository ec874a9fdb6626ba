#include "daemon/worker/verdict.h"

#include <endian.h>
#include <stdio.h>

#include "daemon/worker/ring.h"
#include "proto/json_depth.h"
#include "proto/json_in.h"
#include "proto/limits.h"
#include "proto/utf8.h"

void verdict_begin(struct verdict *verdict, size_t max_line)
{
	json_out_reset(&verdict->result);
	verdict->max_bytes = max_line > VERDICT_SPARE_BYTES
				     ? max_line - VERDICT_SPARE_BYTES
				     : 0;
	verdict->failed = verdict->spoilt = verdict->give_up = false;
	verdict->retry_ms = verdict->cpu_us = -1;
	verdict->retry_after_ms = 0;
	verdict->log_bytes = verdict->log_text_bytes = verdict->log_lines = 0;
	verdict->log_omitted_bytes = 0;
}

void verdict_fini(struct verdict *verdict)
{
	json_out_fini(&verdict->result);
}

/* Whole characters, as many as there is room for; NUL ends it for good. */
static void cut(char *to, size_t room, struct slice text)
{
	size_t n = utf8_cut(text, room);

	if (n)
		memcpy(to, text.p, n);
	to[n] = '\0';
}

void verdict_fail(struct verdict *verdict, struct slice type,
		  struct slice message, struct slice trace)
{
	verdict->failed = true;
	verdict->spoilt = false;
	cut(verdict->type, VERDICT_TYPE_BYTES, type);
	cut(verdict->message, VERDICT_MESSAGE_BYTES, message);
	cut(verdict->trace, VERDICT_TRACE_BYTES, trace);
}

static int spoil(struct verdict *verdict, const char *type, const char *message)
{
	json_out_reset(&verdict->result);
	if (!verdict->failed || verdict->spoilt) {
		verdict_fail(verdict, slice_of(type), slice_of(message),
			     (struct slice){0});
		verdict->spoilt = true;
	}
	return VERDICT_E_REFUSED;
}

int verdict_result(struct verdict *verdict, struct slice json)
{
	struct json_fault fault;
	char text[192];

	if (json.n > verdict->max_bytes) {
		snprintf(text, sizeof(text),
			 "the result has %zu bytes, at most %zu can be kept",
			 json.n, verdict->max_bytes);
		return spoil(verdict, "ResultTooLarge", text);
	}
	if (json_check(json, &fault)) {
		snprintf(text, sizeof(text),
			 "the result is not JSON: %s at byte %zu",
			 fault.message, fault.offset);
		return spoil(verdict, "ResultNotJSON", text);
	}
	if (json_is_deeper(json, LIMIT_DATA_DEPTH))
		return spoil(verdict, "ResultNotJSON",
			     "the result is nested too deep");
	json_out_reset(&verdict->result);
	json_out_raw(&verdict->result, json_trim(json));
	if (!json_out_ok(&verdict->result)) {
		json_out_fini(&verdict->result);
		return spoil(verdict, "MemoryError",
			     "no memory for the result");
	}
	if (verdict->spoilt)
		verdict->failed = verdict->spoilt = false;
	return 0;
}

static void add_record(struct verdict *verdict, enum record_stream stream,
		       struct slice text, int64_t now_ms)
{
	char *at = verdict->log + verdict->log_bytes;

	record_head(at, stream, text.n, now_ms);
	memcpy(at + RECORD_HEAD_BYTES, text.p, text.n);
	verdict->log_bytes += RECORD_HEAD_BYTES + text.n;
}

void verdict_log(struct verdict *verdict, struct slice text, int64_t now_ms)
{
	size_t room = VERDICT_LOG_BYTES - verdict->log_text_bytes;
	struct slice line = {text.p, text.n};
	char *end;

	while (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	if (verdict->log_omitted_bytes || room < 1 ||
	    verdict->log_lines == VERDICT_LOG_LINES) {
		verdict->log_omitted_bytes += (int64_t)line.n + 1;
		return;
	}
	if (line.n > room - 1) {
		size_t n = utf8_cut(line, room - 1);

		verdict->log_omitted_bytes = (int64_t)(line.n - n);
		line.n = n;
	}
	add_record(verdict, RECORD_STDERR, line, now_ms);
	/* The newline belongs to the record: its head is written again. */
	end = verdict->log + verdict->log_bytes;
	*end = '\n';
	record_head(end - line.n - RECORD_HEAD_BYTES, RECORD_STDERR, line.n + 1,
		    now_ms);
	verdict->log_bytes++;
	verdict->log_text_bytes += line.n + 1;
	verdict->log_lines++;
}

static void write_error(const struct verdict *verdict, struct json_out *out)
{
	json_out_key(out, "error");
	json_out_object(out);
	json_out_member_text(out, "type", verdict->type);
	json_out_member_text(out, "message", verdict->message);
	if (verdict->trace[0])
		json_out_member_text(out, "trace", verdict->trace);
	json_out_object_end(out);
	if (verdict->give_up)
		json_out_member_bool(out, "retry", false);
	if (verdict->retry_ms >= 0)
		json_out_member_int(out, "retry_ms", verdict->retry_ms);
	if (verdict->retry_after_ms)
		json_out_member_int(out, "retry_after_ms",
				    verdict->retry_after_ms);
}

static void write_log(struct verdict *verdict, struct json_out *out,
		      int64_t now_ms)
{
	uint64_t omitted = htole64((uint64_t)verdict->log_omitted_bytes);

	if (omitted)
		add_record(
			verdict, RECORD_OMITTED,
			(struct slice){(const char *)&omitted, sizeof(omitted)},
			now_ms);
	if (!verdict->log_bytes)
		return;
	json_out_key(out, "log64");
	json_out_base64(out, (struct slice){verdict->log, verdict->log_bytes});
}

void verdict_write(struct verdict *verdict, struct json_out *out,
		   const struct order *job)
{
	json_out_object(out);
	json_out_member_int(out, verdict->failed ? "fail" : "done", job->id);
	json_out_member_int(out, "token", job->token);
	if (verdict->failed)
		write_error(verdict, out);
	else if (verdict->result.n)
		json_out_member_raw(out, "result",
				    json_out_slice(&verdict->result));
	json_out_member_int(out, "started_ms", verdict->started_ms);
	json_out_member_int(out, "finished_ms", verdict->finished_ms);
	json_out_member_int(out, "run_us", verdict->run_us);
	if (verdict->cpu_us >= 0)
		json_out_member_int(out, "cpu_us", verdict->cpu_us);
	write_log(verdict, out, verdict->finished_ms);
	json_out_object_end(out);
	json_out_byte(out, '\n');
}
