#pragma once

/*
 * Defaults: what a job gets that its Spec leaves open, by its queue, as the
 * supervisor told it last.
 */

#include <uthash.h>

#include "daemon/config/defaults.h"

struct broker;
struct spec;
struct store_entry;

struct defaults_queue {
	UT_hash_handle hh;
	const struct job_defaults *is; /* in the list; has the name */
};

struct defaults {
	struct defaults_config config; /* empty: nothing was told yet */
	struct defaults_queue *queues; /* one array: of all that are named */
	struct defaults_queue *by_name;
};

void defaults_fini(struct defaults *defaults);

/**
 * defaults_take() - all of them, instead of what was there
 * @config:	taken over, then empty; only with 0
 *
 * Return: 0 or -ENOMEM; then nothing has changed.
 */
must_check int defaults_take(struct defaults *defaults,
			     struct defaults_config *config);

/** defaults_find() - for jobs of a queue; what is built in before it is told */
const struct job_defaults *defaults_find(const struct defaults *defaults,
					 struct slice queue);
