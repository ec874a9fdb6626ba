#include "daemon/supervisor/cgroup_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define NAME_BYTES 32

static bool is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' &&
	       p[2] >= '0' && p[2] <= '7';
}

/* Blanks and backslashes of a path are octal in this file: "\040". */
static bool unescape(const char *from, size_t n, char *ret)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		char byte = from[i];

		if (byte == '\\' && n - i > 3 && is_octal(from + i + 1)) {
			byte = (char)((from[i + 1] - '0') * 64 +
				      (from[i + 2] - '0') * 8 +
				      (from[i + 3] - '0'));
			i += 3;
		}
		if (out + 1 >= CGROUP_PATH_BYTES)
			return false;
		ret[out++] = byte;
	}
	ret[out] = '\0';
	return out > 0;
}

bool cgroup_find_mount(const char *mounts, char *ret)
{
	for (const char *line = mounts; *line;) {
		size_t length = strcspn(line, "\n");
		const char *path = memchr(line, ' ', length);
		const char *type = NULL;

		if (path)
			type = memchr(path + 1, ' ',
				      length - (size_t)(path + 1 - line));
		if (type && strncmp(type, " cgroup2 ", 9) == 0)
			return unescape(path + 1, (size_t)(type - path - 1),
					ret);
		line += length + (line[length] == '\n');
	}
	return false;
}

bool cgroup_find_own(const char *cgroup, char *ret)
{
	for (const char *line = cgroup; *line;) {
		size_t length = strcspn(line, "\n");

		if (strncmp(line, "0::/", 4) == 0 &&
		    length - 3 < CGROUP_PATH_BYTES) {
			memcpy(ret, line + 3, length - 3);
			ret[length - 3] = '\0';
			if (strcmp(ret, "/") == 0)
				ret[0] = '\0';
			return true;
		}
		line += length + (line[length] == '\n');
	}
	return false;
}

void cgroup_find_name(const char *state_dir, unsigned uid, char *ret)
{
	uint32_t hash = 2166136261; /* FNV-1a: a name, not a secret */

	for (const char *p = state_dir; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 16777619;
	snprintf(ret, NAME_BYTES, "reeve-%u-%08x", uid, hash);
}

int cgroup_find_read(const char *path, char *ret, size_t ret_bytes)
{
	size_t at = 0;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, ret + at, ret_bytes - 1 - at);
		if (n > 0)
			at += (size_t)n;
	} while (n > 0 && at < ret_bytes - 1);
	n = n < 0 ? -errno : 0;
	close(fd);
	ret[at] = '\0';
	return (int)n;
}
