#pragma once

/*
 * Transfer: one request and its answer, of one job of the handler `http`. It is
 * set up here, again for each redirect (transfer_redirect), and judged by
 * transfer_end; in between it is libcurl's.
 */

#include <sys/queue.h>

#include "daemon/worker/curl.h"
#include "daemon/worker/http_names.h"
#include "daemon/worker/http_settings.h"
#include "daemon/worker/order.h"
#include "proto/http_args.h"

/* Of an answer's headers, those behind its body included. */
#define TRANSFER_HEADER_BYTES (512 * 1024)
/* Of one line of them: libcurl's own bound, and it has no name there. */
#define TRANSFER_LINE_BYTES (100 * 1024)

struct transfer {
	TAILQ_ENTRY(transfer) link;
	const struct curl *curl;	      /* the caller's */
	const struct http_settings *settings; /* the caller's */
	struct order *job;		      /* the caller's */
	int64_t began_ns;
	int64_t until_ns; /* to have its turn, then to have its answer */
	int hops;	  /* redirects that were followed */
	bool proxied;	  /* its socket is the proxy's */
	uint64_t host;	  /* where it is sent; 0: it needs no look-up */
	struct http_names *names; /* it looks that up; NULL: not, or no more */
	bool waits;		  /* for its turn to do so: it has not begun */
	bool told;		  /* the broker knows that it has begun */
	struct arena arena;
	struct http_args args;
	CURL *easy; /* NULL: it never came to that */
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE]; /* of libcurl, in words */
	bool allow_private;
	const char *refused; /* what its address was; NULL: it may go there */
	char *body;	     /* what came so far */
	size_t body_bytes, body_room;
	int64_t bytes; /* that came, also those that were not kept */
	size_t header_bytes;
	bool truncated; /* there was more than may be kept */

	/* How it ended without an answer; NULL: it did not. */
	const char *type;
	char message[512];
	bool again; /* another try may help */
	CURLcode code;
};

TAILQ_HEAD(transfer_list, transfer);

/**
 * transfer_new() - read a job and set its request up
 * @store:	whose job it is; only for the call
 * @now_s:	of the signature
 *
 * Return: the transfer; with `type` set it is over before it began. NULL: no
 *         memory.
 */
struct transfer *transfer_new(const struct curl *curl,
			      const struct http_settings *settings,
			      const char *store, struct order *job,
			      int64_t now_s);
void transfer_free(struct transfer *transfer);

/**
 * transfer_aim() - its URL, proxy, method, headers and time
 *
 * Return: false: libcurl refuses. With `type` set it may not go there.
 */
must_check bool transfer_aim(struct transfer *transfer, int64_t timeout_ms);

/** transfer_looked_up() - its host is known, or nobody waits for that */
void transfer_looked_up(struct transfer *transfer, bool found);

/** transfer_fail() - it is over: why; for good unless @again */
void transfer_fail(struct transfer *transfer, const char *type, bool again,
		   const char *message);
