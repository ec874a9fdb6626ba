#include "tests/fault/store/disk.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pending {
	struct pending *next;
	int64_t at;
	size_t n;
	bool truncate; /* to `at` */
	char bytes[];
};

/* What a file is on the platter, and what only the cache knows. */
struct platter {
	struct platter *next;
	char path[256];
	char *bytes;
	size_t n;
	struct pending *first, **last;
};

struct disk_file {
	sqlite3_file base;
	struct platter *platter; /* NULL: not watched */
	sqlite3_file real[];
};

static sqlite3_vfs *real;
static sqlite3_vfs disk;
static sqlite3_io_methods methods;

static struct {
	int calls;
	int64_t left, seen;
	int code;
	bool for_ever, armed;
	bool watching, dead;
	int64_t syncs_left;
	struct platter *platters;
} state;

static int check(enum disk_call call)
{
	if (state.dead)
		return SQLITE_IOERR;
	if (!state.armed || !(state.calls & call))
		return SQLITE_OK;
	state.seen++;
	if (state.left > 0 && --state.left > 0)
		return SQLITE_OK;
	if (state.left == 0) {
		if (state.for_ever)
			return state.code;
		state.left = -1;
		return state.code;
	}
	return SQLITE_OK;
}

/* ---- What is on the platter ---- */

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static void put_bytes(struct platter *platter, int64_t at, const char *bytes,
		      size_t n)
{
	if ((size_t)at + n > platter->n) {
		platter->bytes = must(realloc(platter->bytes, (size_t)at + n));
		memset(platter->bytes + platter->n, 0,
		       (size_t)at + n - platter->n);
		platter->n = (size_t)at + n;
	}
	memcpy(platter->bytes + at, bytes, n);
}

static void apply(struct platter *platter, const struct pending *pending,
		  size_t n)
{
	if (!pending->truncate)
		put_bytes(platter, pending->at, pending->bytes, n);
	else if ((size_t)pending->at < platter->n)
		platter->n = (size_t)pending->at;
}

static void remember(struct disk_file *file, int64_t at, const void *bytes,
		     size_t n, bool truncate)
{
	struct platter *platter = file->platter;
	struct pending *pending;

	if (!platter || !state.watching)
		return;
	pending = must(malloc(sizeof(*pending) + n));
	pending->next = NULL;
	pending->at = at;
	pending->n = n;
	pending->truncate = truncate;
	if (n)
		memcpy(pending->bytes, bytes, n);
	*platter->last = pending;
	platter->last = &pending->next;
}

static void drop_pending(struct platter *platter)
{
	while (platter->first) {
		struct pending *next = platter->first->next;

		free(platter->first);
		platter->first = next;
	}
	platter->last = &platter->first;
}

static void settle(struct platter *platter)
{
	for (struct pending *at = platter->first; at; at = at->next)
		apply(platter, at, at->n);
	drop_pending(platter);
}

static struct platter *platter_of(const char *path)
{
	struct platter *platter;
	char buffer[65536];
	ssize_t got;
	int fd;

	for (platter = state.platters; platter; platter = platter->next) {
		if (strcmp(platter->path, path) == 0)
			return platter;
	}
	platter = must(calloc(1, sizeof(*platter)));
	snprintf(platter->path, sizeof(platter->path), "%s", path);
	platter->last = &platter->first;
	platter->next = state.platters;
	state.platters = platter;
	fd = open(path, O_RDONLY);
	while (fd >= 0 && (got = read(fd, buffer, sizeof(buffer))) > 0)
		put_bytes(platter, (int64_t)platter->n, buffer, (size_t)got);
	if (fd >= 0)
		close(fd);
	return platter;
}

static void forget_all(void)
{
	while (state.platters) {
		struct platter *next = state.platters->next;

		drop_pending(state.platters);
		free(state.platters->bytes);
		free(state.platters);
		state.platters = next;
	}
}

/* Lost, torn in its middle, or kept: each as likely as the others. */
static int roll(struct platter *platter, unsigned int *seed)
{
	int harmed = 0;

	for (struct pending *at = platter->first; at; at = at->next) {
		int coin = rand_r(seed) % 3;

		if (coin == 2)
			apply(platter, at, at->n);
		else if (coin == 1 && !at->truncate)
			apply(platter, at, at->n / 2);
		harmed += coin != 2;
	}
	drop_pending(platter);
	return harmed;
}

int disk_restore(unsigned int seed)
{
	int harmed = 0;

	for (struct platter *platter = state.platters; platter;
	     platter = platter->next) {
		int fd;

		harmed += roll(platter, &seed);
		fd = open(platter->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (fd < 0 || write(fd, platter->bytes, platter->n) !=
				      (ssize_t)platter->n)
			abort();
		close(fd);
	}
	forget_all();
	state.dead = false;
	state.watching = false;
	return harmed;
}

void disk_watch(int64_t nth_sync)
{
	forget_all();
	state.watching = true;
	state.dead = false;
	state.syncs_left = nth_sync;
}

bool disk_crashed(void)
{
	return state.dead;
}

void disk_cut(void)
{
	state.dead = true;
}

void disk_fail(int calls, int64_t nth, int sqlite_code, bool for_ever)
{
	state.calls = calls;
	state.left = nth;
	state.seen = 0;
	state.code = sqlite_code;
	state.for_ever = for_ever;
	state.armed = true;
}

int64_t disk_heal(void)
{
	state.armed = false;
	return state.seen;
}

/* ---- The files ---- */

static sqlite3_file *file_of(sqlite3_file *file)
{
	return ((struct disk_file *)file)->real;
}

static int do_close(sqlite3_file *file)
{
	return file_of(file)->pMethods->xClose(file_of(file));
}

static int do_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
	int code = check(DISK_READ);

	return code ? code
		    : file_of(file)->pMethods->xRead(file_of(file), bytes, n,
						     at);
}

static int do_write(sqlite3_file *file, const void *bytes, int n,
		    sqlite3_int64 at)
{
	int code = check(DISK_WRITE);

	if (code)
		return code;
	remember((struct disk_file *)file, at, bytes, (size_t)n, false);
	return file_of(file)->pMethods->xWrite(file_of(file), bytes, n, at);
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int code = check(DISK_TRUNCATE);

	if (code)
		return code;
	remember((struct disk_file *)file, size, NULL, 0, true);
	return file_of(file)->pMethods->xTruncate(file_of(file), size);
}

static int do_sync(sqlite3_file *file, int flags)
{
	struct disk_file *mine = (struct disk_file *)file;
	int code = check(DISK_SYNC);

	if (code)
		return code;
	if (state.watching && state.syncs_left && --state.syncs_left == 0) {
		state.dead = true;
		return SQLITE_IOERR_FSYNC;
	}
	if (mine->platter && state.watching)
		settle(mine->platter);
	/* Nobody pulls the real plug: do not wait for the real disk. */
	(void)flags;
	return SQLITE_OK;
}

static int do_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return file_of(file)->pMethods->xFileSize(file_of(file), ret);
}

static int do_lock(sqlite3_file *file, int level)
{
	int code = check(DISK_LOCK);

	return code ? code
		    : file_of(file)->pMethods->xLock(file_of(file), level);
}

static int do_unlock(sqlite3_file *file, int level)
{
	return file_of(file)->pMethods->xUnlock(file_of(file), level);
}

static int do_check_lock(sqlite3_file *file, int *ret)
{
	return file_of(file)->pMethods->xCheckReservedLock(file_of(file), ret);
}

static int do_control(sqlite3_file *file, int op, void *arg)
{
	return file_of(file)->pMethods->xFileControl(file_of(file), op, arg);
}

static int do_sector(sqlite3_file *file)
{
	return file_of(file)->pMethods->xSectorSize(file_of(file));
}

static int do_traits(sqlite3_file *file)
{
	return file_of(file)->pMethods->xDeviceCharacteristics(file_of(file));
}

static int do_shm_map(sqlite3_file *file, int page, int bytes, int extend,
		      void volatile **ret)
{
	int code = check(DISK_SHARED);

	return code ? code
		    : file_of(file)->pMethods->xShmMap(file_of(file), page,
						       bytes, extend, ret);
}

static int do_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
	/* Letting go always works, as it does with fcntl(). */
	int code = flags & SQLITE_SHM_LOCK ? check(DISK_LOCK) : SQLITE_OK;

	return code ? code
		    : file_of(file)->pMethods->xShmLock(file_of(file), at, n,
							flags);
}

static void do_shm_barrier(sqlite3_file *file)
{
	file_of(file)->pMethods->xShmBarrier(file_of(file));
}

static int do_shm_unmap(sqlite3_file *file, int delete_it)
{
	return file_of(file)->pMethods->xShmUnmap(file_of(file), delete_it);
}

static int do_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *file,
		   int flags, int *ret_flags)
{
	struct disk_file *mine = (struct disk_file *)file;
	int code = check(DISK_OPEN);

	(void)vfs;
	mine->base.pMethods = NULL;
	mine->platter = NULL;
	if (code)
		return SQLITE_CANTOPEN;
	code = real->xOpen(real, path, mine->real, flags, ret_flags);
	if (code)
		return code;
	if (state.watching && path)
		mine->platter = platter_of(path);
	mine->base.pMethods = &methods;
	return SQLITE_OK;
}

static int do_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	int code = check(DISK_DELETE);

	(void)vfs;
	return code ? code : real->xDelete(real, path, sync);
}

static int do_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
	(void)vfs;
	return real->xAccess(real, path, flags, ret);
}

static int do_full(sqlite3_vfs *vfs, const char *path, int n, char *ret)
{
	(void)vfs;
	return real->xFullPathname(real, path, n, ret);
}

static int do_random(sqlite3_vfs *vfs, int n, char *ret)
{
	(void)vfs;
	return real->xRandomness(real, n, ret);
}

static int do_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	(void)us;
	return 0;
}

static int do_time(sqlite3_vfs *vfs, double *ret)
{
	(void)vfs;
	return real->xCurrentTime(real, ret);
}

static int do_last_error(sqlite3_vfs *vfs, int n, char *ret)
{
	(void)vfs;
	(void)n;
	(void)ret;
	return 0;
}

void disk_register(void)
{
	real = sqlite3_vfs_find(NULL);
	methods = (sqlite3_io_methods){
		.iVersion = 2,
		.xClose = do_close,
		.xRead = do_read,
		.xWrite = do_write,
		.xTruncate = do_truncate,
		.xSync = do_sync,
		.xFileSize = do_size,
		.xLock = do_lock,
		.xUnlock = do_unlock,
		.xCheckReservedLock = do_check_lock,
		.xFileControl = do_control,
		.xSectorSize = do_sector,
		.xDeviceCharacteristics = do_traits,
		.xShmMap = do_shm_map,
		.xShmLock = do_shm_lock,
		.xShmBarrier = do_shm_barrier,
		.xShmUnmap = do_shm_unmap,
	};
	disk = (sqlite3_vfs){
		.iVersion = 1,
		.szOsFile = (int)sizeof(struct disk_file) + real->szOsFile,
		.mxPathname = real->mxPathname,
		.zName = "disk",
		.xOpen = do_open,
		.xDelete = do_delete,
		.xAccess = do_access,
		.xFullPathname = do_full,
		.xRandomness = do_random,
		.xSleep = do_sleep,
		.xCurrentTime = do_time,
		.xGetLastError = do_last_error,
	};
	sqlite3_vfs_register(&disk, 1);
}
