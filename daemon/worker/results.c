#include "daemon/worker/results.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/config/config.h"

void results_init(struct results *results, const char *state_dir)
{
	*results = (struct results){.state_dir = state_dir};
	TAILQ_INIT(&results->list);
}

static void drop(struct results *results, struct result *result)
{
	TAILQ_REMOVE(&results->list, result, link);
	results->count--;
	results->spooled_count -= result->spooled;
	free(result);
}

void results_fini(struct results *results)
{
	while (!TAILQ_EMPTY(&results->list))
		drop(results, TAILQ_FIRST(&results->list));
}

int results_add(struct results *results, const struct result *head,
		struct slice line)
{
	struct result *result = malloc(sizeof(*result) + line.n);

	if (!result)
		return -ENOMEM;
	*result = *head;
	result->spooled = false;
	result->bytes = line.n;
	memcpy(result->line, line.p, line.n);
	TAILQ_INSERT_TAIL(&results->list, result, link);
	results->count++;
	return 0;
}

static int open_folder(const struct results *results)
{
	char path[CONFIG_PATH_BYTES + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/results", results->state_dir);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void unlink_spooled(const struct results *results,
			   const struct result *result)
{
	char path[CONFIG_PATH_BYTES + 64];

	snprintf(path, sizeof(path), "%s/results/%" PRId64, results->state_dir,
		 result->token);
	/* The broker may have imported and removed it already. */
	unlink(path);
}

void results_settled(struct results *results, int64_t token)
{
	struct result *result;

	TAILQ_FOREACH (result, &results->list, link) {
		if (result->token != token)
			continue;
		if (result->spooled)
			unlink_spooled(results, result);
		drop(results, result);
		return;
	}
}

static int write_file(int folder, const struct result *result,
		      const char *temporary, const char *name)
{
	int fd = openat(folder, temporary,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);
	int r = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, result->line, result->bytes);
	if (n < 0)
		r = -errno;
	else if ((size_t)n != result->bytes)
		r = -ENOSPC;
	else if (fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (r == 0 && renameat(folder, temporary, folder, name) < 0)
		r = -errno;
	if (r)
		unlinkat(folder, temporary, 0);
	return r;
}

static int write_all(struct results *results, int folder)
{
	struct result *result;

	TAILQ_FOREACH (result, &results->list, link) {
		char temporary[40], name[32];
		int r;

		if (result->spooled)
			continue;
		snprintf(name, sizeof(name), "%" PRId64, result->token);
		snprintf(temporary, sizeof(temporary), ".%s.tmp", name);
		r = write_file(folder, result, temporary, name);
		if (r)
			return r;
	}
	/* The names are only there after a power cut if the folder is. */
	return fsync(folder) < 0 ? -errno : 0;
}

int results_spool(struct results *results)
{
	struct result *result;
	int folder, r;

	if (results->spooled_count == results->count)
		return 0;
	folder = open_folder(results);
	if (folder < 0)
		return folder;
	r = write_all(results, folder);
	close(folder);
	if (r)
		return r;
	TAILQ_FOREACH (result, &results->list, link)
		result->spooled = true;
	results->spooled_count = results->count;
	return 0;
}
