#pragma once

/*
 * The write-ahead log, written in one piece.
 *
 * SQLite writes a transaction into its log page by page, and two system calls
 * for each: 24 bytes and 4096. Behind this layer a small transaction is
 * gathered and leaves in one pwrite(), before the fsync that makes the commit;
 * none of it counted earlier. A lone submission has 6 pages, one of 30 jobs 11.
 *
 * Only for a handle with `PRAGMA synchronous = FULL`: other handles read a
 * frame when the index names it, and SQLite names it after that fsync.
 */

#include "proto/base.h"

#define WAL_VFS "reeve"

/**
 * wal_init() - make the file layer WAL_VFS known to SQLite, once a process
 *
 * It stands on the layer that is the default now. Ask for it by name with
 * sqlite3_open_v2().
 *
 * Return: 0 or -ENOMEM.
 */
must_check int wal_init(void);
