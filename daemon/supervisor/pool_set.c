#include "daemon/supervisor/pool_set.h"

#include "daemon/supervisor/preload.h"

#include <errno.h>
#include <stdio.h>

static int add(struct pool_set *pools, int number,
	       const struct pool_config *config)
{
	struct pool *pool = malloc(sizeof(*pool));
	int r = pool ? pool_init(pool, number, config) : -ENOMEM;

	if (r < 0) {
		free(pool);
		return r;
	}
	pools->list[number] = pool;
	return 0;
}

int pool_set_init(struct pool_set *pools, int exec_workers,
		  int64_t first_number)
{
	const struct pool_config config = {
		.name = POOL_EXEC,
		.kind = POOL_COMMAND,
		.workers_min = exec_workers,
		.workers_max = exec_workers,
	};

	require(exec_workers > 0 && first_number > 0);
	*pools = (struct pool_set){.next_number = first_number};
	return add(pools, 0, &config);
}

static void forget(struct pool_set *pools, int number)
{
	pool_fini(pools->list[number]);
	free(pools->list[number]);
	pools->list[number] = NULL;
}

static int find_name(const struct pool_set *pools, const char *name)
{
	for (int i = 0; i < POOLS_MAX; i++)
		if (pools->list[i] &&
		    strcmp(pools->list[i]->config.name, name) == 0)
			return i;
	return -1;
}

static const struct pool_config *named(const struct pools_config *config,
				       const char *name)
{
	for (size_t i = 0; i < config->count; i++)
		if (strcmp(config->list[i].name, name) == 0)
			return &config->list[i];
	return NULL;
}

/* What a pool that is there will say; and room for what it may need. */
struct change {
	struct pool_config config;
	bool differs;
};

static int prepare(const struct pool_set *pools,
		   const struct pools_config *config, struct change *changes)
{
	for (int i = 1; i < POOLS_MAX; i++) {
		struct pool *pool = pools->list[i];
		const struct pool_config *next =
			pool ? named(config, pool->config.name) : NULL;
		int r;

		if (!next ||
		    (!pool->removed && pool_config_equal(&pool->config, next)))
			continue;
		r = pool_config_copy(&changes[i].config, next);
		if (!r)
			r = pool_reserve(pool, next->workers_max);
		if (r < 0)
			return r;
		changes[i].differs = true;
	}
	return 0;
}

static int add_new(struct pool_set *pools, const struct pools_config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		int number = 1, r;

		if (!config->list[i].name[0] ||
		    find_name(pools, config->list[i].name) >= 0)
			continue;
		while (number < POOLS_MAX && pools->list[number])
			number++;
		if (number == POOLS_MAX)
			return POOL_SET_E_FULL;
		r = add(pools, number, &config->list[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static void change(struct pool *pool, struct change *change, int64_t now_ns)
{
	pool_config_free(&pool->config);
	pool->config = change->config;
	change->config = (struct pool_config){.name = ""};
	pool->removed = false;
	/* There is room already. */
	if (pool_resize(pool, pool->config.workers_min,
			pool->config.workers_max))
		pool_scale(pool, pool->wanted);
	if (!pool_forks(pool))
		preload_end(pool, now_ns);
	preload_renew(pool);
}

static void remove_pool(struct pool *pool, int64_t now_ns)
{
	if (pool->removed)
		return;
	pool->removed = true;
	pool->min = pool->wanted = 0;
	preload_end(pool, now_ns);
}

int pool_set_apply(struct pool_set *pools, const struct pools_config *config,
		   int64_t now_ns)
{
	struct change changes[POOLS_MAX] = {0};
	bool before[POOLS_MAX];
	int r;

	pool_set_tidy(pools);
	for (int i = 0; i < POOLS_MAX; i++)
		before[i] = pools->list[i] != NULL;
	r = prepare(pools, config, changes);
	if (!r)
		r = add_new(pools, config);
	for (int i = 1; i < POOLS_MAX; i++) {
		struct pool *pool = pools->list[i];

		if (r && pool && !before[i])
			forget(pools, i);
		else if (!r && changes[i].differs)
			change(pool, &changes[i], now_ns);
		else if (!r && pool && !named(config, pool->config.name))
			remove_pool(pool, now_ns);
		pool_config_free(&changes[i].config);
	}
	return r;
}

static int living(const struct pool *pool)
{
	int n = (pool->template.state != TEMPLATE_NONE) +
		(pool->next.state != TEMPLATE_NONE) +
		(pool->old.state != TEMPLATE_NONE);

	for (int slot = 0; slot < pool->size; slot++)
		n += pool->workers[slot].number != 0;
	return n;
}

void pool_set_tidy(struct pool_set *pools)
{
	for (int i = 1; i < POOLS_MAX; i++)
		if (pools->list[i] && pools->list[i]->removed &&
		    !living(pools->list[i]))
			forget(pools, i);
}

struct pool *pool_set_get(const struct pool_set *pools, int64_t number)
{
	return number >= 0 && number < POOLS_MAX ? pools->list[number] : NULL;
}

static bool has_pid(const struct pool_worker *worker, int64_t pid)
{
	return worker->pid == pid;
}

static bool has_number(const struct pool_worker *worker, int64_t number)
{
	return worker->number == number;
}

static struct pool_worker *
search(const struct pool_set *pools,
       bool (*matches)(const struct pool_worker *worker, int64_t what),
       int64_t what, struct pool **ret_pool)
{
	for (int i = 0; what && i < POOLS_MAX; i++) {
		struct pool *pool = pools->list[i];

		for (int slot = 0; pool && slot < pool->size; slot++)
			if (pool->workers[slot].number &&
			    matches(&pool->workers[slot], what)) {
				*ret_pool = pool;
				return &pool->workers[slot];
			}
	}
	return NULL;
}

struct pool_worker *pool_set_find(const struct pool_set *pools, pid_t pid,
				  struct pool **ret_pool)
{
	return search(pools, has_pid, pid, ret_pool);
}

struct pool_worker *pool_set_by_number(const struct pool_set *pools,
				       int64_t number, struct pool **ret_pool)
{
	return search(pools, has_number, number, ret_pool);
}

bool pool_set_has_folder(const struct pool_set *pools, const char *name)
{
	for (int i = 0; i < POOLS_MAX; i++) {
		const struct pool *pool = pools->list[i];

		for (int slot = 0; pool && slot < pool->size; slot++)
			if (pool->workers[slot].number &&
			    strcmp(pool->workers[slot].folder, name) == 0)
				return true;
	}
	return false;
}

struct template *pool_set_template(const struct pool_set *pools, pid_t pid,
				   struct pool **ret_pool)
{
	for (int i = 0; i < POOLS_MAX; i++) {
		struct template *template =
			pools->list[i] ? preload_find(pools->list[i], pid)
				       : NULL;

		if (template) {
			*ret_pool = pools->list[i];
			return template;
		}
	}
	return NULL;
}

bool pool_set_owed(const struct pool_set *pools)
{
	for (int i = 0; i < POOLS_MAX; i++)
		if (pools->list[i] &&
		    (template_owes(&pools->list[i]->template) ||
		     template_owes(&pools->list[i]->old)))
			return true;
	return false;
}

static bool is_of(const struct template *template, pid_t pid, pid_t session)
{
	return template_owes(template) &&
	       (session == template->pid ||
		(session == pid && reap_same_program(pid, template->pid)));
}

bool pool_set_expect(const struct pool_set *pools, pid_t pid)
{
	pid_t session;

	if (!pool_set_owed(pools))
		return false;
	session = reap_session(pid);
	for (int i = 0; i < POOLS_MAX; i++)
		if (pools->list[i] &&
		    (is_of(&pools->list[i]->template, pid, session) ||
		     is_of(&pools->list[i]->old, pid, session)))
			return true;
	return false;
}

int pool_set_living(const struct pool_set *pools)
{
	int n = 0;

	for (int i = 0; i < POOLS_MAX; i++)
		n += pools->list[i] ? living(pools->list[i]) : 0;
	return n;
}

void pool_set_fini(struct pool_set *pools)
{
	for (int i = 0; i < POOLS_MAX; i++)
		if (pools->list[i])
			forget(pools, i);
	nursery_fini(&pools->nursery);
}
