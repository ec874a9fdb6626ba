#pragma once

/*
 * Drain: calls that wait until a queue, or all, have nothing ready or running,
 * and nothing scheduled before a given time. They steer nothing.
 */

#include <sys/queue.h>

#include "proto/base.h"

struct broker;
struct drain;

struct drains {
	TAILQ_HEAD(drain_list, drain) list;
};

/** drains_init() - nobody waits */
void drains_init(struct drains *drains);

/** drains_look() - after a commit: who has waited long enough? */
void drains_look(struct broker *broker);
