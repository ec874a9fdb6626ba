#include "daemon/worker/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "proto/json_in.h"

static int refuse(struct command_fault *fault, int error, const char *message)
{
	fault->error = error;
	snprintf(fault->message, sizeof(fault->message), "%s", message);
	return COMMAND_E_FAULT;
}

const char **command_paths(struct arena *arena, const char *name,
			   const char *path)
{
	size_t count = 2, n = strlen(name), i = 0;
	const char **paths;

	for (const char *p = path; *p; p++)
		count += *p == ':';
	paths = arena_array(arena, count, sizeof(*paths));
	if (!paths)
		return NULL;
	if (strchr(name, '/')) {
		paths[0] = name;
		return paths;
	}
	for (const char *at = path;;) {
		size_t length = strcspn(at, ":");
		char *entry = arena_alloc(arena, length + n + 3);

		if (!entry)
			return NULL;
		snprintf(entry, length + n + 3, "%.*s/%s",
			 length ? (int)length : 1, length ? at : ".", name);
		paths[i++] = entry;
		if (!at[length])
			return paths;
		at += length + 1;
	}
}

static int read_argv(char **argv, struct arena *arena, struct slice list,
		     struct command_fault *fault)
{
	struct json_iter iter = json_enter(list);
	struct slice item, text;
	size_t i = 0;

	while (json_item(&iter, &item)) {
		int r = json_string(arena, item, &text);

		if (r < 0)
			return r;
		if (r > 0)
			return refuse(fault, EINVAL,
				      "an argument is not a string");
		if (text.n && memchr(text.p, 0, text.n))
			return refuse(fault, EINVAL,
				      "an argument holds a NUL byte");
		r = arena_copy(arena, text, &text);
		if (r)
			return r;
		argv[i++] = (char *)text.p;
	}
	return 0;
}

static int build_argv(struct command *command, struct arena *arena,
		      struct slice argv, struct slice shell,
		      struct command_fault *fault)
{
	/* One slot before it: a script without #! is given to the shell. */
	static char sh[] = "/bin/sh", dash_c[] = "-c";
	size_t count = shell.p ? 3 : json_count(argv);
	struct slice text;
	int r;

	command->argv = arena_array(arena, count + 2, sizeof(char *));
	if (!command->argv)
		return -ENOMEM;
	command->argv++;
	if (!shell.p)
		return read_argv(command->argv, arena, argv, fault);
	r = json_string(arena, shell, &text);
	if (r < 0)
		return r;
	if (r > 0 || (text.n && memchr(text.p, 0, text.n)))
		return refuse(fault, EINVAL, "the shell's text holds a NUL");
	r = arena_copy(arena, text, &text);
	if (r)
		return r;
	command->argv[0] = sh;
	command->argv[1] = dash_c;
	command->argv[2] = (char *)text.p;
	return 0;
}

static int read_input(struct command *command, struct arena *arena,
		      struct slice value, bool base64,
		      struct command_fault *fault)
{
	struct slice text;
	int r = json_string(arena, value, &text);

	if (r == 0 && base64)
		r = json_base64(arena, text, &text);
	if (r < 0)
		return r;
	if (r > 0)
		return refuse(fault, EINVAL, "stdin64 is not base64");
	command->input = text;
	command->has_input = text.n > 0;
	return 0;
}

static int add_variable(struct arena *arena, char **at, const char *name,
			int64_t value)
{
	*at = arena_alloc(arena, 48);
	if (!*at)
		return -ENOMEM;
	snprintf(*at, 48, "%s=%" PRId64, name, value);
	return 0;
}

static int build_env(struct command *command, struct arena *arena,
		     struct order *job, const char *socket)
{
	static char progress[] = "REEVE_PROGRESS_FD=3";
	char **at = job->place->env + job->place->env_count;
	size_t n = strlen(socket) + sizeof("REEVE_SOCKET=");

	if (add_variable(arena, at, "REEVE_JOB", job->id) ||
	    add_variable(arena, at + 1, "REEVE_ATTEMPT", job->attempt) ||
	    add_variable(arena, at + 2, "REEVE_TOKEN", job->token) ||
	    add_variable(arena, at + 3, "REEVE_GROUP", job->group))
		return -ENOMEM;
	at[4] = arena_alloc(arena, n);
	if (!at[4])
		return -ENOMEM;
	snprintf(at[4], n, "REEVE_SOCKET=%s", socket);
	at[5] = progress;
	at[6] = NULL;
	command->envp = job->place->env;
	return 0;
}

/* REEVE_OF_EXIT_CODE=3 from "exit_code":3; NULL: no memory. */
static char *of_variable(struct arena *arena, struct slice key,
			 struct slice value)
{
	size_t n = strlen(COMMAND_OF);
	struct slice text = value;
	char *entry;

	if (json_kind(value) == JSON_STRING && json_string(arena, value, &text))
		return NULL;
	entry = arena_alloc(arena, n + key.n + text.n + 2);
	if (!entry)
		return NULL;
	memcpy(entry, COMMAND_OF, n);
	for (size_t i = 0; i < key.n; i++)
		entry[n++] = (char)(key.p[i] >= 'a' && key.p[i] <= 'z'
					    ? key.p[i] - 'a' + 'A'
					    : key.p[i]);
	entry[n++] = '=';
	if (text.n)
		memcpy(entry + n, text.p, text.n);
	return entry;
}

/* A callback knows whom it follows; its environment is a copy with that. */
static int add_of(struct command *command, struct arena *arena, struct slice of)
{
	struct json_iter iter = json_enter(of);
	struct slice key, value;
	size_t count = 0;
	char **env;

	while (command->envp[count])
		count++;
	env = arena_array(arena, count + json_count(of) + 1, sizeof(*env));
	if (!env)
		return -ENOMEM;
	memcpy(env, command->envp, count * sizeof(*env));
	while (json_member(&iter, &key, &value)) {
		env[count] = of_variable(arena, key, value);
		if (!env[count++])
			return -ENOMEM;
	}
	command->envp = env;
	return 0;
}

/* @value: its number among those that came. */
static int read_given(struct command *command, int which,
		      const struct order *job, struct slice value,
		      struct command_fault *fault)
{
	const struct parcel *parcel = job->parcel;
	int64_t index;

	if (!parcel || parcel->fault || json_int(value, &index) || index < 0 ||
	    (size_t)index >= parcel->count)
		return refuse(fault, EBADF,
			      parcel && parcel->fault == RIGHTS_NO_ROOM
				      ? "the worker has no room for the "
					"descriptors that came with it"
				      : "a descriptor that belongs to it did "
					"not come with it");
	command->given[which] = parcel->fds[index];
	return 0;
}

/* Return: which of the job's descriptors a member is; -1: it is another. */
static int given_of(struct slice key)
{
	static const char *const names[COMMAND_GIVEN] = {
		[GIVEN_STDIN] = "stdin_fd",
		[GIVEN_STDOUT] = "stdout_fd",
		[GIVEN_STDERR] = "stderr_fd",
		[GIVEN_CWD] = "cwd_fd",
	};

	for (int i = 0; i < COMMAND_GIVEN; i++) {
		if (json_key_is(key, names[i]))
			return i;
	}
	return -1;
}

int command_build(struct command *ret, struct arena *arena, struct order *job,
		  const char *socket, struct command_fault *ret_fault)
{
	struct command command = {.place = job->place,
				  .given = {-1, -1, -1, -1}};
	struct slice key, value, argv = {0}, shell = {0}, of = {0};
	struct json_iter iter;
	int r = 0;

	if (job->place->fault[0])
		return refuse(ret_fault, EINVAL, job->place->fault);
	if (!job->spec.n || json_kind(job->spec) != JSON_OBJECT)
		return refuse(ret_fault, EINVAL, "there is no command");
	iter = json_enter(job->spec);
	while (r == 0 && json_member(&iter, &key, &value)) {
		if (json_kind(value) == JSON_NULL)
			continue;
		if (json_key_is(key, "argv"))
			argv = value;
		else if (json_key_is(key, "shell"))
			shell = value;
		else if (json_key_is(key, "stdin"))
			r = read_input(&command, arena, value, false,
				       ret_fault);
		else if (json_key_is(key, "stdin64"))
			r = read_input(&command, arena, value, true, ret_fault);
		else if (json_key_is(key, "of"))
			of = value;
		else if (given_of(key) >= 0)
			r = read_given(&command, given_of(key), job, value,
				       ret_fault);
	}
	if (r)
		return r;
	if (!shell.p &&
	    (!argv.p || json_kind(argv) != JSON_ARRAY || json_count(argv) == 0))
		return refuse(ret_fault, EINVAL, "argv is empty");
	r = build_argv(&command, arena, argv, shell, ret_fault);
	if (r)
		return r;
	if (!command.argv[0][0])
		return refuse(ret_fault, ENOENT, "the program's name is empty");
	command.paths = command_paths(arena, command.argv[0], job->place->path);
	if (!command.paths)
		return -ENOMEM;
	r = build_env(&command, arena, job, socket);
	if (r == 0 && of.p && json_kind(of) == JSON_OBJECT)
		r = add_of(&command, arena, of);
	if (r == 0)
		*ret = command;
	return r;
}
