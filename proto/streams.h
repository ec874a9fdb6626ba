#pragma once

/*
 * Streams: stdin, stdout and stderr are nobody else's. Where one is closed, the
 * next descriptor that is opened takes its number, and what is printed is then
 * said to a socket, or written into a file.
 */

#include "proto/base.h"

/**
 * streams_keep() - /dev/null in the place of each of the three that is closed
 *
 * To be read from only: what is written there is an error, as it was before.
 * First thing in main().
 *
 * Return: 0 or negative errno.
 */
must_check int streams_keep(void);

/**
 * streams_above() - @fd, or where that is one of the three, a copy above them
 * @fd:	taken, close-on-exec; negative: comes back as it is
 *
 * For a library, which does not know what its caller did with the three.
 *
 * Return: a descriptor above 2; -1 and errno, with @fd closed.
 */
must_check int streams_above(int fd);
