#pragma once

/*
 * Unready: a file that says who was started and was not ready yet: workers and
 * templates. A worker that is ready leaves by itself when its supervisor is
 * gone; one that hangs before does not, and a later supervisor, whose child it
 * is not, ends it by what is written here.
 *
 * Lines of text: the boot id, then a pid and its start ticks (field 22 of
 * /proc/PID/stat) each, so that no other process is ever meant.
 */

#include "daemon/config/config.h"
#include "daemon/supervisor/pool_set.h"

struct unready_child {
	pid_t pid;
	int64_t start_ticks;
};

struct unready {
	char path[CONFIG_PATH_BYTES + 16];
	char boot_id[40];	    /* "": unknown, then nothing is written */
	struct unready_child *list; /* as the file has it */
	size_t count, room;
	struct unready_child *next; /* while it is gathered */
	size_t next_count, next_room;
};

/**
 * unready_open() - end those of an earlier supervisor, and begin anew
 * @folder:	where the file is: the runtime directory, which is locked
 *
 * Return: how many were ended.
 */
size_t unready_open(struct unready *unready, const char *folder);

/**
 * unready_keep() - bring the file up to date, if anything has changed
 *
 * A file that cannot be written is told to the log: the pools go on.
 */
void unready_keep(struct unready *unready, const struct pool_set *pools);

/** unready_close() - remove the file: nobody of us is left unready */
void unready_close(struct unready *unready);
