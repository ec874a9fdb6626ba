#include "daemon/config/pools.h"

#include <errno.h>

static void free_words(char **words)
{
	for (char **word = words; word && *word; word++)
		free(*word);
	free(words);
}

static int copy_words(char ***ret, char **words)
{
	char **copy;
	size_t n = 0;

	while (words && words[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i] = strdup(words[i]);
		if (!copy[i]) {
			free_words(copy);
			return -ENOMEM;
		}
	}
	*ret = copy;
	return 0;
}

int pool_config_copy(struct pool_config *ret, const struct pool_config *from)
{
	struct pool_config copy = *from;
	int r;

	copy.run = copy.handles = NULL;
	r = copy_words(&copy.run, from->run);
	if (!r)
		r = copy_words(&copy.handles, from->handles);
	if (r < 0)
		pool_config_free(&copy);
	else
		*ret = copy;
	return r;
}

static bool same_words(char **a, char **b)
{
	while (a && b && *a && *b && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return !(a && *a) && !(b && *b);
}

bool pool_config_equal(const struct pool_config *a, const struct pool_config *b)
{
	return strcmp(a->name, b->name) == 0 && a->kind == b->kind &&
	       same_words(a->run, b->run) &&
	       same_words(a->handles, b->handles) &&
	       a->workers_min == b->workers_min &&
	       a->workers_max == b->workers_max && a->preload == b->preload &&
	       a->idle_ms == b->idle_ms && a->ready_ms == b->ready_ms &&
	       a->ping_ms == b->ping_ms && a->retire_jobs == b->retire_jobs &&
	       a->retire_age_ms == b->retire_age_ms &&
	       a->retire_kib == b->retire_kib &&
	       a->retire_jitter >= b->retire_jitter &&
	       a->retire_jitter <= b->retire_jitter && a->broken == b->broken;
}

void pool_config_free(struct pool_config *config)
{
	free_words(config->run);
	free_words(config->handles);
	*config = (struct pool_config){.name = ""};
}

const struct pool_config *pools_config_server(const struct pools_config *pools,
					      struct slice handler)
{
	for (size_t i = 0; i < pools->count; i++) {
		char **name = pools->list[i].handles;

		for (; name && *name; name++)
			if (slice_is(handler, *name))
				return &pools->list[i];
	}
	return NULL;
}
