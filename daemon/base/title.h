#pragma once

/*
 * Title: what ps shows of a process that was forked and is another one now. It
 * takes the place of the arguments, as arguments: "reeved", a role, a name.
 */

#include "proto/base.h"

/** title_init() - what there is to write to; both stay. Before title_set() nobody
 * may hold on to a text of @argv */
void title_init(int argc, char **argv);

/**
 * title_set() - be "reeved @role @name" from now on, as far as there is room
 *
 * Does nothing without title_init().
 */
void title_set(const char *role, const char *name);
