#include "daemon/store/sqlite_wal.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/*
 * A longer transaction goes on as it comes: copying it would cost what the
 * calls do. Must stay below 128 KiB: SQLite's unix layer masks the length of a
 * write with 0x1ffff and takes the nothing that may be left of it for a full
 * disk (seekAndWriteFd() in os_unix.c).
 */
#define WAL_BUFFER_BYTES (96 * 1024)

/* Where SQLite has its sqlite3_file: ours, and behind it the real one. */
struct wal_file {
	sqlite3_file base;
	sqlite3_file *real;
	char *bytes;	  /* gathered; NULL until the first write */
	size_t count;	  /* of them */
	sqlite3_int64 at; /* where the first of them belongs */
	bool direct;	  /* until the next sync: it is a long one */
};

static sqlite3_vfs layer;
static sqlite3_vfs *below; /* the layer under it */

static struct wal_file *wal_of(sqlite3_file *file)
{
	return (struct wal_file *)file;
}

/* What could not be written is forgotten: SQLite takes the commit back, and the
 * next one begins at the same place. */
static int flush(struct wal_file *wal)
{
	int bytes = (int)wal->count;

	if (!bytes)
		return SQLITE_OK;
	wal->count = 0;
	return wal->real->pMethods->xWrite(wal->real, wal->bytes, bytes,
					   wal->at);
}

/* May these bytes join the others? */
static bool fits(const struct wal_file *wal, int n, sqlite3_int64 at)
{
	return !wal->direct && wal->bytes &&
	       wal->count + (size_t)n <= WAL_BUFFER_BYTES &&
	       (!wal->count || at == wal->at + (sqlite3_int64)wal->count);
}

static int do_write(sqlite3_file *file, const void *bytes, int n,
		    sqlite3_int64 at)
{
	struct wal_file *wal = wal_of(file);

	if (!wal->bytes)
		wal->bytes = malloc(WAL_BUFFER_BYTES);
	if (!fits(wal, n, at)) {
		int code = flush(wal);

		wal->direct = true;
		if (code != SQLITE_OK)
			return code;
		return wal->real->pMethods->xWrite(wal->real, bytes, n, at);
	}
	if (!wal->count)
		wal->at = at;
	memcpy(wal->bytes + wal->count, bytes, (size_t)n);
	wal->count += (size_t)n;
	return SQLITE_OK;
}

static int do_sync(sqlite3_file *file, int flags)
{
	struct wal_file *wal = wal_of(file);
	int code = flush(wal);

	wal->direct = false;
	if (code != SQLITE_OK)
		return code;
	return wal->real->pMethods->xSync(wal->real, flags);
}

static int do_read(sqlite3_file *file, void *ret, int n, sqlite3_int64 at)
{
	struct wal_file *wal = wal_of(file);
	int code = flush(wal);

	if (code != SQLITE_OK)
		return code;
	return wal->real->pMethods->xRead(wal->real, ret, n, at);
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct wal_file *wal = wal_of(file);
	int code = flush(wal);

	if (code != SQLITE_OK)
		return code;
	return wal->real->pMethods->xTruncate(wal->real, size);
}

static int do_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	struct wal_file *wal = wal_of(file);
	int code = flush(wal);

	if (code != SQLITE_OK)
		return code;
	return wal->real->pMethods->xFileSize(wal->real, ret);
}

static int do_close(sqlite3_file *file)
{
	struct wal_file *wal = wal_of(file);
	int flushed = flush(wal);
	int closed = wal->real->pMethods->xClose(wal->real);

	free(TAKE(wal->bytes));
	return flushed != SQLITE_OK ? flushed : closed;
}

static int do_lock(sqlite3_file *file, int lock)
{
	sqlite3_file *real = wal_of(file)->real;

	return real->pMethods->xLock(real, lock);
}

static int do_unlock(sqlite3_file *file, int lock)
{
	sqlite3_file *real = wal_of(file)->real;

	return real->pMethods->xUnlock(real, lock);
}

static int do_reserved(sqlite3_file *file, int *ret)
{
	sqlite3_file *real = wal_of(file)->real;

	return real->pMethods->xCheckReservedLock(real, ret);
}

static int do_control(sqlite3_file *file, int operation, void *arg)
{
	sqlite3_file *real = wal_of(file)->real;

	return real->pMethods->xFileControl(real, operation, arg);
}

static int do_sector(sqlite3_file *file)
{
	sqlite3_file *real = wal_of(file)->real;

	return real->pMethods->xSectorSize(real);
}

static int do_traits(sqlite3_file *file)
{
	sqlite3_file *real = wal_of(file)->real;

	return real->pMethods->xDeviceCharacteristics(real);
}

static const sqlite3_io_methods wal_methods = {
	.iVersion = 1,
	.xClose = do_close,
	.xRead = do_read,
	.xWrite = do_write,
	.xTruncate = do_truncate,
	.xSync = do_sync,
	.xFileSize = do_size,
	.xLock = do_lock,
	.xUnlock = do_unlock,
	.xCheckReservedLock = do_reserved,
	.xFileControl = do_control,
	.xSectorSize = do_sector,
	.xDeviceCharacteristics = do_traits,
};

/* All other files are the layer's below; nothing of ours is in their way. */
static int do_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file,
		   int flags, int *ret_flags)
{
	struct wal_file *wal = wal_of(file);
	int code;

	(void)vfs;
	if (!(flags & SQLITE_OPEN_WAL))
		return below->xOpen(below, name, file, flags, ret_flags);
	*wal = (struct wal_file){.real = (sqlite3_file *)(wal + 1)};
	code = below->xOpen(below, name, wal->real, flags, ret_flags);
	if (wal->real->pMethods)
		wal->base.pMethods = &wal_methods;
	return code;
}

static void make_known(void)
{
	below = sqlite3_vfs_find(NULL);
	if (!below)
		return;
	/* All but the opening of files is as below, with its own data. */
	layer = *below;
	layer.pNext = NULL;
	layer.zName = WAL_VFS;
	layer.szOsFile = (int)sizeof(struct wal_file) + below->szOsFile;
	layer.xOpen = do_open;
	sqlite3_vfs_register(&layer, 0);
}

int wal_init(void)
{
	sqlite3_mutex *mutex;

	if (sqlite3_initialize() != SQLITE_OK)
		return -ENOMEM;
	mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_APP1);
	sqlite3_mutex_enter(mutex);
	if (!below)
		make_known();
	sqlite3_mutex_leave(mutex);
	return below ? 0 : -ENOMEM;
}
