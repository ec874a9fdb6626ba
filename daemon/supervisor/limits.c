#include "daemon/supervisor/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

/* The broker is who needs most: its own (database, sockets, events), a few
 * clients, and for each worker a connection, a pidfd and what recovery reads. */
#define OWN_DESCRIPTORS 40
#define WORKER_DESCRIPTORS 3
#define MIB (UINT64_C(1) << 20)

struct need {
	__rlimit_resource_t resource;
	uint64_t own, worker;
	const char *what, *next;
};

static const struct need needs[] = {
	{RLIMIT_NOFILE, OWN_DESCRIPTORS, WORKER_DESCRIPTORS, "open files",
	 "raise it (ulimit -n, LimitNOFILE=), or give fewer --workers"},
	/* Of the log of the database, before it is written back. */
	{RLIMIT_FSIZE, 64 * MIB, 0, "bytes in a file",
	 "raise it (ulimit -f, LimitFSIZE=)"},
	{RLIMIT_AS, 128 * MIB, 0, "bytes of address space",
	 "raise it (ulimit -v, LimitAS=)"},
};

static int raise_one(const struct need *need, int workers,
		     struct limits_fault *fault)
{
	uint64_t wanted = need->own + need->worker * (uint64_t)workers;
	struct rlimit limit;

	if (getrlimit(need->resource, &limit) < 0 || limit.rlim_cur >= wanted)
		return 0;
	if (limit.rlim_max >= wanted) {
		limit.rlim_cur = wanted;
		if (setrlimit(need->resource, &limit) == 0)
			return 0;
	}
	snprintf(fault->message, sizeof(fault->message),
		 "the limit of %s is %" PRIu64 ": with %d workers %" PRIu64
		 " are needed: %s",
		 need->what, (uint64_t)limit.rlim_max, workers, wanted,
		 need->next);
	return LIMITS_E_SMALL;
}

int limits_raise(int workers, struct limits_fault *ret_fault)
{
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_COUNT(needs); i++)
		r = raise_one(&needs[i], workers, ret_fault);
	return r;
}
