#pragma once

/*
 * Run http: the runner of the handler `http`. Many requests at once, in this
 * one thread, by libcurl's multi interface.
 *
 * Libcurl's sockets are in one epoll, which is what the worker's loop waits
 * for: to it they are one descriptor, and the worker needs no second loop. A
 * job is handed over by `begin` and runs beside the others; when it has ended,
 * `tick` makes it the runner's job, ENDED, for the desk to report.
 */

#include "daemon/worker/runner.h"
#include "daemon/worker/transfer.h"
#include "daemon/worker/verdict.h"

struct run_http {
	struct runner runner;
	struct curl curl;
	struct http_settings settings;
	CURLM *multi;
	int epoll_fd;
	int64_t timer_ns; /* when libcurl wants to be called; INT64_MAX: never */
	/* Who waits to look up a host; who runs; `ended`: not yet reported. */
	struct transfer_list waiting, running, ended;
	int count; /* of all */
	struct http_names names;
	int64_t look_ns; /* at those that wait; INT64_MAX: there are none */
	struct verdict verdict; /* of the one that is reported */
	struct arena arena;	/* of the handlers' names */
};

/**
 * run_http_init() - load libcurl
 * @words:	the settings; the caller's
 *
 * REEVE_HANDLERS in the environment: what it serves. Raises the limit of open
 * files to what is allowed, and takes fewer jobs at once if that is not enough.
 *
 * Return: 0, RUN_HTTP_E_UNFIT (it is logged), or negative errno.
 */
enum { RUN_HTTP_E_UNFIT = 1 };
must_check int run_http_init(struct run_http *http, char **words);
void run_http_fini(struct run_http *http);
