#pragma once

/*
 * Transfer, behind a redirect: one hop at a time. Libcurl would follow them
 * by itself, and look up as many hosts at a time as there are requests; so each
 * hop is a request of its own, which waits for its turn to look up its host as
 * the first one did.
 */

#include "daemon/worker/transfer.h"

/** transfer_redirects() - is what comes a redirect, for one that follows any? */
bool transfer_redirects(const struct transfer *transfer);

/**
 * transfer_redirect() - it is over: set it up for where it is sent to
 * @now_ns:	monotonic; what is left of its time is for all that follows
 *
 * What libcurl holds of it must be in no multi handle any more.
 *
 * Return: true: it begins again. False: it has ended, perhaps because it cannot
 *         go where it is sent to.
 */
must_check bool transfer_redirect(struct transfer *transfer, int64_t now_ns);
