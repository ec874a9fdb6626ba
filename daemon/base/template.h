#pragma once

/*
 * What supervisor and template say to each other over one SOCK_SEQPACKET pair,
 * one struct a packet, native byte order; the template's end is descriptor 3.
 * A template in another language sees the same bytes: "=IiqiI16s152s" of
 * Python's struct. It ends when the other end is closed.
 */

#include "daemon/base/channel.h"

#define TEMPLATE_TEXT_BYTES 152
#define TEMPLATE_FD 3
/* The preload failed: it said so by FAILED before. */
#define TEMPLATE_EXIT_FAILED CHANNEL_EXIT_SYSTEM

enum template_op {
	TEMPLATE_READY = 1, /* template: the preload is done */
	TEMPLATE_FORK,	 /* supervisor: slot, worker, secret; text: its cgroup
			  folder or "" */
	TEMPLATE_FORKED, /* template: slot, worker, and the worker's pid */
	TEMPLATE_FAILED, /* template: slot and worker 0: the preload, text says
			    why, and it exits; else this fork: error */
};

struct template_message {
	uint32_t op;
	int32_t slot;
	int64_t worker;
	int32_t pid;
	uint32_t error; /* errno */
	uint8_t secret[CHANNEL_SECRET_BYTES];
	char text[TEMPLATE_TEXT_BYTES]; /* terminated */
};

_Static_assert(sizeof(struct template_message) == 192, "192 bytes a packet");
