#pragma once

/*
 * What is packed in rows (sqlite_pack.h), in SQL: rest(FIELD, ...) and
 * field(REST, NUMBER), for what walks over whole tables: the migration and
 * store_verify(). Not for statements of jobs. A field of damaged bytes is NULL.
 */

#include "daemon/store/sqlite_sql.h"

/** field_functions() - make both known to the connection; as sql_error() */
must_check int field_functions(struct sql *sql);
