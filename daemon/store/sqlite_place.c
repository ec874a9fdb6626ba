#include "daemon/store/sqlite_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int gone(struct store_fault *fault, const char *path, const char *what)
{
	if (fault)
		snprintf(fault->message, sizeof(fault->message),
			 "%.120s: %s while it was in use: nothing more is "
			 "written; put the file back, then start reeved",
			 path, what);
	return STORE_E_GONE;
}

/*
 * The inode, and not a word of times: with lstat() a commit took 25 to 50 us
 * longer. It is inferred, not shown, that kernels from 6.13 on give a file whose
 * times somebody asked for new ones with the very next write.
 */
static int look(const char *path, struct place_file *ret,
		struct store_fault *fault)
{
	struct statx status;

	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &status)) {
		/* What cannot be looked at for another reason may be there. */
		if (errno == ENOENT || errno == ENOTDIR)
			return gone(fault, path, "was removed");
		*ret = (struct place_file){0};
		return 0;
	}
	*ret = (struct place_file){
		makedev(status.stx_dev_major, status.stx_dev_minor),
		status.stx_ino,
	};
	return 0;
}

static int compare(const char *path, const struct place_file *was,
		   struct store_fault *fault)
{
	struct place_file is;
	int error = look(path, &is, fault);

	if (error)
		return error;
	if (is.inode && (is.inode != was->inode || is.device != was->device))
		return gone(fault, path, "was replaced");
	return 0;
}

int place_take(struct place *place, const char *path,
	       struct store_fault *ret_fault)
{
	int error;

	*place = (struct place){0};
	if (asprintf(&place->path, "%s", path) < 0) {
		place->path = NULL;
		return -ENOMEM;
	}
	if (asprintf(&place->log, "%s-wal", path) < 0) {
		place->log = NULL;
		return -ENOMEM;
	}
	error = look(place->path, &place->database, ret_fault);
	return error ? error : look(place->log, &place->wal, ret_fault);
}

void place_fini(struct place *place)
{
	free(place->path);
	free(place->log);
	*place = (struct place){0};
}

int place_check(const struct place *place, struct store_fault *ret_fault)
{
	int error;

	if (!place->log)
		return 0;
	error = compare(place->path, &place->database, ret_fault);
	return error ? error : compare(place->log, &place->wal, ret_fault);
}
