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

void pool_explain_end(struct pool *pool, const char *what, int status,
		      const char *when)
{
	int number = WEXITSTATUS(status);

	if (WIFSIGNALED(status))
		pool_explain(pool, "%s was ended by signal %d%s", what,
			     WTERMSIG(status), when);
	else if (pool->config.kind == POOL_WORKER &&
		 (number == SPAWN_EXIT_NO_PROGRAM ||
		  number == SPAWN_EXIT_UNFIT))
		pool_explain(pool, "%s cannot be started: %.60s: %s", what,
			     pool->config.run ? pool->config.run[0] : "",
			     number == SPAWN_EXIT_NO_PROGRAM
				     ? "there is no such program"
				     : "it cannot be executed");
	else if (pool->config.kind == POOL_LINES && number == POOL_EXIT_BIRTH)
		pool_explain(pool, "the filter ended before it read anything");
	else if (pool->config.kind == POOL_HTTP && number == POOL_EXIT_BIRTH)
		pool_explain(pool, "libcurl cannot be used, its log line says "
				   "why");
	else
		pool_explain(pool, "%s exited with status %d%s", what, number,
			     when);
}
