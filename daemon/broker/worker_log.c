#include "daemon/broker/worker_log.h"

#include "daemon/base/log.h"
#include "proto/arena.h"
#include "proto/json_in.h"

#define TEXT_BYTES 1024

static enum log_level level_of(struct arena *arena, struct slice line)
{
	struct slice value, word;

	if (!json_find(line, "level", &value) ||
	    json_string(arena, value, &word))
		return LOG_INFO;
	if (slice_is(word, "error"))
		return LOG_ERROR;
	if (slice_is(word, "warning"))
		return LOG_WARNING;
	return slice_is(word, "debug") ? LOG_DEBUG : LOG_INFO;
}

void worker_log_tick(struct worker *worker, int64_t now_ns)
{
	uint64_t dropped = bucket_dropped(&worker->log, now_ns);

	if (dropped)
		log_warning("worker says too much, lines are left out "
			    "count=%llu pool=%s worker=%lld",
			    (unsigned long long)dropped, worker->pool_name,
			    (long long)worker->id);
}

void worker_log_say(struct worker *worker, struct slice line,
		    struct slice value, int most, int64_t now_ns)
{
	struct arena arena = {0};
	enum log_level level = level_of(&arena, line);
	struct slice text, job;
	int64_t id = 0;

	worker_log_tick(worker, now_ns);
	/* What nobody reads keeps nothing else away. */
	if ((int)level > most || !bucket_take(&worker->log, now_ns)) {
		arena_fini(&arena);
		return;
	}
	if (json_find(line, "job", &job) && json_int(job, &id))
		id = 0;
	if (json_string(&arena, value, &text) == 0)
		log_line(level, "%.*s pool=%s worker=%lld job=%lld",
			 text.n < TEXT_BYTES ? (int)text.n : TEXT_BYTES, text.p,
			 worker->pool_name, (long long)worker->id,
			 (long long)id);
	arena_fini(&arena);
}
