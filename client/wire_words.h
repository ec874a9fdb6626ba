#pragma once

/* Wire words: what the daemon says of a field of a call, in words of the tool. */

#include "proto/base.h"

/**
 * wire_words() - "--queue: 300 bytes are ..." of "job.queue: 300 bytes are ..."
 * @message:	of a reply; what begins with no field that a flag sets stays
 * @buffer:	of @size bytes
 *
 * Return: @message or @buffer.
 */
const char *wire_words(const char *message, char *buffer, size_t size);
