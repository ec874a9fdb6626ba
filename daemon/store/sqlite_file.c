#include "daemon/store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/sqlite_store.h"

/* Offsets in the first page, from SQLite's file format. */
#define HEADER_BYTES 100
#define HEADER_MAGIC "SQLite format 3"
#define AT_PAGE_SIZE 16
#define AT_USER_VERSION 60
#define AT_APPLICATION_ID 68

static const char *const schema_lines[] = {
#include "schema.sql.inc"
};

struct paths {
	char *file, *wal, *fresh, *fresh_journal;
};

static void paths_free(struct paths *paths)
{
	free(paths->file);
	free(paths->wal);
	free(paths->fresh);
	free(paths->fresh_journal);
}

static void paths_free_at(struct paths *paths)
{
	paths_free(paths);
}

static char *path_of(const char *directory, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static int paths_init(struct paths *paths, const char *directory)
{
	paths->file = path_of(directory, STORE_FILE);
	paths->wal = path_of(directory, STORE_FILE "-wal");
	paths->fresh = path_of(directory, STORE_FILE ".new");
	paths->fresh_journal = path_of(directory, STORE_FILE ".new-journal");
	if (!paths->file || !paths->wal || !paths->fresh ||
	    !paths->fresh_journal)
		return -ENOMEM;
	return 0;
}

printf_like(3, 4) static int refuse(struct store_fault *fault, int error,
				    const char *format, ...)
{
	va_list args;

	if (fault) {
		va_start(args, format);
		vsnprintf(fault->message, sizeof(fault->message), format, args);
		va_end(args);
	}
	return error;
}

static int system_error(struct store_fault *fault, const char *path,
			const char *what)
{
	int number = errno;
	int error = STORE_E_IO;

	if (number == ENOMEM)
		error = -ENOMEM;
	else if (number == ENOSPC || number == EDQUOT)
		error = STORE_E_FULL;
	return refuse(fault, error, "%s: %s: %s", path, what, strerror(number));
}

static uint32_t big_endian(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

/* What the first page says, and whether it can be true of this file. */
static int check_header(const unsigned char *header, off_t size,
			const char *path, uint32_t *ret_version,
			struct store_fault *fault)
{
	uint32_t page = (uint32_t)header[AT_PAGE_SIZE] << 8 |
			header[AT_PAGE_SIZE + 1];
	uint32_t version = big_endian(header + AT_USER_VERSION);

	if (memcmp(header, HEADER_MAGIC, sizeof(HEADER_MAGIC)) != 0)
		return refuse(fault, STORE_E_FOREIGN,
			      "%s is not a database of reeve; left untouched",
			      path);
	if (big_endian(header + AT_APPLICATION_ID) != STORE_APPLICATION_ID)
		return refuse(fault, STORE_E_FOREIGN,
			      "%s is a database of another program; left "
			      "untouched",
			      path);
	if (version > STORE_VERSION)
		return refuse(fault, STORE_E_NEWER,
			      "%s was written by a newer reeve (schema %u, "
			      "this one knows %d); left untouched: start that "
			      "reeved, or give another --state-dir",
			      path, version, STORE_VERSION);
	if (page == 1)
		page = 65536;
	if (version == 0 || page < 512 || size < (off_t)page)
		return refuse(fault, STORE_E_CORRUPT,
			      "%s is damaged: its first page is not whole; "
			      "left untouched",
			      path);
	*ret_version = version;
	return 0;
}

/* Through SQLite's own file layer: a close() of ours would drop the locks that
 * another handle of this process has on the same file. */
static int read_header(const char *path, unsigned char *header, off_t *ret_size,
		       struct store_fault *fault)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	const char *name = sqlite3_create_filename(path, "", "", 0, NULL);
	AUTO(free) sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
	sqlite3_int64 size = 0;
	int code = SQLITE_NOMEM;

	if (file && name)
		code = vfs->xOpen(vfs, name, file,
				  SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB,
				  NULL);
	if (code == SQLITE_OK)
		code = file->pMethods->xFileSize(file, &size);
	if (code == SQLITE_OK && size >= HEADER_BYTES)
		code = file->pMethods->xRead(file, header, HEADER_BYTES, 0);
	if (file && file->pMethods)
		file->pMethods->xClose(file);
	sqlite3_free_filename((char *)name);
	*ret_size = size;
	if (code == SQLITE_NOMEM)
		return -ENOMEM;
	if (code != SQLITE_OK)
		return refuse(fault, STORE_E_IO, "%s: cannot be read: %s", path,
			      sqlite3_errstr(code));
	return 0;
}

static int look(const char *path, mode_t mode, uint32_t *ret_version,
		struct store_fault *fault)
{
	unsigned char header[HEADER_BYTES];
	off_t size;
	int error;

	if (!S_ISREG(mode))
		return refuse(fault, STORE_E_FOREIGN,
			      "%s is not a regular file; left untouched", path);
	error = read_header(path, header, &size, fault);
	if (error)
		return error;
	if (size == 0)
		return refuse(fault, STORE_E_CORRUPT,
			      "%s is empty: it was cut off; left untouched",
			      path);
	if (size < HEADER_BYTES)
		return refuse(fault, STORE_E_FOREIGN,
			      "%s is not a database of reeve; left untouched",
			      path);
	return check_header(header, size, path, ret_version, fault);
}

static char *schema_text(void)
{
	size_t bytes = 1;
	char *text, *at;

	for (size_t i = 0; i < ARRAY_COUNT(schema_lines); i++)
		bytes += strlen(schema_lines[i]);
	text = malloc(bytes);
	if (!text)
		return NULL;
	at = text;
	for (size_t i = 0; i < ARRAY_COUNT(schema_lines); i++)
		at = stpcpy(at, schema_lines[i]);
	*at = '\0';
	return text;
}

/* auto_vacuum must come before the first table. WAL is last: until then there
 * is one file, which can be renamed. */
static int build(struct sql *sql)
{
	AUTO(free) char *schema = schema_text();
	char version[96];
	int code;

	if (!schema)
		return -ENOMEM;
	snprintf(version, sizeof(version),
		 "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;"
		 "PRAGMA journal_mode = WAL;",
		 STORE_APPLICATION_ID, STORE_VERSION);
	code = sqlite3_exec(sql->db,
			    "PRAGMA page_size = 4096;"
			    "PRAGMA auto_vacuum = INCREMENTAL;"
			    "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
			    NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(sql->db, schema, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(sql->db, version, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : sql_error(sql, code);
}

static int build_file(const char *path, struct store_fault *fault)
{
	struct sql sql = {.path = path, .fault = fault};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int error = 0;
	int code;

	/* SQLite gives its other files the mode of this one. */
	if (fd < 0)
		return system_error(fault, path, "cannot be made");
	close(fd);
	code = sqlite3_open_v2(path, &sql.db,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
				       SQLITE_OPEN_EXRESCODE,
			       NULL);
	if (code != SQLITE_OK)
		error = sql.db ? sql_error(&sql, code) : -ENOMEM;
	else
		error = build(&sql);
	sqlite3_close(sql.db);
	return error;
}

static int sync_path(const char *path, int flags, struct store_fault *fault)
{
	int fd = open(path, flags | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return system_error(fault, path, "cannot be opened");
	if (fsync(fd) != 0)
		error = system_error(fault, path, "fsync failed");
	close(fd);
	return error;
}

static int create(const struct paths *paths, const char *directory,
		  struct store_fault *fault)
{
	struct stat status;
	int error;

	/* An empty one is what a refused file leaves behind. */
	if (stat(paths->wal, &status) == 0 && status.st_size > 0)
		return refuse(fault, STORE_E_CORRUPT,
			      "%s is there without its database; left "
			      "untouched",
			      paths->wal);
	unlink(paths->fresh);
	unlink(paths->fresh_journal);
	error = build_file(paths->fresh, fault);
	if (!error)
		error = sync_path(paths->fresh, O_RDONLY, fault);
	if (!error && rename(paths->fresh, paths->file) != 0)
		error = system_error(fault, paths->file, "cannot be made");
	if (error) {
		unlink(paths->fresh);
		unlink(paths->fresh_journal);
		return error;
	}
	return sync_path(directory, O_RDONLY | O_DIRECTORY, fault);
}

int file_prepare(const char *directory, struct store_fault *ret_fault)
{
	__attribute__((cleanup(paths_free_at))) struct paths paths = {0};
	uint32_t version = 0;
	struct stat status;
	int error = paths_init(&paths, directory);

	if (error)
		return error;
	if (lstat(paths.file, &status) != 0) {
		if (errno == ENOENT)
			return create(&paths, directory, ret_fault);
		return system_error(ret_fault, paths.file,
				    "cannot be looked at");
	}
	return look(paths.file, status.st_mode, &version, ret_fault);
}
