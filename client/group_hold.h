#pragma once

/*
 * Group hold: as long as it lasts the daemon leaves a group open for us; when
 * we are gone it closes it, so that it is complete and says so.
 */

#include "client/reeve.h"
#include "proto/base.h"

struct group_hold {
	struct reeve *r; /* NULL: nothing is held */
	int64_t group;
	struct reeve_stream *stream; /* NULL: to be opened again */
};

/** group_hold_begin() - hold it, from now on; what fails is tried again by
 * group_hold_look() */
void group_hold_begin(struct group_hold *hold, struct reeve *r, int64_t group);

/** group_hold_look() - hold it again if the connection broke */
void group_hold_look(struct group_hold *hold);

/** group_hold_again() - its connection broke, or will be found to have */
void group_hold_again(struct group_hold *hold);

/** group_hold_fd() - readable: call group_hold_look(); -1: nothing is held */
int group_hold_fd(const struct group_hold *hold);

/** group_hold_end() - let it go */
void group_hold_end(struct group_hold *hold);
