#include "client/complete.h"

#include "client/command.h"
#include "client/field.h"
#include "client/job.h"
#include "client/job_args.h"
#include "client/selector.h"
#include "client/table.h"
#include "client/topics.h"
#include "client/words.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define COMPLETE_JOBS 100  /* that are offered */
#define COMPLETE_SECONDS 1 /* then it ends, whoever does not answer */
#define COMPLETE_TABLES 3
#define COMPLETE_TITLE 60 /* bytes of what a job runs */

struct line {
	struct tool *tool;
	const struct command *command; /* NULL: not named yet */
	const char *word;	       /* to be completed; never NULL */
	const char *flag;  /* name of the flag that it is the value of */
	int given;	   /* words of the command before it */
	const char *first; /* of them; NULL: none */
	bool ended;	   /* behind -- */
	bool more;	   /* flags may follow the first word, too */
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool ends(const char *text, const char *with)
{
	size_t n = strlen(text), m = strlen(with);

	return n >= m && strcmp(text + n - m, with) == 0;
}

static void offer(const struct line *line, const char *word, const char *what)
{
	if (begins(word, line->word))
		printf("%s\t%s\n", word, what);
}

/* ---- What stands before the word ---- */

static size_t tables_of(const struct command *command,
			struct arg_table ret[COMPLETE_TABLES])
{
	size_t n = 0;

	ret[n++] = common_args_table;
	if (command)
		ret[n++] = (struct arg_table){command->flags,
					      command->flag_count};
	if (command && command->job_flags)
		ret[n++] = job_args_table;
	if (command && command->list_flags)
		ret[n++] = table_args_table;
	return n;
}

/* @n: bytes of a long name; 1 with @letter */
static const struct arg_flag *find_flag(const struct command *command,
					const char *name, size_t n, bool letter)
{
	struct arg_table tables[COMPLETE_TABLES];
	size_t count = tables_of(command, tables);

	for (size_t t = 0; t < count; t++) {
		for (size_t i = 0; i < tables[t].count; i++) {
			const struct arg_flag *flag = &tables[t].flags[i];

			if (letter ? flag->letter == name[0]
				   : slice_is((struct slice){name, n},
					      flag->name))
				return flag;
		}
	}
	return NULL;
}

/* A word that begins with "-": does the next one belong to it? */
static const struct arg_flag *flag_of(const struct line *line, const char *word)
{
	const struct arg_flag *flag;

	if (begins(word, "--"))
		flag = strchr(word, '=') ? NULL
					 : find_flag(line->command, word + 2,
						     strlen(word + 2), false);
	else
		flag = word[2] ? NULL
			       : find_flag(line->command, word + 1, 1, true);
	return flag && flag->kind != ARG_ON ? flag : NULL;
}

/* Do somebody else's words follow? */
static bool is_foreign(const struct line *line)
{
	return line->command && line->command->stop_early && !line->more &&
	       line->given > line->command->handler_first;
}

/* Takes the words before the last apart. */
static void read_before(struct line *line, int argc, char **argv)
{
	for (int i = 0; i + 1 < argc; i++) {
		const struct arg_flag *flag;

		line->flag = NULL;
		if (line->ended || is_foreign(line)) {
			line->given++;
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			line->ended = true;
		} else if (argv[i][0] == '-' && argv[i][1]) {
			flag = flag_of(line, argv[i]);
			line->flag = flag ? flag->name : NULL;
			line->more |= flag && flag->kind == ARG_TEXT_MORE;
			if (!flag || i + 2 >= argc)
				continue;
			line->flag = NULL;
			if (strcmp(flag->name, "socket") == 0)
				line->tool->socket = argv[i + 1];
			i++;
		} else if (!line->command) {
			line->command = command_find(argv[i]);
			if (!line->command)
				line->ended = true; /* nobody knows it */
		} else {
			if (line->given++ == 0)
				line->first = argv[i];
		}
	}
}

/* ---- What the daemon knows ---- */

bool complete_reach(struct tool *tool)
{
	if (tool->r)
		return true;
	tool->r = reeve_new();
	if (!tool->r)
		return false;
	reeve_set_patience(tool->r, 0);
	if (tool_reach(tool) == 0)
		return true;
	reeve_free(TAKE(tool->r));
	return false;
}

/* The member @name of all that a method lists. */
static void offer_names(const struct line *line, const char *method,
			const char *member, const char *name, const char *what)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice item;
	const char *reply;

	if (!complete_reach(line->tool) ||
	    reeve_call(line->tool->r, method, NULL, &reply) != 0)
		return;
	iter = json_enter(field_list(slice_of(reply), member));
	while (json_item(&iter, &item)) {
		const char *word = field_text(&arena, item, name);

		if (strcmp(word, "exec") != 0)
			offer(line, word, what);
	}
	arena_fini(&arena);
}

static void offer_pools(const struct line *line)
{
	offer_names(line, "org.reeve.admin.Pools", "pools", "name", "pool");
}

static void offer_handlers(const struct line *line)
{
	offer_names(line, "org.reeve.admin.Handlers", "handlers", "name",
		    "handler");
}

/* Handlers of jobs that wait, each once. */
static void offer_waited_for(const struct line *line)
{
	static const char params[] = "{\"filter\":{\"states\":[\"ready\"]},"
				     "\"limit\":100}";
	const char *names[COMPLETE_JOBS];
	struct arena arena = {0};
	struct json_iter iter;
	struct slice job;
	const char *reply;
	size_t count = 0, i;

	if (!complete_reach(line->tool) ||
	    reeve_call(line->tool->r, "org.reeve.jobs.List", params, &reply) !=
		    0)
		return;
	iter = json_enter(field_list(slice_of(reply), "jobs"));
	while (count < COMPLETE_JOBS && json_item(&iter, &job)) {
		const char *name = field_text(&arena, job, "handler");

		for (i = 0; i < count && strcmp(names[i], name) != 0; i++)
			;
		if (i < count || strcmp(name, "exec") == 0)
			continue;
		names[count++] = name;
		offer(line, name, "jobs of it wait");
	}
	arena_fini(&arena);
}

/* POOL/SLOT of each that can be replaced. */
static void offer_workers(const struct line *line)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice worker;
	const char *reply;
	char place[300];

	if (!complete_reach(line->tool) ||
	    reeve_call(line->tool->r, "org.reeve.admin.Workers", NULL,
		       &reply) != 0)
		return;
	iter = json_enter(field_list(slice_of(reply), "workers"));
	while (json_item(&iter, &worker)) {
		const char *pool = field_text(&arena, worker, "pool");

		snprintf(place, sizeof(place), "%s/%" PRId64, pool,
			 field_int(worker, "slot"));
		if (strcmp(pool, "exec") != 0)
			offer(line, place, field_text(&arena, worker, "state"));
	}
	arena_fini(&arena);
}

static void offer_queues(const struct line *line, const char *before)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice queue;
	const char *reply;
	char word[512];

	if (!complete_reach(line->tool) ||
	    reeve_call(line->tool->r, "org.reeve.queues.List", NULL, &reply) !=
		    0)
		return;
	iter = json_enter(field_list(slice_of(reply), "queues"));
	while (json_item(&iter, &queue)) {
		snprintf(word, sizeof(word), "%s%s", before,
			 field_text(&arena, queue, "name"));
		offer(line, word, "queue");
	}
	arena_fini(&arena);
}

/* With digits typed: those that begin so, however old they are. */
static int add_ids(struct tool *tool, struct selector *selector,
		   const char *word)
{
	int64_t id, width = 1;
	int result = 0;

	if (!args_int(word, &id) || id <= 0 || strlen(word) > 12)
		return 0;
	for (int digits = 0; digits < 4; digits++, id *= 10, width *= 10) {
		for (int64_t i = 0; result == 0 && i < width; i++)
			result = selector_add_id(tool, selector, id + i);
	}
	return result;
}

static void offer_job(const struct line *line, struct slice item)
{
	AUTO(reeve_job_free) struct reeve_job *job = NULL;
	char word[32], what[COMPLETE_TITLE + 32];

	if (job_decode(item, &job) != 0)
		return;
	snprintf(word, sizeof(word), "%" PRId64, job->id);
	snprintf(what, sizeof(what), "%s: %.*s", words_state(job->state),
		 COMPLETE_TITLE, words_title(job));
	for (char *at = what; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = ' ';
	}
	offer(line, word, what);
}

static void offer_ids(const struct line *line)
{
	struct selector selector = {.states = line->command->states};
	struct json_out out = {0};
	struct json_iter iter;
	struct slice item;
	const char *reply;

	if (!complete_reach(line->tool) ||
	    add_ids(line->tool, &selector, line->word) != 0)
		return;
	json_out_object(&out);
	json_out_key(&out, "filter");
	selector_write(&selector, &out, 0);
	json_out_member_int(&out, "limit", COMPLETE_JOBS);
	json_out_member_bool(&out, "newest_first", true);
	json_out_member_bool(&out, "with_spec", true);
	json_out_object_end(&out);
	json_out_byte(&out, '\0');
	if (json_out_ok(&out) &&
	    reeve_call(line->tool->r, "org.reeve.jobs.List", out.p, &reply) ==
		    0) {
		iter = json_enter(field_list(slice_of(reply), "jobs"));
		while (json_item(&iter, &item))
			offer_job(line, item);
	}
	json_out_fini(&out);
	selector_fini(&selector);
}

/* ---- Candidates ---- */

static void offer_flags(const struct line *line)
{
	struct arg_table tables[COMPLETE_TABLES];
	size_t count = tables_of(line->command, tables);
	char word[64];

	while (count-- > 0) {
		for (size_t i = 0; i < tables[count].count; i++) {
			snprintf(word, sizeof(word), "--%s",
				 tables[count].flags[i].name);
			offer(line, word, tables[count].flags[i].help);
		}
	}
}

static void offer_commands(const struct line *line)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)); i++) {
		if (!command->group)
			continue;
		offer(line, command->name, command->summary);
		if (command->alias && line->word[0])
			offer(line, command->alias, command->summary);
	}
}

/* Words joined by @mark, up to a blank. */
static void offer_list(const struct line *line, const char *words, char mark,
		       const char *what)
{
	const char ends[] = {mark, ' ', '\0'};
	char word[64];

	while (*words && *words != ' ') {
		size_t n = strcspn(words, ends);

		snprintf(word, sizeof(word), "%.*s", (int)n, words);
		offer(line, word, what);
		words += n + (words[n] == mark);
	}
}

static void offer_filters(const struct line *line)
{
	static const char *const words[] = {
		"last",	    "all",     "waiting",  "unfinished", "ended",
		"queue=",   "name=",   "state=",   "group=",	 "key=",
		"cause=",   "exit=",   "user=",	   "tag:",	 "newer=",
		"older=",   "longer=", "command=", "not:",	 "handler=",
		"follows=",
	};

	if (begins(line->word, "queue=")) {
		offer_queues(line, "queue=");
		return;
	}
	if (begins(line->word, "not:queue=")) {
		offer_queues(line, "not:queue=");
		return;
	}
	if (complete_value(line->tool, line->word))
		return;
	for (int i = 0; i <= REEVE_CANCELLED; i++)
		offer(line, reeve_state_name((enum reeve_state)i), "state");
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		offer(line, words[i], "filter");
}

/* What a flag takes; those that are not here take text. */
static void offer_value(const struct line *line)
{
	static const struct {
		const char *flag, *words;
	} known[] = {
		{"output", "table,wide,json,ndjson,tsv,csv,ids"},
		{"color", "always,never,auto"},
		{"on-conflict", "return,replace,reject"},
		{"durability", "sync,memory,result"},
		{"overflow", "reject,block"},
		{"http", "GET,POST,PUT,PATCH,DELETE,HEAD"},
		{"exit", "none"},
		{"kind", "submitted,started,finished,failed,retrying,"
			 "cancelled,removed,progress,queue_paused,"
			 "queue_resumed,queue_empty,worker_up,worker_down,"
			 "lost"},
		{"retry-on", "exit,signal,timeout,memory,handler,exec"},
		{"limit", "nofile=,as=,cpu=,core=,data=,fsize=,memlock=,"
			  "nproc=,stack="},
	};
	static const char *const files[] = {
		"cwd", "stdin-file", "lines", "socket", "config", "args-file"};
	const struct arg_flag *flag = find_flag(line->command, line->flag,
						strlen(line->flag), false);

	if (strcmp(line->flag, "queue") == 0 ||
	    strcmp(line->flag, "callback-queue") == 0)
		offer_queues(line, "");
	if (strcmp(line->flag, "handler") == 0 || ends(line->flag, "-call"))
		offer_handlers(line);
	/* The first word of it; a path as it stands. */
	if (flag && flag->kind == ARG_LIST && begins(line->flag, "on-") &&
	    !ends(line->flag, "-call") && !ends(line->flag, "-url"))
		printf(":command\n");
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		if (strcmp(line->flag, files[i]) == 0)
			printf(":file\n");
	}
	if (line->command == &command_ls &&
	    (strcmp(line->flag, "columns") == 0 ||
	     strcmp(line->flag, "sort") == 0))
		complete_columns(line->word, line->flag);
	/* --limit is a number of rows in a listing. */
	if (!flag || flag->kind == ARG_INT)
		return;
	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		if (strcmp(line->flag, known[i].flag) == 0)
			offer_list(line, known[i].words, ',', flag->help);
	}
}

static void offer_help(const struct line *line)
{
	const struct topic *topic;

	offer_commands(line);
	for (size_t i = 0; (topic = topic_at(i)); i++)
		offer(line, topic->name, topic->summary);
}

/* Words of a command: its synopsis says of what kind they are. */
static void offer_words(const struct line *line)
{
	const char *synopsis = line->command->synopsis;
	bool verbs = synopsis[0] >= 'a' && synopsis[0] <= 'z';

	if (verbs && line->given == 0) {
		offer_list(line, synopsis, '|', line->command->summary);
		return;
	}
	if (line->more)
		return; /* a URL */
	if (line->command->handler_first) {
		if (line->given == 0)
			offer_waited_for(line);
		else
			printf(line->given == 1 ? ":command\n" : ":file\n");
	} else if (strstr(synopsis, "HANDLER")) {
		if (line->given == 0)
			offer_handlers(line);
	} else if (strstr(synopsis, "[POOL")) {
		if (line->given == 1 && strcmp(line->first, "ls") != 0)
			offer_pools(line);
	} else if (strstr(synopsis, "[WORKER")) {
		if (strcmp(line->first, "restart") == 0)
			offer_workers(line);
	} else if (strstr(synopsis, "TOPIC")) {
		offer_help(line);
	} else if (strstr(synopsis, "[--] COMMAND")) {
		printf(line->given == 0 ? ":command\n" : ":file\n");
	} else if (strstr(synopsis, "JOB")) {
		offer_ids(line);
		if (strstr(synopsis, "FILTER"))
			offer_filters(line);
	} else if (strstr(synopsis, "FILTER")) {
		offer_filters(line);
		if (line->word[0])
			offer_ids(line);
	} else if (strstr(synopsis, "QUEUE") &&
		   strcmp(line->first ? line->first : "", "ls") != 0) {
		offer_queues(line, "");
	} else if (strstr(synopsis, "FILE")) {
		printf(":file\n");
	}
}

void complete_print(struct tool *tool, int argc, char **argv)
{
	struct line line = {.tool = tool};
	const char *equals;

	alarm(COMPLETE_SECONDS);
	if (argc == 0)
		return;
	line.word = argv[argc - 1];
	read_before(&line, argc, argv);
	equals = strchr(line.word, '=');
	if (line.flag) {
		offer_value(&line);
	} else if (line.ended && !line.command) {
		return;
	} else if (line.word[0] == '-' && !line.ended && !is_foreign(&line)) {
		if (!equals)
			offer_flags(&line);
	} else if (!line.command) {
		offer_commands(&line);
	} else {
		offer_words(&line);
	}
	fflush(stdout);
}
