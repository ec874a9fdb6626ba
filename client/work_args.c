#include "client/work_args.h"

#include "client/say.h"

#include <stdio.h>

#define WORK_GRACE_MS 10000 /* as a job's own */
#define WORK_LEASE_MS 60000 /* the daemon's own */
#define WORK_LEASE_LEAST_MS 1000

const struct arg_flag work_flags[WORK_FLAGS] = {
	{"jobs", 'j', ARG_INT, offsetof(struct work_options, jobs), "N",
	 "so many at a time (1)", 1, NULL},
	{"queue", 'q', ARG_LIST, offsetof(struct work_options, queues), "NAME",
	 "only jobs of this queue; may be given again", 0, NULL},
	{"max-jobs", 0, ARG_INT, offsetof(struct work_options, max_jobs), "N",
	 "end after N jobs", 1, NULL},
	{"once", 0, ARG_ON, offsetof(struct work_options, once), NULL,
	 "one job, whose code is the exit code", 0, NULL},
	{"lease", 0, ARG_DURATION, offsetof(struct work_options, lease_ms),
	 "TIME", "a job comes back so long after we were killed (1m)", 1, NULL},
	{"grace", 0, ARG_DURATION, offsetof(struct work_options, grace_ms),
	 "TIME", "between TERM and KILL (10s)", 1, NULL},
	{"text", 0, ARG_ON, offsetof(struct work_options, text), NULL,
	 "the output is text, even where it looks like JSON", 0, NULL},
	{"verbose", 'v', ARG_ON, offsetof(struct work_options, verbose), NULL,
	 "say on stderr what begins and ends", 0, NULL},
};

const struct arg_table work_args_table = {work_flags, WORK_FLAGS};

int work_args_handlers(const struct tool *tool, const char *list,
		       char **ret_names, const char *ret[WORK_HANDLERS_MAX + 1])
{
	size_t count = 0;
	char *at;

	*ret_names = strdup(list);
	if (!*ret_names)
		return say_memory(tool);
	for (at = *ret_names; at;) {
		char *name = at, *comma = strchr(at, ',');

		if (comma)
			*comma = '\0';
		at = comma ? comma + 1 : NULL;
		if (!*name || count == WORK_HANDLERS_MAX)
			return say_usage(tool,
					 "Like: reeve work thumb,scale -- "
					 "./pictures",
					 "'%s' is not a list of 1 to %d "
					 "handlers with commas between",
					 list, WORK_HANDLERS_MAX);
		if (strcmp(name, "exec") == 0)
			return say_usage(tool, "Name a handler of your own",
					 "exec runs commands, and its jobs are "
					 "the daemon's own workers'");
		ret[count++] = name;
	}
	ret[count] = NULL;
	return 0;
}

int work_args_check(struct work_options *options, struct tool *tool)
{
	if (options->jobs > WORK_JOBS_MAX)
		return say_usage(tool, "Start several",
				 "--jobs takes %d at most", WORK_JOBS_MAX);
	if (options->once && (options->max_jobs > 1 || options->jobs > 1))
		return say_usage(tool, "Leave them out",
				 "--once is one job: it takes neither "
				 "--max-jobs nor --jobs");
	if (options->lease_ms && options->lease_ms < WORK_LEASE_LEAST_MS)
		return say_usage(tool, "Like: --lease 30s",
				 "--lease takes a second at least");
	options->jobs = options->jobs ? options->jobs : 1;
	options->max_jobs = options->once ? 1 : options->max_jobs;
	options->lease_ms = options->lease_ms ? options->lease_ms
					      : WORK_LEASE_MS;
	options->grace_ms = options->grace_ms ? options->grace_ms
					      : WORK_GRACE_MS;
	return 0;
}
