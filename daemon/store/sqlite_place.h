#pragma once

/*
 * Place: is what a handle has open still what is found under its name? Who
 * removes or replaces the files of a running daemon leaves it writing into
 * something that nobody will ever find.
 */

#include <sys/types.h>

#include "daemon/store/store.h"

struct place_file {
	dev_t device;
	ino_t inode;
};

/* Of the database and of its log. Never changes once taken: any thread looks */
struct place {
	char *path, *log; /* NULL: not taken */
	struct place_file database, wal;
};

/**
 * place_take() - remember what is there now
 * @path:	of the database; its log has to exist
 *
 * Return: 0, -ENOMEM, or STORE_E_GONE.
 */
must_check int place_take(struct place *place, const char *path,
			  struct store_fault *ret_fault);
void place_fini(struct place *place);

/**
 * place_check() - two calls of stat(); one that was not taken is well
 *
 * Return: 0 or STORE_E_GONE.
 */
must_check int place_check(const struct place *place,
			   struct store_fault *ret_fault);
