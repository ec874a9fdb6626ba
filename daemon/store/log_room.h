#pragma once

/*
 * Log room: zeros behind the end of the write-ahead log, written ahead of who
 * commits.
 *
 * An fsync after bytes that lie within the file is one write and one flush. One
 * after bytes that make it longer waits for the file system's journal, too:
 * half as long again, and twice on some machines. SQLite writes its log from
 * the start again after each checkpoint, but a young daemon's log grows with
 * each commit. Here somebody who has nothing else to do makes it longer.
 *
 * Zeros are no frames: SQLite reads its log up to the first frame whose
 * checksum is wrong. They are only ever appended, so they meet no frame,
 * whoever writes one meanwhile.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "proto/base.h"

/* What a log is never longer for: the pages between two checkpoints. */
#define LOG_ROOM_MAX_BYTES (17 * 1024 * 1024)
#define LOG_ROOM_MIN_BYTES (1024 * 1024)
#define LOG_ROOM_STEP_BYTES (128 * 1024) /* half a millisecond */
/* Who has less than this left on his disk has better uses for it. */
#define LOG_ROOM_FREE_BYTES (256 * 1024 * 1024)

struct log_room {
	int fd; /* -1: no log, or it cannot be made longer */
	_Atomic int64_t used_bytes; /* the longest that it was needed */
	_Atomic int64_t bytes;	    /* that it has, as far as is known here */
};

/** log_room_open() - @path: of the log; without one nothing is ever done */
void log_room_open(struct log_room *room, const char *path);
void log_room_close(struct log_room *room);

/** log_room_used() - a commit ended so many bytes into the log */
void log_room_used(struct log_room *room, int64_t bytes);

/**
 * log_room_short() - is there less than there should be?
 *
 * Four times what was ever used: a daemon that has little to do needs little,
 * and one that has much does not catch up with us.
 */
bool log_room_short(const struct log_room *room);

/**
 * log_room_step() - make the log a step longer, on disk
 *
 * From one thread at a time, whatever others do with the log.
 */
void log_room_step(struct log_room *room);
