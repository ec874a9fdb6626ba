#include "client/habit.h"

#include "proto/base.h"

struct habit {
	const char *word, *hint;
};

/* clang-format off */
static const struct habit commands[] = {
	{"enqueue", "Like: reeve release 3 (reeve help habits)"},
	{"start", "A held job: reeve release 3; a queue: reeve queue resume QUEUE; "
		  "the daemon: reeve daemon start"},
	{"stop", "A job: reeve cancel 3; a queue: reeve queue pause QUEUE; the "
		 "daemon: reeve daemon stop"},
	{"restart", "Like: reeve retry 3 (reeve help habits)"},
	{"requeue", "Like: reeve retry 3 (reeve help habits)"},
	{"rerun", "Like: reeve retry 3 (reeve help habits)"},
	{"kick", "Like: reeve retry failed (reeve help habits)"},
	{"clean", "Like: reeve rm ended (reeve help habits)"},
	{"clear", "Like: reeve rm ended (reeve help habits)"},
	{"remove", "Like: reeve rm 3; one that waits: reeve cancel 3"},
	{"delete", "Like: reeve rm 3; one that waits: reeve cancel 3"},
	{"del", "Like: reeve rm 3; one that waits: reeve cancel 3"},
	{"stash", "Like: reeve hold 3, or: reeve submit --hold COMMAND"},
	{"list", "Like: reeve ls (reeve help habits)"},
	{"squeue", "Like: reeve ls (reeve help habits)"},
	{"jobs", "Like: reeve ls (reeve help habits)"},
	{"pause", "A queue: reeve queue pause QUEUE; waiting jobs: reeve hold 3"},
	{"resume", "A queue: reeve queue resume QUEUE; held jobs: reeve release 3"},
	{"tail", "Like: reeve logs -f --tail 10 3"},
	{"log", "Like: reeve logs 3"},
	{"cat", "Like: reeve logs 3"},
	{"output", "Like: reeve logs 3"},
	{"info", "Like: reeve show 3"},
	{"inspect", "Like: reeve show 3"},
	{"sbatch", "Like: reeve submit ./job.sh (reeve help habits)"},
	{"srun", "Like: reeve run ./job.sh (reeve help habits)"},
	{"scancel", "Like: reeve cancel 3 (reeve help habits)"},
	{"parallel", "Like: reeve map gzip ::: *.log (reeve help habits)"},
	{"xargs", "Like: reeve map gzip (reeve help habits)"},
	{"exec", "Like: reeve run COMMAND, or: reeve submit COMMAND"},
	{"group", "Like: reeve queue ls, or: reeve ls group=last"},
	{"groups", "Like: reeve queue ls, or: reeve ls group=last"},
	{"cron", "Like: 0 3 * * * reeve submit ./backup >/dev/null, in crontab(5)"},
};

static const struct habit flags[] = {
	/* parallel, xargs */
	{"halt", "Like: reeve map --max-fail 1"},
	{"joblog", "A line for each end: reeve map --json >LOG; or later: reeve "
		   "ls -a group=last"},
	{"bar", "On a terminal it is shown without a flag"},
	{"tagstring", "Lines that begin with their item: reeve map --prefix"},
	{"V", "Like: reeve --version"},
	{"eta", "On a terminal it is shown without a flag"},
	{"resume-failed", "Like: reeve map --retry-failed last"},
	{"resume", "Like: reeve map --retry-failed last"},
	{"max-procs", "Like: reeve map -j4"},
	{"P", "Like: reeve map -j4"},
	{"max-args", "Each job of reeve map has one item: paste - - joins lines, "
		     "and --colsep takes them apart"},
	{"N", "Each job of reeve map has one item: paste - - joins lines, and "
	      "--colsep takes them apart"},
	{"d", "Columns: --colsep ,; items that end with NUL: -0; others: tr , "
	      "'\\n' | reeve map COMMAND"},
	{"delimiter", "Columns: --colsep ,; items that end with NUL: -0"},
	{"arg-file", "Like: reeve map -a FILE COMMAND"},
	/* ts, pueue, at */
	{"delay", "Start it later: reeve submit --in 1h, or --at 'tomorrow 9:00'"},
	{"stashed", "Like: reeve submit --hold"},
	{"label", "Like: reeve submit -n NAME"},
	{"L", "Like: reeve submit -n NAME"},
	{"group", "A queue: -q QUEUE; jobs of one map: reeve ls group=last"},
	{"g", "A queue: -q QUEUE"},
	{"immediate", "A higher --priority runs first: reeve submit -p 100"},
	/* sbatch */
	{"wrap", "Like: reeve submit --sh 'a | b'"},
	{"job-name", "Like: reeve submit -n NAME"},
	{"J", "Like: reeve submit -n NAME"},
	{"partition", "A queue: -q QUEUE"},
	{"o", "Its output is kept: reeve logs JOB; in a file: --sh 'COMMAND "
	      ">FILE'"},
	{"error", "Its output is kept: reeve logs --stderr JOB"},
	{"mem", "Like: --limit as=2G"},
	{"array", "Like: reeve map COMMAND ::: 1 2 3"},
	{"test-only", "What keeps a job from starting: reeve explain JOB"},
	{"begin", "Like: reeve submit --at 'tomorrow 9:00'"},
	{"after", "Who follows another: reeve submit --on-success COMMAND"},
	{"dependency", "Who follows another: reeve submit --on-success COMMAND"},
	{"requeue", "Like: reeve submit --retry 3"},
	{"retries", "Like: reeve submit --retry 3"},
};
/* clang-format on */

const char *habit_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
		if (strcmp(commands[i].word, name) == 0)
			return commands[i].hint;
	}
	return NULL;
}

const char *habit_flag(const char *name, unsigned long bytes)
{
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		if (slice_is((struct slice){name, bytes}, flags[i].word))
			return flags[i].hint;
	}
	return NULL;
}
