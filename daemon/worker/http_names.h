#pragma once

/*
 * HTTP names: how many requests may look up a host at a time. Libcurl has a
 * thread for each, which lives until the name server has answered, also when
 * nobody waits for it any more.
 *
 * Pure: how many threads there are is an argument.
 */

#include "proto/base.h"

#define HTTP_NAMES_LOOKING                                                     \
	16 /* at a time; with those given up, twice as many */
#define HTTP_NAMES_KNOWN 256
#define HTTP_NAMES_KNOWN_NS (30 * INT64_C(1000000000)) /* libcurl's: 60 s */

struct http_names {
	int looking;
	struct {
		uint64_t host;
		int64_t until_ns;
	} known[HTTP_NAMES_KNOWN]; /* found lately: no thread is needed */
};

/** http_names_of() - the host in a URL that was checked, without brackets */
struct slice http_names_of(const char *url);

/** http_names_host() - of a URL that was checked; 0: it needs no look-up */
uint64_t http_names_host(const char *url);

/**
 * http_names_may() - may a request to @host begin?
 * @threads:	that this process has beside the first one
 */
bool http_names_may(const struct http_names *names, uint64_t host, int threads,
		    int64_t now_ns);

/** http_names_look() - it begins; one of the next two follows */
void http_names_look(struct http_names *names);
/** http_names_found() - it knows where to go */
void http_names_found(struct http_names *names, uint64_t host, int64_t now_ns);
/** http_names_give_up() - it ended before */
void http_names_give_up(struct http_names *names);
