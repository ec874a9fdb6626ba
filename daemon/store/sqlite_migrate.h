#pragma once

/*
 * Migration: a database of an older version becomes one of this version, step
 * by step. A step is never changed once it was released.
 */

#include "daemon/store/sqlite_sql.h"

/* From the version before to @version. */
struct migrate_step {
	int version;
	const char *text; /* statements; without BEGIN, COMMIT, VACUUM */
	int (*first)(struct sql *sql); /* before them; NULL: nothing */
};

/**
 * migrate() - apply the steps that are missing, each in one transaction
 * @steps:	by version, without a gap, up to @current
 * @ret_from:	the version that was found
 *
 * The version that counts is what the log says, not the first page of the file.
 * A step that fails leaves the database as the step before left it.
 *
 * Return: 0; STORE_E_NEWER, or STORE_E_CORRUPT (older than the first step
 *         knows), both untouched; else as sql_error() has it.
 */
must_check int migrate(struct sql *sql, const struct migrate_step *steps,
		       size_t count, int current, int *ret_from);

/** migrate_to_ours() - the same with the steps of this program */
must_check int migrate_to_ours(struct sql *sql);
