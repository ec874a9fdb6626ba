/*
 * A plain main for the fuzz targets: gives the target every file of the folders
 * that are named, whole and cut short at every byte, and prints one line a
 * folder. Works with any compiler, so every test run looks at every input that
 * was ever a problem.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

/* Cut short at every byte only what is short: the rest costs its square. */
#define CUT_BYTES_MAX 2048

static size_t files, failures;

static void give(const char *data, size_t n)
{
	/* Memory of its own size, so that a read beyond it is seen. */
	uint8_t *copy = malloc(n + !n);

	require(copy != NULL);
	if (n)
		memcpy(copy, data, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void replay_file(const char *path)
{
	static char data[1024 * 1024];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof(data));

	if (fd >= 0)
		close(fd);
	if (n < 0) {
		printf("# cannot read %s\n", path);
		failures++;
		return;
	}
	for (ssize_t cut = 0; n <= CUT_BYTES_MAX && cut < n; cut++)
		give(data, (size_t)cut);
	give(data, (size_t)n);
	files++;
}

/* Folders below are walked with a list, not by recursion. */
static void replay_folder(const char *folder)
{
	char paths[64][512];
	size_t count = 1;

	snprintf(paths[0], sizeof(paths[0]), "%s", folder);
	while (count) {
		char path[512], below[1024];
		struct dirent *entry;
		struct stat st;
		DIR *dir;

		memcpy(path, paths[--count], sizeof(path));
		dir = opendir(path);
		if (!dir) {
			printf("# cannot open %s\n", path);
			failures++;
			continue;
		}
		while ((entry = readdir(dir))) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(below, sizeof(below), "%s/%s", path,
				 entry->d_name);
			if (stat(below, &st) == 0 && S_ISDIR(st.st_mode)) {
				require(count < 64 && strlen(below) < 512);
				memcpy(paths[count++], below,
				       strlen(below) + 1);
			} else {
				replay_file(below);
			}
		}
		closedir(dir);
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		files = 0;
		replay_folder(argv[i]);
		if (files == 0)
			failures++;
		printf("# %zu files\n%s %d - every input of %s is survived\n",
		       files, failures ? "not ok" : "ok", i,
		       strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1
					     : argv[i]);
	}
	printf("1..%d\n", argc - 1);
	return failures ? 1 : 0;
}
