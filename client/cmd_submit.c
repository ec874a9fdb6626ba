/* reeve submit: put a command into the queue. */

#include "client/command.h"
#include "client/existing.h"
#include "client/finish.h"
#include "client/interrupt.h"
#include "client/job.h"
#include "client/job_args.h"
#include "client/request_args.h"
#include "client/say.h"
#include "client/served.h"
#include "client/slow.h"
#include "client/stuck.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdio_ext.h>

struct submit_options {
	struct job_args job;
	struct request_args request;
	bool wait;
};

#define SUBMIT_AT(member) offsetof(struct submit_options, member)

static const struct arg_flag flags[] = {
	{"wait", 'w', ARG_ON, SUBMIT_AT(wait), NULL,
	 "wait for its end; exit with its code", 0, NULL},
	{"http", 0, ARG_TEXT_MORE, SUBMIT_AT(request.method), "METHOD",
	 "send a request; the URL follows", 0, NULL},
	{"header", 0, ARG_LIST, SUBMIT_AT(request.headers), "'NAME: VALUE'",
	 "with --http: a header of it; repeatable", 0, NULL},
	{"body", 0, ARG_TEXT, SUBMIT_AT(request.body), "TEXT|@FILE",
	 "with --http: what is sent; @- is stdin", 0, NULL},
	{"secret", 0, ARG_TEXT, SUBMIT_AT(request.secret), "NAME",
	 "with --http: sign it with this secret of the configuration", 0, NULL},
};

static int wait_for(struct tool *tool, int64_t id, bool existing)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;

	stuck_tell(tool, &id, 1);
	reeve_set_interrupt(tool->r, interrupt_catch());
	if (reeve_wait(tool->r, id, -1, &job) == 0)
		return finish_job(tool, job, existing);
	if (reeve_error(tool->r)->code != REEVE_E_INTERRUPTED)
		return say_error(tool);
	return existing_left(tool, id);
}

/* Who does not hear of it submits it again. */
static int print_id(struct tool *tool, int64_t id, bool waits, bool existing)
{
	int error;

	if (!tool->json)
		printf("%" PRId64 "\n", id);
	else if (!waits)
		printf("{\"v\":1,\"id\":%" PRId64 "%s}\n", id,
		       existing ? ",\"existing\":true" : "");
	if (fflush(stdout) == 0)
		return 0;
	error = errno;
	/* It is said here, and main() has nothing left to say. */
	__fpurge(stdout);
	clearerr(stdout);
	say_note(tool,
		 "job %" PRId64 " was submitted, but stdout cannot be written: "
		 "%s",
		 id, strerror(error));
	return tool->speaks_for_job ? EXIT_INTERNAL : EXIT_FAILED;
}

/* A handler that is not there may be one of its callbacks'. */
static int refused(struct tool *tool, const struct reeve_spec *spec)
{
	if (spec->on_success || spec->on_failure || spec->on_done)
		return say_error(tool);
	return served_fail(tool, spec->handler);
}

/* Nothing is promised before its end: so there is one to wait for. */
static int apply(struct tool *tool, const struct reeve_spec *spec)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;

	if (reeve_apply(tool->r, spec, -1, &job) != 0)
		return refused(tool, spec);
	if (!tool->json)
		printf("%" PRId64 "\n", job->id);
	return finish_job(tool, job, false);
}

static int submit(struct tool *tool, struct submit_options *options, int argc,
		  char **argv)
{
	struct reeve_spec spec;
	bool existing;
	int64_t id;
	int result = request_args_read(tool, &options->request, &options->job,
				       argc, argv);

	/* A URL is no command. */
	if (options->request.method)
		argv[argc = 0] = NULL;
	if (result == 0)
		result = job_args_spec(tool, &options->job, argc, argv, &spec);
	if (result == 0 && spec.durability == REEVE_RESULT && !options->wait)
		result = say_usage(
			tool, "Add --wait, or use --durability memory",
			"--durability result promises nothing before "
			"the end, and nobody waits for it");
	if (result == 0)
		result = tool_connect(tool);
	if (result != 0)
		return result;
	if (spec.durability == REEVE_RESULT)
		return apply(tool, &spec);
	slow_begin(tool, spec.queue);
	result = reeve_submit(tool->r, &spec, &id);
	slow_end();
	if (result != 0)
		return refused(tool, &spec);
	existing = reeve_submit_existed(tool->r);
	result = print_id(tool, id, options->wait, existing);
	if (existing)
		existing_tell(tool, &spec, id, false);
	if (options->wait) {
		int end = wait_for(tool, id, existing);

		return end ? end : result;
	}
	if (result != 0)
		return result;
	say_hint(tool,
		 "how it goes: reeve show %" PRId64
		 "   its output: reeve logs -f %" PRId64,
		 id, id);
	return 0;
}

static int run(struct tool *tool, void *options, int argc, char **argv)
{
	struct submit_options *submit_options = options;
	int result;

	tool->speaks_for_job = submit_options->wait;
	result = submit(tool, submit_options, argc, argv);
	job_args_fini(&submit_options->job);
	request_args_fini(&submit_options->request);
	return result;
}

const struct command command_submit = {
	.name = "submit",
	.alias = "add",
	.group = "Work",
	.synopsis = "[FLAG]... [--] COMMAND [ARGUMENT]...",
	.summary = "Put a command into the queue; prints its id.",
	.text = "  reeve submit make -j8\n"
		"  reeve submit --handler thumb --args path=a.png\n"
		"  reeve submit -q mail --timeout 10m -- ./send.sh list.txt\n"
		"  reeve submit --on-failure './alert.sh me' ./backup.sh\n"
		"  reeve submit --http POST https://example.org/hook --body "
		"hi\n"
		"  reeve submit --in 2h --sh 'sort big.txt | uniq -c "
		">counts'\n",
	COMMAND_FLAGS(flags),
	.job_flags = true,
	.stop_early = true,
	.options_bytes = sizeof(struct submit_options),
	.run = run,
};
