#pragma once

/* Key names: which keys there are at a place of a file, for messages. */

#include "proto/base.h"

#define KEY_NAMES_BYTES 240

/** key_names_below() - "a, b, c": what may stand below a section, cut */
void key_names_below(struct slice section, char ret[KEY_NAMES_BYTES]);

/** key_names_nearest() - at this place; p NULL: none is near enough */
struct slice key_names_nearest(struct slice section, struct slice typed);

/** key_names_elsewhere() - the key that has that name, or that flag; NULL: none
 */
const char *key_names_elsewhere(struct slice typed);
