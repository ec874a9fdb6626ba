#pragma once

/*
 * Dry run: what would be said to a submission, as far as it can be known
 * without making it: nobody keeps a key, a place or a group free.
 */

#include "proto/base.h"

struct call;

/** dry_run() - check a Spec, look at the store, answer */
void dry_run(struct call *call, struct slice job);
