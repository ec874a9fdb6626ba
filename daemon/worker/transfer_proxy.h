#pragma once

/*
 * Transfer, through a proxy: where it is sent instead. The proxy looks the host
 * up, so nobody here can judge to which address it leads: only who may go
 * anywhere is sent there. What the environment says of proxies is nothing to it.
 */

#include "daemon/worker/transfer.h"

/**
 * transfer_proxy() - straight, or through the proxy of the pool: by its URL
 *
 * Return: false: libcurl refuses. With `type` set it may not, or cannot, go.
 */
must_check bool transfer_proxy(struct transfer *transfer);
