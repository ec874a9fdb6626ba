#pragma once

/*
 * A disk that fails on demand: an SQLite VFS around the real one, registered
 * as default.
 *
 * Failing: the n-th call of some kinds gives an error, once or from then on.
 * Crashing: what was written since the last sync of a file is remembered; at
 * the crash each such write is kept, lost or torn, by a seeded coin, and until
 * disk_restore() every call fails, as if the power were gone.
 */

#include <stdbool.h>
#include <stdint.h>

enum disk_call {
	DISK_OPEN = 1 << 0,
	DISK_READ = 1 << 1,
	DISK_WRITE = 1 << 2,
	DISK_SYNC = 1 << 3,
	DISK_TRUNCATE = 1 << 4,
	DISK_LOCK = 1 << 5,
	DISK_SHARED = 1 << 6, /* the shared-memory index of the log */
	DISK_DELETE = 1 << 7,
	DISK_ALL = (1 << 8) - 1,
};

/* Make it the default; once a process. */
void disk_register(void);

/* From now on the @nth call (1 is the next) of @calls gives @sqlite_code. */
void disk_fail(int calls, int64_t nth, int sqlite_code, bool for_ever);

/* No failure any more; how many calls of the kinds were seen since. */
int64_t disk_heal(void);

/* Remember unsynced writes, begin with none; power fails at the @nth sync
 * (before it is done), or never for 0. */
void disk_watch(int64_t nth_sync);
bool disk_crashed(void);

/* The power is off now. */
void disk_cut(void);

/* After every file is closed: put the files into the state that a crash could
 * leave, and work again. Returns how many writes were lost or torn. */
int disk_restore(unsigned int seed);
