/*
 * reeve progress: a command that runs as a job says how far it is. A line to the
 * descriptor that the job was born with; where that did not come through, a call
 * with the job's token.
 */

#include "client/command.h"
#include "client/say.h"
#include "proto/json_in.h"
#include "proto/json_out.h"
#include "proto/share.h"
#include "proto/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRESS_NOTE_BYTES 256	  /* the daemon keeps no more */
#define PROGRESS_WORDS_BYTES 4096 /* of a command line, to be looked at */
#define PROGRESS_PATIENCE_MS 1000 /* a worker that does not read is busy */

struct progress_options {
	bool note;
};

static const struct arg_flag flags[] = {
	{"note", 0, ARG_ON, offsetof(struct progress_options, note), NULL,
	 "all of it is a note, also when it begins with a number", 0, NULL},
};

struct report {
	bool has_fraction;
	double fraction;
	struct slice note;
};

static void write_members(struct json_out *out, const struct report *report)
{
	if (report->has_fraction) {
		json_out_key(out, "fraction");
		json_out_float(out, report->fraction);
	}
	if (report->note.n)
		json_out_member_string(out, "note", report->note);
}

/* The descriptor of the job's pipe; -1: it is not there, or another file. */
static int job_descriptor(void)
{
	const char *text = getenv("REEVE_PROGRESS_FD");
	struct stat st;
	char *end;
	long fd;

	if (!text || !text[0])
		return -1;
	fd = strtol(text, &end, 10);
	if (*end || fd < 0 || fd > INT32_MAX || fstat((int)fd, &st) < 0 ||
	    !S_ISFIFO(st.st_mode))
		return -1;
	return (int)fd;
}

/*
 * Return: false when it cannot be told so. The pipe is the worker's for as long
 * as it lives, so nobody may change how it blocks: it is asked before. A line is
 * far shorter than what a pipe takes as a whole.
 */
static bool tell_pipe(int fd, const struct report *report)
{
	struct pollfd writable = {.fd = fd, .events = POLLOUT};
	struct json_out out = {0};
	bool told;

	json_out_object(&out);
	write_members(&out, report);
	json_out_object_end(&out);
	json_out_byte(&out, '\n');
	told = json_out_ok(&out) &&
	       poll(&writable, 1, PROGRESS_PATIENCE_MS) == 1 &&
	       (writable.revents & POLLOUT) &&
	       write(fd, out.p, out.n) == (ssize_t)out.n;
	json_out_fini(&out);
	return told;
}

static int64_t number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long long value;

	if (!text || !text[0])
		return 0;
	errno = 0;
	value = strtoll(text, &end, 10);
	return *end || errno || value < 0 ? 0 : value;
}

static int tell_daemon(struct tool *tool, int64_t job, int64_t token,
		       const struct report *report)
{
	struct json_out out = {0};
	const char *reply;
	bool lost = false;
	struct slice value;
	int result = tool_connect_only(tool, NULL);

	if (result != 0)
		return result;
	json_out_object(&out);
	json_out_member_int(&out, "id", job);
	json_out_member_int(&out, "token", token);
	write_members(&out, report);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	if (!json_out_ok(&out))
		return say_memory(tool);
	result = reeve_call(tool->r, "org.reeve.jobs.Progress", out.p, &reply);
	json_out_fini(&out);
	if (result != 0)
		return say_error(tool);
	if (json_find(slice_of(reply), "lost", &value) &&
	    json_bool(value, &lost) == 0 && lost)
		return say_fail(tool, EXIT_MISSING, NULL,
				"this attempt of job %" PRId64
				" is over: nobody is told how far it is",
				job);
	return 0;
}

static int tell(struct tool *tool, const struct report *report)
{
	int64_t job = number_of("REEVE_JOB"), token = number_of("REEVE_TOKEN");
	int fd = job_descriptor();

	signal(SIGPIPE, SIG_IGN);
	if (fd >= 0 && tell_pipe(fd, report))
		return 0;
	if (job && token)
		return tell_daemon(tool, job, token, report);
	return say_fail(
		tool, EXIT_FAILED,
		"Like: reeve run --sh 'reeve progress 30/100 loading'",
		fd >= 0 ? "nobody reads what this job says"
			: "this is not inside a job: there is no "
			  "REEVE_PROGRESS_FD, and no REEVE_JOB with its "
			  "REEVE_TOKEN");
}

/* One text of all words; what nobody would be shown is cut. */
static struct slice join(char words[PROGRESS_WORDS_BYTES], int argc,
			 char **argv)
{
	size_t n = 0;

	for (int i = 0; i < argc && n < PROGRESS_WORDS_BYTES; i++)
		n += (size_t)snprintf(words + n, PROGRESS_WORDS_BYTES - n,
				      "%s%s", i ? " " : "", argv[i]);
	return (struct slice){words, strnlen(words, PROGRESS_WORDS_BYTES)};
}

/* Who says how far it is and is not understood has to hear of it. */
static int refuse(const struct tool *tool, struct slice meant)
{
	bool bare = slice_is(meant, "0") || slice_is(meant, "1");

	return say_usage(
		tool,
		"A note that begins with a number: "
		"reeve progress --note 1 file is left",
		"'%.*s' is %s: give 0%% to 100%%, N/M with N up to M, or "
		"0.0 to 1.0",
		(int)meant.n, meant.p,
		bare ? "a share only when it stands alone"
		     : "no share of a whole");
}

static int run(struct tool *tool, void *given, int argc, char **argv)
{
	const struct progress_options *options = given;
	char words[PROGRESS_WORDS_BYTES] = "";
	struct report report = {0};
	struct slice text, meant;
	int result;

	if (argc == 0)
		return say_usage(tool, "Like: reeve progress 30/100 loading",
				 "how far is it?");
	text = join(words, argc, argv);
	meant = share_meant(text);
	if (options->note)
		report.note = text;
	else
		report.has_fraction = share_read(text, &report.fraction,
						 &report.note);
	if (!options->note && !report.has_fraction && meant.n)
		return refuse(tool, meant);
	report.note.n = utf8_cut(report.note, PROGRESS_NOTE_BYTES);
	result = tell(tool, &report);
	if (result == 0 && tool->json)
		puts("{\"v\":1}");
	return result;
}

const struct command command_progress = {
	.name = "progress",
	.group = "Work",
	.synopsis = "[N/M|P%|0.X] [NOTE]...",
	.summary = "Inside a job: say how far it is.",
	.text = "  reeve progress 30/100 loading\n"
		"  reeve progress 30%\n"
		"  reeve progress 'only a note'\n"
		"  reeve progress --note 1 file is left\n",
	COMMAND_FLAGS(flags),
	.options_bytes = sizeof(struct progress_options),
	.stop_early = true,
	.run = run,
};
