/*
 * The command line: the first byte picks a command of `reeve`, the rest are its
 * arguments, NUL between them. Flags, selectors, durations and patterns are
 * parsed as the tool does; nothing is sent.
 */

#include <stdio.h>

#include "client/command.h"
#include "client/duration.h"
#include "client/job_args.h"
#include "client/lists.h"
#include "client/pattern.h"
#include "client/selector.h"
#include "proto/json_in.h"
#include "tests/fuzz/fuzz.h"

#define WORDS_MAX 64

static const struct command *const commands[] = {
	&command_submit, &command_run,	   &command_map,    &command_wait,
	&command_ls,	 &command_show,	   &command_logs,   &command_cancel,
	&command_hold,	 &command_release, &command_pool,   &command_worker,
	&command_status, &command_daemon,  &command_config,
};

/* main.c has the real ones; here every flag is the command's own. */
const struct arg_table common_args_table;

const struct command *command_at(__attribute__((unused)) size_t i)
{
	return NULL;
}

const struct command *command_find(__attribute__((unused)) const char *name)
{
	return NULL;
}

int command_unknown(__attribute__((unused)) const struct tool *tool,
		    __attribute__((unused)) const char *name)
{
	return EXIT_USAGE;
}

/*
 * What is wrong is said, a million times if need be: nobody reads it here.
 * libFuzzer says things of its own there, and has -close_fd_mask=2 for this.
 */
static void be_quiet(void)
{
#ifdef FUZZ_REPLAY
	static bool done;

	if (!done)
		require(freopen("/dev/null", "w", stderr) != NULL);
	done = true;
#endif
}

static int split(char *text, size_t n, char **words)
{
	int count = 0;

	for (size_t at = 0; at < n && count < WORDS_MAX;
	     at += strlen(text + at) + 1)
		words[count++] = text + at;
	words[count] = NULL;
	return count;
}

/* A selector that was taken must make a filter that is JSON. */
static void select_jobs(struct tool *tool, int count, char **words)
{
	struct selector selector = {0};
	struct json_fault fault;
	struct json_out out = {0};
	int r = 0;

	for (int i = 0; r == 0 && i < count; i++) {
		/* "-" would read the fuzzer's own standard input. */
		if (strcmp(words[i], "-") != 0)
			r = selector_add(tool, &selector, words[i]);
	}
	if (r == 0) {
		selector_write(&selector, &out, 1760000000000);
		require(json_check(json_out_slice(&out), &fault) == 0);
	}
	json_out_fini(&out);
	selector_fini(&selector);
}

static void read_words(int count, char **words)
{
	struct pattern pattern;
	struct arena arena = {0};
	struct reeve_spec spec = {0};
	struct pattern_item item = {(const char *const *)words, (size_t)count,
				    7};
	struct lists lists;
	const char *fields[LISTS_MAX];
	int64_t ms;

	for (int i = 0; i < count; i++) {
		if (duration_parse(words[i], &ms))
			require(ms >= 0);
	}
	if (count > 1) {
		pattern_init(&pattern, (const char *const *)words, NULL,
			     LISTS_MAX, NULL);
		require(pattern_fill(&pattern, &arena, &item, &spec) == 0);
	}
	if (count) {
		pattern_init(&pattern, NULL, words[0], LISTS_MAX, NULL);
		require(pattern_fill(&pattern, &arena, &item, &spec) == 0);
	}
	arena_fini(&arena);
	if (count && lists_is_mark(words[0]) &&
	    lists_parse(&lists, words, count) == 0 && lists.total > 0)
		lists_at(&lists, lists.total - 1, fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct command *command;
	struct arg_table tables[2];
	struct arg_bases bases = {.tables = tables};
	struct tool tool = {.quiet = true};
	char *words[WORDS_MAX + 1], *text;
	int count;

	if (!size || size > FUZZ_BYTES_MAX)
		return 0;
	be_quiet();
	command = commands[data[0] % ARRAY_COUNT(commands)];
	tables[0] = (struct arg_table){command->flags, command->flag_count};
	tables[1] = job_args_table;
	bases.table_count = command->job_flags ? 2 : 1;
	bases.options = calloc(1, command->options_bytes + 1);
	bases.common_table = &common_args_table;
	bases.common = &tool;
	text = calloc(1, size);
	require(text && bases.options);
	memcpy(text, data + 1, size - 1);
	count = split(text, size - 1, words);
	if (args_parse(&tool, &bases, command->stop_early, count, words,
		       &count) == 0) {
		require(count >= 0 && count <= WORDS_MAX && !words[count]);
		select_jobs(&tool, count, words);
		read_words(count, words);
	}
	args_free(tables, bases.table_count, bases.options);
	free(bases.options);
	free(text);
	return 0;
}
