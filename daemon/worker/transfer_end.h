#pragma once

/*
 * Transfer end: what comes of a transfer that is over. A result; or a failure
 * with a type that programs can tell, and whether another try may help.
 */

#include "daemon/worker/transfer.h"
#include "daemon/worker/verdict.h"

/* Nobody is waited for longer, whatever Retry-After says. */
#define TRANSFER_END_PAUSE_MS INT64_C(3600000)

/** transfer_end_judge() - @transfer has its `code`, or has failed before */
void transfer_end_judge(struct transfer *transfer, struct verdict *verdict);

/** transfer_end_again() - is an answer with this status one to try again on? */
bool transfer_end_again(long status);

/** transfer_end_phrase() - of a status, "Not Found"; "" when it is not known */
const char *transfer_end_phrase(long status);
