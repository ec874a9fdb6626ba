#include "daemon/supervisor/state.h"

#include "daemon/supervisor/cgroup_folder.h"
#include "daemon/supervisor/pool_message.h"
#include "daemon/supervisor/preload.h"
#include "daemon/supervisor/supervisor.h"
#include "daemon/supervisor/tend.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>

#define HUNT_AGAIN_NS (20 * INT64_C(1000000))
#define SWEEP_SOON_NS (5 * INT64_C(1000000))
#define SWEEP_LATER_NS (500 * INT64_C(1000000))
/* Exit status of a worker whose job left processes that are to live on. */
#define EXIT_KEPT 3
#define QUOTE_BYTES 256

/* What one round of reaping saw. */
struct round {
	bool worker; /* one that leaves nothing behind on purpose */
	bool kept_worker;
	bool kept;
	bool stranger;
};

static const char *end_word(int status)
{
	return WIFSIGNALED(status) ? "signal" : "status";
}

static int end_number(int status)
{
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

void deaths_drop_folder(struct supervisor *supervisor, const char *name,
			bool keep, int64_t now_ns)
{
	int r = 0;

	if (!supervisor->tree.on || !name[0])
		return;
	if (keep)
		r = cgroup_folder_keep(supervisor->tree.job, name);
	if (!r)
		r = cgroup_folder_remove(supervisor->tree.job, name);
	if (r < 0)
		log_warning("cgroup stays until the next sweep, continuing "
			    "folder=%s "
			    "error=\"%s\"",
			    name, strerror(-r));
	if (r && (!supervisor->sweep_ns ||
		  supervisor->sweep_ns > now_ns + SWEEP_SOON_NS))
		supervisor->sweep_ns = now_ns + SWEEP_SOON_NS;
}

/* Of its own, or of the template that forked it: they share what they write to. */
static const char *last_words(struct pool *pool,
			      const struct pool_worker *worker,
			      char said[QUOTE_BYTES])
{
	const struct template *template = preload_find(pool, worker->template);
	struct words *words = template ? template->words : worker->words;

	words_pass(words);
	words_quote(words, pool->config.kind == POOL_LINES, said, QUOTE_BYTES);
	return said;
}

bool deaths_worker(struct supervisor *supervisor, struct pool *pool,
		   struct pool_worker *worker, const struct reap_end *end,
		   int64_t now_ns)
{
	bool keep = pool->config.kind == POOL_COMMAND &&
		    WIFEXITED(end->status) &&
		    WEXITSTATUS(end->status) == EXIT_KEPT;
	struct channel_message died;
	char folder[32], said[QUOTE_BYTES];

	memcpy(folder, worker->folder, sizeof(folder));
	pool_died_message(pool, worker, end, &died);
	worker->said = last_words(pool, worker, said);
	worker->cut_off = pool->config.kind != POOL_COMMAND &&
			  broker_child_cut_off(&supervisor->broker,
					       worker->born_ns, now_ns);
	pool_died(pool, worker, end, now_ns);
	preload_listen(pool, now_ns);
	if (WIFEXITED(end->status) && (keep || end->status == 0))
		log_info("worker left slot=%d worker=%" PRId64
			 " status=%d pool=%s",
			 died.slot, died.worker, end_number(end->status),
			 pool->config.name);
	else
		log_warning("worker died slot=%d worker=%" PRId64
			    " %s=%d pool=%s",
			    died.slot, died.worker, end_word(end->status),
			    end_number(end->status), pool->config.name);
	/* Its job is ended first: a second attempt must not meet the first. */
	deaths_drop_folder(supervisor, folder, keep, now_ns);
	broker_child_send(&supervisor->broker, &died, now_ns);
	return keep;
}

static void broker_died(struct supervisor *supervisor,
			const struct reap_end *end, int64_t now_ns)
{
	bool expected = supervisor->state != SUPERVISOR_SERVING &&
			end->status == 0;
	int64_t next_ns;

	next_ns = broker_child_died(&supervisor->broker, end->status, now_ns);
	supervisor->broker_start_ns = next_ns;
	supervisor->serving_ns = 0;
	if (expected)
		log_info("broker left");
	else
		log_warning("broker died %s=%d retry_ms=%" PRId64,
			    end_word(end->status), end_number(end->status),
			    (next_ns - now_ns) / 1000000);
	/* It said by its status that another try ends the same way, or would
	 * begin with an empty database, which looks like lost jobs. */
	if (WIFEXITED(end->status) &&
	    (WEXITSTATUS(end->status) == SUPERVISOR_EXIT_CALLER ||
	     WEXITSTATUS(end->status) == SUPERVISOR_EXIT_GONE))
		stop_for(supervisor, WEXITSTATUS(end->status), now_ns);
}

static void take_one(struct supervisor *supervisor, pid_t pid,
		     const struct reap_end *end, struct round *round,
		     int64_t now_ns)
{
	struct pool *pool = NULL;
	struct pool_worker *worker = pool_set_find(&supervisor->pools, pid,
						   &pool);
	struct template *template;

	if (worker) {
		bool keep = deaths_worker(supervisor, pool, worker, end,
					  now_ns);

		round->kept_worker |= keep;
		round->worker |= !keep;
		return;
	}
	template = pool_set_template(&supervisor->pools, pid, &pool);
	if (template) {
		tend_template_died(supervisor, pool, template, end->status,
				   now_ns);
		round->worker = true;
	} else if (supervisor->broker.state != BROKER_NONE &&
		   supervisor->broker.pid == pid) {
		broker_died(supervisor, end, now_ns);
	} else if (orphans_reaped(&supervisor->orphans, pid)) {
		round->kept = true;
	} else {
		round->stranger = true;
		if (pool_set_owed(&supervisor->pools))
			nursery_put(&supervisor->pools.nursery, pid, end,
				    now_ns);
		log_debug("orphan reaped pid=%d %s=%d", (int)pid,
			  end_word(end->status), end_number(end->status));
	}
}

void deaths_take(struct supervisor *supervisor, int64_t now_ns)
{
	struct round round = {0};
	bool any = false;
	int r;

	for (;;) {
		struct reap_end end;
		pid_t pid;

		r = reap_peek(&pid);
		if (!r)
			r = reap_take(pid, &end);
		if (r)
			break;
		any = true;
		take_one(supervisor, pid, &end, &round, now_ns);
	}
	if (r < 0)
		log_error("cannot reap, continuing error=\"%s\"", strerror(-r));
	if (any)
		deaths_hunt(supervisor,
			    round.kept_worker || (round.kept && !round.worker &&
						  !round.stranger),
			    now_ns);
}

static bool is_known(void *context, pid_t pid)
{
	const struct supervisor *supervisor = context;
	struct pool *pool;

	return (supervisor->broker.state != BROKER_NONE &&
		supervisor->broker.pid == pid) ||
	       pool_set_find(&supervisor->pools, pid, &pool) ||
	       pool_set_template(&supervisor->pools, pid, &pool) ||
	       pool_set_expect(&supervisor->pools, pid);
}

static bool is_marked(void *context, pid_t pid)
{
	const struct supervisor *supervisor = context;
	char folder[32];

	return cgroup_tree_folder_of(&supervisor->tree, pid, folder) &&
	       cgroup_folder_is_kept(supervisor->tree.job, folder);
}

void deaths_hunt(struct supervisor *supervisor, bool spare, int64_t now_ns)
{
	const struct orphans_ask ask = {supervisor, is_known, is_marked};
	size_t count = 0;
	int r;

	r = orphans_hunt(&supervisor->orphans, &ask, spare, &count);
	if (r < 0)
		log_error("cannot end orphans, retrying error=\"%s\"",
			  strerror(-r));
	if (count && !supervisor->hunt_ns)
		log_info("orphans ended count=%zu", count);
	/* Their end comes by SIGCHLD; this is for what slipped through. */
	supervisor->hunt_ns = count || r < 0 ? now_ns + HUNT_AGAIN_NS : 0;
}

static bool folder_is_ours(void *context, const char *name)
{
	const struct supervisor *supervisor = context;

	return pool_set_has_folder(&supervisor->pools, name);
}

void deaths_sweep(struct supervisor *supervisor, int64_t now_ns)
{
	size_t soon = 0, later = 0;
	int r;

	supervisor->sweep_ns = 0;
	if (!supervisor->tree.on)
		return;
	r = cgroup_folder_sweep(supervisor->tree.job, folder_is_ours,
				supervisor, &soon, &later);
	if (r < 0)
		log_warning("leftover cgroups stay, retrying error=\"%s\"",
			    strerror(-r));
	if (soon)
		supervisor->sweep_ns = now_ns + SWEEP_SOON_NS;
	else if (later || r < 0)
		supervisor->sweep_ns = now_ns + SWEEP_LATER_NS;
}

void deaths_end_worker(struct supervisor *supervisor,
		       const struct pool_worker *worker)
{
	int r;

	if (!worker->pid)
		return;
	/* The worker first: nobody is left to start another process there. */
	r = reap_signal(worker->pid, SIGKILL);
	if (r < 0 && r != -ESRCH)
		log_error("cannot end a worker, continuing pid=%d error=\"%s\"",
			  (int)worker->pid, strerror(-r));
	if (!supervisor->tree.on || !worker->folder[0])
		return;
	r = cgroup_folder_kill(supervisor->tree.job, worker->folder);
	if (r < 0 && r != -ENOENT)
		log_error("cannot end a job, continuing folder=%s "
			  "error=\"%s\"",
			  worker->folder, strerror(-r));
}
