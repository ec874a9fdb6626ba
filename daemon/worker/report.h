#pragma once

/*
 * Report: what the worker says to the broker, but for the ends of attempts that
 * ran (attempt.c). Each writes one line, or a part of one.
 */

#include "daemon/worker/desk.h"

/** report_ready() - who it is and what it holds, in the order of delivery */
void report_ready(struct json_out *out, const struct desk *desk);

/** report_leaving() - nothing new, please; @idle: and nothing will begin */
void report_leaving(struct json_out *out, bool idle);
/** report_pong() - the answer to a ping */
void report_pong(struct json_out *out, int64_t number);

/** report_start() - a job that came with descriptors has them now, or failed */
void report_start(struct json_out *out, const struct order *job);

/** report_never_begun() - cancelled before it began: an end of its own */
void report_never_begun(struct json_out *out, const struct order *job,
			int64_t now_ms);

/** report_put_back_begin() - then one for each job, then the end */
void report_put_back_begin(struct json_out *out);
void report_put_back_one(struct json_out *out, const struct order *job);
void report_put_back_end(struct json_out *out);
