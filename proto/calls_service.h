#pragma once

/* Parameters of org.varlink.service as the daemon reads them. */

#include "proto/calls.h"

struct call_get_interface_description {
	uint64_t has;
	struct slice interface;
};
enum { CALL_GET_INTERFACE_DESCRIPTION_interface };
