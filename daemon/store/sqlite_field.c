#include "daemon/store/sqlite_field.h"

#include <sqlite3.h>

#include "daemon/store/sqlite_pack.h"

static void do_rest(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	int64_t fields[REST_OF_DONE];
	unsigned char packed[REST_BYTES_MAX];

	if (argc > REST_OF_DONE) {
		sqlite3_result_error(context, "too many fields", -1);
		return;
	}
	for (int i = 0; i < argc; i++)
		fields[i] = sqlite3_value_int64(argv[i]);
	sqlite3_result_blob64(context, packed,
			      rest_pack(fields, (size_t)argc, packed).n,
			      SQLITE_TRANSIENT);
}

static void do_field(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	const char *p = sqlite3_value_blob(argv[0]);
	int n = sqlite3_value_bytes(argv[0]);
	int64_t number = sqlite3_value_int64(argv[1]);
	int64_t fields[REST_OF_DONE];

	(void)argc;
	if (number >= 0 && number < REST_OF_DONE &&
	    rest_unpack((struct slice){p, p ? (size_t)n : 0}, fields,
			REST_OF_DONE))
		sqlite3_result_int64(context, fields[number]);
}

int field_functions(struct sql *sql)
{
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC |
			  SQLITE_DIRECTONLY;
	int code = sqlite3_create_function_v2(sql->db, "rest", -1, flags, NULL,
					      do_rest, NULL, NULL, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_create_function_v2(sql->db, "field", 2, flags,
						  NULL, do_field, NULL, NULL,
						  NULL);
	return code == SQLITE_OK ? 0 : sql_error(sql, code);
}
