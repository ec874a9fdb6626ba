#include "daemon/supervisor/preload.h"

#include "daemon/supervisor/pool_reason.h"

#define PRELOAD_QUOTE_BYTES 256

bool preload_wants(const struct pool *pool, int64_t now_ns,
		   int64_t *ret_wake_ns)
{
	*ret_wake_ns = 0;
	if (!pool_forks(pool) || pool->removed ||
	    pool->next.state != TEMPLATE_NONE)
		return false;
	if (pool->template.state != TEMPLATE_NONE && !pool->stale)
		return false;
	if (pool->preload_ns <= now_ns)
		return true;
	*ret_wake_ns = pool->preload_ns;
	return false;
}

static const struct template nobody = {.fd = -1};

void preload_ready(struct pool *pool, int64_t now_ns)
{
	/* The place is free: preload_check() saw to it, or does so at once. */
	if (pool->template.state != TEMPLATE_NONE) {
		if (pool->old.state != TEMPLATE_NONE)
			return;
		pool->old = pool->template;
	}
	pool->template = pool->next;
	pool->next = nobody;
	pool->template.since_ns = now_ns;
	/* Unless it is that its workers fail. */
	if (pool->backoff.deaths < 2)
		pool->reason[0] = '\0';
	if (!pool->stale)
		return;
	pool->stale = false;
	pool->generation++;
}

static void too_late(struct pool *pool, struct template *template)
{
	if (template->state == TEMPLATE_LOADING)
		pool_explain(pool, "preload took too long (ready: %g s)",
			     (double)pool->config.ready_ms / 1000);
	else if (template->state == TEMPLATE_SERVING)
		pool_explain(pool, "template did not fork when asked to");
	template->explained = true;
	template_kill(template);
}

void preload_check(struct pool *pool, int64_t now_ns, int64_t *ret_wake_ns)
{
	struct template *all[] = {&pool->template, &pool->next, &pool->old};

	*ret_wake_ns = 0;
	/* A swap that had to wait for the one before. */
	if (pool->next.state == TEMPLATE_SERVING)
		preload_ready(pool, now_ns);
	if (pool->old.state == TEMPLATE_SERVING && !template_owes(&pool->old))
		template_end(&pool->old, now_ns);
	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		int64_t at_ns = template_deadline_ns(all[i],
						     pool->config.ready_ms);

		if (at_ns && now_ns >= at_ns)
			too_late(pool, all[i]);
		else if (at_ns && (!*ret_wake_ns || at_ns < *ret_wake_ns))
			*ret_wake_ns = at_ns;
	}
}

struct template *preload_find(struct pool *pool, pid_t pid)
{
	struct template *all[] = {&pool->template, &pool->next, &pool->old};

	for (size_t i = 0; pid && i < ARRAY_COUNT(all); i++)
		if (all[i]->pid == pid)
			return all[i];
	return NULL;
}

void preload_died(struct pool *pool, struct template *template, int status,
		  int64_t now_ns)
{
	int64_t lived_ns = now_ns - template->born_ns;
	char said[PRELOAD_QUOTE_BYTES];

	if (template == &pool->old || template->state == TEMPLATE_ENDING) {
		template_died(template);
		return;
	}
	/* However long its preload took: it was no use. */
	if (!template->useful && lived_ns >= BACKOFF_GOOD_NS)
		lived_ns = BACKOFF_GOOD_NS - 1;
	pool->preload_ns = backoff_died(&pool->preload, now_ns, lived_ns,
					template->useful);
	if (!template->explained) {
		words_pass(template->words);
		words_quote(template->words, false, said, sizeof(said));
		pool_explain_end(pool, "template", status,
				 template->state == TEMPLATE_LOADING
					 ? " at preload"
					 : "",
				 said);
	}
	template_died(template);
}

void preload_renew(struct pool *pool)
{
	pool->backoff = pool->preload = (struct backoff){0};
	pool->retry_ns = pool->preload_ns = 0;
	pool->proved = false;
	pool->reason[0] = '\0';
	if (!pool_forks(pool)) {
		pool->generation++;
		return;
	}
	pool->stale = true;
	/* It began to load before: what it loads may be of yesterday. */
	pool->next.explained = true;
	template_kill(&pool->next);
}

void preload_listen(struct pool *pool, int64_t now_ns)
{
	/* Whoever serves shows that it is not all of them. */
	if (!pool_forks(pool) || pool->removed || pool->template.words ||
	    pool->template.state != TEMPLATE_SERVING || pool->stale ||
	    pool->backoff.deaths < 2 || !pool_degraded(pool, now_ns))
		return;
	pool->stale = true;
}

void preload_end(struct pool *pool, int64_t now_ns)
{
	template_kill(&pool->next);
	template_end(&pool->template, now_ns);
	template_end(&pool->old, now_ns);
}
