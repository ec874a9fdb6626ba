#pragma once

/*
 * The database as a file: is it ours, is it of this version, is it whole at
 * first sight; made when there is none. sqlite_migrate.h is for older ones.
 */

#include "daemon/store/store.h"

/**
 * file_prepare() - after it the file can be opened and used
 *
 * A file that is missing is built under another name and renamed, so a file
 * that exists was once whole. One that is refused has been read only.
 *
 * Return: 0, STORE_E_NEWER, STORE_E_FOREIGN, STORE_E_CORRUPT, STORE_E_FULL,
 *         STORE_E_IO or -ENOMEM.
 */
must_check int file_prepare(const char *directory,
			    struct store_fault *ret_fault);
