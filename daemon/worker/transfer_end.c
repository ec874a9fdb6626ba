#include "daemon/worker/transfer_end.h"

#include <stdio.h>

#include "daemon/base/clock.h"

#define TRACE_BYTES 2048

/* The few that programs ask for. */
static const char *const kept_headers[] = {
	"content-type", "etag",	       "last-modified",
	"location",	"retry-after", "x-request-id",
};

bool transfer_end_again(long status)
{
	return status == 408 || status == 429 ||
	       (status >= 500 && status < 600);
}

const char *transfer_end_phrase(long status)
{
	static const struct {
		int status;
		const char *phrase;
	} known[] = {
		{301, "Moved Permanently"},
		{302, "Found"},
		{303, "See Other"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{406, "Not Acceptable"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		if (known[i].status == status)
			return known[i].phrase;
	}
	return "";
}

/* ---- An answer came ---- */

static void write_headers(const struct transfer *transfer, struct json_out *out)
{
	json_out_key(out, "headers");
	json_out_object(out);
	for (size_t i = 0; i < ARRAY_COUNT(kept_headers); i++) {
		struct curl_header *header;

		if (transfer->curl->easy_header(transfer->easy, kept_headers[i],
						0, CURLH_HEADER, -1,
						&header) != CURLHE_OK)
			continue;
		json_out_key(out, kept_headers[i]);
		json_out_string(out, slice_of(header->value));
	}
	json_out_object_end(out);
}

static struct slice body_of(const struct transfer *transfer)
{
	return transfer->body
		       ? (struct slice){transfer->body, transfer->body_bytes}
		       : SLICE("");
}

static void succeed(struct transfer *transfer, struct verdict *verdict,
		    long status)
{
	struct json_out out = {0};
	int64_t ns = clock_mono_ns() - transfer->began_ns;

	json_out_object(&out);
	json_out_member_int(&out, "status", status);
	write_headers(transfer, &out);
	json_out_member_bytes(&out, "body", body_of(transfer));
	json_out_member_int(&out, "bytes", transfer->bytes);
	json_out_member_bool(&out, "truncated", transfer->truncated);
	json_out_member_int(&out, "ms", ns / 1000000);
	json_out_object_end(&out);
	if (!json_out_ok(&out))
		transfer_fail(transfer, "MemoryError", true,
			      "no memory for the answer");
	else if (verdict_result(verdict, json_out_slice(&out)))
		require(verdict->failed);
	json_out_fini(&out);
}

/*
 * Libcurl makes seconds of a date, too, and 0 of what is neither. A server may
 * ask for more time than the job's rule gives, never for less: "0" would let a
 * server that is down have all attempts within a blink.
 */
static void take_pause(const struct transfer *transfer, struct verdict *verdict)
{
	struct curl_header *header;
	curl_off_t seconds = 0;

	if (transfer->curl->easy_header(transfer->easy, "Retry-After", 0,
					CURLH_HEADER, -1,
					&header) != CURLHE_OK ||
	    transfer->curl->easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER,
					 &seconds) != CURLE_OK ||
	    seconds <= 0)
		return;
	verdict->retry_after_ms = seconds > TRANSFER_END_PAUSE_MS / 1000
					  ? TRANSFER_END_PAUSE_MS
					  : (int64_t)seconds * 1000;
}

static void answer_failed(struct transfer *transfer, struct verdict *verdict,
			  long status)
{
	const char *phrase = transfer_end_phrase(status);
	char message[512];
	struct slice trace = body_of(transfer);

	snprintf(message, sizeof(message), "%ld%s%s from %.400s", status,
		 phrase[0] ? " " : "", phrase, transfer->args.shown);
	trace.n = trace.n < TRACE_BYTES ? trace.n : TRACE_BYTES;
	/* Half a character at its end is cut off with it. */
	while (trace.n && !json_utf8(trace) && trace.n + 4 > TRACE_BYTES)
		trace.n--;
	if (!json_utf8(trace) || memchr(trace.p, 0, trace.n))
		trace.n = 0;
	verdict_fail(verdict, SLICE("HttpStatus"), slice_of(message), trace);
	verdict->give_up = !transfer_end_again(status);
	if (!verdict->give_up)
		take_pause(transfer, verdict);
}

static void too_large(struct transfer *transfer)
{
	bool headers = transfer->header_bytes > TRANSFER_HEADER_BYTES;
	char message[512];

	snprintf(message, sizeof(message),
		 "the %s more than %zu bytes%s, from %.380s",
		 headers ? "headers of the answer have" : "answer has",
		 headers ? TRANSFER_HEADER_BYTES
			 : transfer->settings->max_answer,
		 headers ? "" : " (max_answer)", transfer->args.shown);
	transfer_fail(transfer, "TooLarge", false, message);
}

static void judge_answer(struct transfer *transfer, struct verdict *verdict)
{
	long status = 0;

	(void)transfer->curl->easy_getinfo(transfer->easy,
					   CURLINFO_RESPONSE_CODE, &status);
	if (!http_args_ok(&transfer->args, status)) {
		answer_failed(transfer, verdict, status);
	} else if (transfer->truncated && !transfer->args.truncate) {
		too_large(transfer);
	} else {
		succeed(transfer, verdict, status);
	}
}

/* ---- None came ---- */

static void fail_with(struct transfer *transfer, const char *type, bool again)
{
	const char *why = transfer->error[0] ? transfer->error
					     : transfer->curl->easy_strerror(
						       transfer->code);
	char message[512];

	snprintf(message, sizeof(message), "%.200s: %.280s",
		 transfer->args.shown, why);
	transfer_fail(transfer, type, again, message);
}

static void judge_refused(struct transfer *transfer)
{
	char message[512];

	snprintf(message, sizeof(message),
		 "%.300s leads to %s, and allow_private of the pool does not "
		 "let this job go there",
		 transfer->args.shown, transfer->refused);
	transfer_fail(transfer, "AddressRefused", false, message);
}

static void judge_timeout(struct transfer *transfer)
{
	char message[512];

	snprintf(
		message, sizeof(message), "no answer within %.1f s from %.400s",
		(double)transfer->args.timeout_ms / 1000, transfer->args.shown);
	transfer_fail(transfer, "Timeout", true, message);
}

static void judge_redirects(struct transfer *transfer)
{
	char message[512];

	snprintf(message, sizeof(message),
		 "more than %d redirects (follow) from %.400s",
		 transfer->args.follow, transfer->args.shown);
	transfer_fail(transfer, "HttpStatus", false, message);
}

/* Libcurl has no word of its own for a line that it would not hold. */
static bool is_endless_line(const struct transfer *transfer)
{
	long asked_bytes = 0;

	return transfer->code == CURLE_OUT_OF_MEMORY &&
	       transfer->curl->easy_getinfo(transfer->easy,
					    CURLINFO_REQUEST_SIZE,
					    &asked_bytes) == CURLE_OK &&
	       asked_bytes > 0;
}

static void judge_line(struct transfer *transfer)
{
	char message[512];

	snprintf(message, sizeof(message),
		 "a line of the answer's headers has more than %d bytes, "
		 "from %.380s",
		 TRANSFER_LINE_BYTES, transfer->args.shown);
	transfer_fail(transfer, "TooLarge", false, message);
}

static void judge_failure(struct transfer *transfer)
{
	if (is_endless_line(transfer)) {
		judge_line(transfer);
		return;
	}
	if (transfer->refused) {
		judge_refused(transfer);
		return;
	}
	/* What is not named here broke on the way. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
	switch (transfer->code) {
	case CURLE_OPERATION_TIMEDOUT:
		judge_timeout(transfer);
		break;
	case CURLE_TOO_MANY_REDIRECTS:
		judge_redirects(transfer);
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
		fail_with(transfer, "NameNotFound", true);
		break;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		fail_with(transfer, "BadRequest", false);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_ISSUER_ERROR:
		fail_with(transfer, "TlsFailed", false);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		fail_with(transfer, "TlsFailed", true);
		break;
	default:
		fail_with(transfer, "ConnectionFailed", true);
		break;
	}
#pragma GCC diagnostic pop
}

void transfer_end_judge(struct transfer *transfer, struct verdict *verdict)
{
	if (!transfer->type &&
	    (transfer->code == CURLE_OK ||
	     (transfer->code == CURLE_WRITE_ERROR && transfer->truncated)))
		judge_answer(transfer, verdict);
	else if (!transfer->type)
		judge_failure(transfer);
	if (!transfer->type)
		return;
	verdict_fail(verdict, slice_of(transfer->type),
		     slice_of(transfer->message), (struct slice){0});
	verdict->give_up = !transfer->again;
}
