#pragma once

/* How deep checked JSON is nested: what is put around it must fit, too. */

#include "proto/base.h"

/** json_is_deeper() - has the checked text a list or an object inside @depth
 * others? */
bool json_is_deeper(struct slice checked, size_t depth);
