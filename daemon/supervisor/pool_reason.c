#include "daemon/supervisor/pool_reason.h"

#include "daemon/supervisor/spawn.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

void pool_explain(struct pool *pool, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(pool->reason, sizeof(pool->reason), fmt, args);
	va_end(args);
}

void pool_quote(struct pool *pool, const char *said)
{
	size_t n = strlen(pool->reason);

	if (said && said[0])
		snprintf(pool->reason + n, sizeof(pool->reason) - n, ": %s",
			 said);
}

/* Who never became the program says why, in words that need no others. */
static const char *not_started(const struct pool *pool, int number,
			       const char *said)
{
	bool is = number == SPAWN_EXIT_NO_PROGRAM || number == SPAWN_EXIT_UNFIT;

	if (pool->config.kind == POOL_LINES)
		is = number == POOL_EXIT_BIRTH;
	return is && said ? strstr(said, "cannot start '") : NULL;
}

void pool_explain_end(struct pool *pool, const char *what, int status,
		      const char *when, const char *said)
{
	int number = WEXITSTATUS(status);
	const char *start = not_started(pool, number, said);

	if (WIFSIGNALED(status))
		pool_explain(pool, "%s was ended by signal %d%s", what,
			     WTERMSIG(status), when);
	else if (start)
		pool_explain(pool, "%s", start);
	else if (pool->config.kind == POOL_LINES && number == POOL_EXIT_BIRTH)
		pool_explain(pool, "the filter ended before it read anything");
	else if (pool->config.kind == POOL_HTTP && number == POOL_EXIT_BIRTH)
		pool_explain(pool, "libcurl cannot be used, its log line says "
				   "why");
	else
		pool_explain(pool, "%s exited with status %d%s", what, number,
			     when);
	if (!start)
		pool_quote(pool, said);
}
