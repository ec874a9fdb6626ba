#include "daemon/supervisor/tend.h"

#include "daemon/supervisor/pool_reason.h"
#include "daemon/supervisor/preload.h"

#include <errno.h>
#include <inttypes.h>

static void cancel(struct supervisor *supervisor, struct pool_worker *worker,
		   int64_t now_ns)
{
	deaths_drop_folder(supervisor, worker->folder, false, now_ns);
	*worker = (struct pool_worker){0};
}

static void not_born(struct supervisor *supervisor, struct pool *pool,
		     struct pool_worker *worker, int64_t now_ns)
{
	log_warning("worker was not born pool=%s slot=%d reason=\"%s\"",
		    pool->config.name, (int)(worker - pool->workers),
		    pool->reason);
	deaths_drop_folder(supervisor, worker->folder, false, now_ns);
	pool_unborn(pool, worker, now_ns);
}

/* Adopted by us already, or about to be: its parent has only to end. */
static bool is_its_child(const struct supervisor *supervisor,
			 const struct template *template, pid_t pid)
{
	struct pool *pool;

	if (pid <= 0 || pid == supervisor->broker.pid ||
	    pool_set_find(&supervisor->pools, pid, &pool) ||
	    pool_set_template(&supervisor->pools, pid, &pool))
		return false;
	return reap_is_child(pid) || reap_session(pid) == template->pid;
}

static void on_forked(struct supervisor *supervisor, struct pool *pool,
		      const struct template *template,
		      struct pool_worker *worker, pid_t pid, int64_t now_ns)
{
	struct reap_end end;

	if (is_its_child(supervisor, template, pid)) {
		birth_adopt(&supervisor->birth, worker, pid);
		log_info("worker started slot=%d worker=%" PRId64
			 " pid=%d pool=%s",
			 (int)(worker - pool->workers), worker->number,
			 (int)pid, pool->config.name);
		tend_born(supervisor, pool, worker, now_ns);
		return;
	}
	if (nursery_take(&supervisor->pools.nursery, pid, now_ns, &end)) {
		worker->pid = pid;
		tend_born(supervisor, pool, worker, now_ns);
		deaths_worker(supervisor, pool, worker, &end, now_ns);
		return;
	}
	pool_explain(pool, "template forked a process that is not there");
	not_born(supervisor, pool, worker, now_ns);
}

static void on_answer(struct supervisor *supervisor, struct pool *pool,
		      const struct template *template,
		      const struct template_message *message, int64_t now_ns)
{
	struct pool *owner = NULL;
	struct pool_worker *worker =
		pool_set_by_number(&supervisor->pools, message->worker, &owner);

	if (!worker || owner != pool || worker->pid ||
	    worker->template != template->pid) {
		/* Whoever that is, it is not announced. */
		supervisor->hunt_ns = now_ns;
		return;
	}
	if (message->op == TEMPLATE_FORKED) {
		on_forked(supervisor, pool, template, worker, message->pid,
			  now_ns);
		return;
	}
	pool_explain(pool, "fork failed: %.100s",
		     message->text[0] ? message->text
				      : strerror((int)message->error));
	not_born(supervisor, pool, worker, now_ns);
}

static void on_message(struct supervisor *supervisor, struct pool *pool,
		       struct template *template,
		       const struct template_message *message, int64_t now_ns)
{
	if (message->worker) {
		on_answer(supervisor, pool, template, message, now_ns);
		return;
	}
	if (message->op == TEMPLATE_READY) {
		log_info("template ready pid=%d pool=%s", (int)template->pid,
			 pool->config.name);
		preload_ready(pool, now_ns);
		return;
	}
	/* Some say that themselves. */
	pool_explain(pool, "%s%.100s",
		     strncmp(message->text, "preload", 7) ? "preload failed: "
							  : "",
		     message->text);
	template->explained = true;
	log_warning("%s pool=%s", pool->reason, pool->config.name);
}

static void hear(struct supervisor *supervisor, struct pool *pool,
		 struct template *template, int64_t now_ns)
{
	pid_t pid = template->pid;
	struct template_message message;
	int r = 0;

	/* A template that gets ready moves: it is found anew. */
	while (template &&
	       !(r = template_receive(template, &message, now_ns))) {
		on_message(supervisor, pool, template, &message, now_ns);
		template = preload_find(pool, pid);
	}
	/* It ends, or must. */
	if (template && r == TEMPLATE_E_END)
		template_kill(template);
}

void tend_templates(struct supervisor *supervisor, int64_t now_ns)
{
	for (int i = 0; i < POOLS_MAX; i++) {
		struct pool *pool = supervisor->pools.list[i];

		if (!pool)
			continue;
		hear(supervisor, pool, &pool->old, now_ns);
		hear(supervisor, pool, &pool->template, now_ns);
		hear(supervisor, pool, &pool->next, now_ns);
	}
}

void tend_template_died(struct supervisor *supervisor, struct pool *pool,
			struct template *template, int status, int64_t now_ns)
{
	pid_t pid = template->pid;
	bool meant = template->state == TEMPLATE_ENDING ||
		     template == &pool->old;

	/* What it said before its end. */
	hear(supervisor, pool, template, now_ns);
	template = preload_find(pool, pid);
	if (!template)
		return;
	preload_died(pool, template, status, now_ns);
	for (int slot = 0; slot < pool->size; slot++)
		if (pool->workers[slot].template == pid &&
		    !pool->workers[slot].pid)
			cancel(supervisor, &pool->workers[slot], now_ns);
	if (meant)
		log_info("template left pid=%d pool=%s", (int)pid,
			 pool->config.name);
	else
		log_warning("template died pid=%d pool=%s reason=\"%s\" "
			    "retry_ms=%" PRId64,
			    (int)pid, pool->config.name, pool->reason,
			    pool->preload_ns > now_ns
				    ? (pool->preload_ns - now_ns) / 1000000
				    : 0);
}

size_t tend_polls(const struct supervisor *supervisor, struct pollfd *ret)
{
	size_t n = 0;

	for (int i = 0; i < POOLS_MAX; i++) {
		const struct pool *pool = supervisor->pools.list[i];
		const struct template *all[] = {
			pool ? &pool->template : NULL,
			pool ? &pool->next : NULL,
			pool ? &pool->old : NULL,
		};

		for (size_t k = 0; pool && k < ARRAY_COUNT(all); k++)
			if (all[k]->fd >= 0)
				ret[n++] = (struct pollfd){.fd = all[k]->fd,
							   .events = POLLIN};
	}
	return n;
}
