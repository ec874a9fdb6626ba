#include "daemon/store/log_room.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* It cannot be made longer: then it is as it was without us. */
static void give_up(struct log_room *room)
{
	atomic_store(&room->bytes, INT64_MAX);
}

void log_room_open(struct log_room *room, const char *path)
{
	off_t end = -1;

	/* A descriptor of its own: an error of our fsync is not to be taken
	 * from SQLite's. */
	room->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (room->fd >= 0)
		end = lseek(room->fd, 0, SEEK_END);
	atomic_store(&room->used_bytes, 0);
	atomic_store(&room->bytes, end);
	if (end < 0)
		give_up(room);
}

void log_room_close(struct log_room *room)
{
	if (room->fd >= 0)
		close(room->fd);
	room->fd = -1;
}

void log_room_used(struct log_room *room, int64_t bytes)
{
	if (bytes > atomic_load(&room->used_bytes))
		atomic_store(&room->used_bytes, bytes);
}

bool log_room_short(const struct log_room *room)
{
	int64_t used = atomic_load(&room->used_bytes), wanted = used * 4;

	if (wanted < LOG_ROOM_MIN_BYTES)
		wanted = LOG_ROOM_MIN_BYTES;
	if (wanted > LOG_ROOM_MAX_BYTES)
		wanted = LOG_ROOM_MAX_BYTES;
	return used && atomic_load(&room->bytes) < wanted;
}

static bool has_space(int fd)
{
	struct statvfs disk;

	return fstatvfs(fd, &disk) == 0 &&
	       disk.f_bavail > LOG_ROOM_FREE_BYTES / disk.f_frsize;
}

void log_room_step(struct log_room *room)
{
	static const char zeros[LOG_ROOM_STEP_BYTES];
	off_t end;

	if (!log_room_short(room))
		return;
	/* SQLite may have made it longer meanwhile. */
	end = lseek(room->fd, 0, SEEK_END);
	atomic_store(&room->bytes, end);
	if (!log_room_short(room))
		return;
	if (!has_space(room->fd) ||
	    write(room->fd, zeros, sizeof(zeros)) != sizeof(zeros) ||
	    fdatasync(room->fd) < 0)
		give_up(room);
	else
		atomic_store(&room->bytes, end + (off_t)sizeof(zeros));
}
