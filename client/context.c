#include "client/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* Given by the daemon to a job; another job's must not inherit them. */
static const char *const job_variables[] = {
	"REEVE_JOB",   "REEVE_ATTEMPT",	    "REEVE_TOKEN",
	"REEVE_GROUP", "REEVE_PROGRESS_FD",
};

/* umask() can only be read by setting it, which other threads would see. */
int context_umask(void)
{
	char text[4096];
	const char *at;
	unsigned int value;
	ssize_t n;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	at = strstr(text, "\nUmask:");
	if (!at || sscanf(at, "\nUmask: %o", &value) != 1)
		return -1;
	return (int)(value & 07777);
}

static struct slice variable_name(const char *variable)
{
	const char *equals = strchr(variable, '=');

	return (struct slice){variable,
			      equals ? (size_t)(equals - variable) : 0};
}

static bool is_named(const char *const *list, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_equal(variable_name(list[i]), name))
			return true;
	}
	return false;
}

static bool is_job_variable(struct slice name)
{
	for (size_t i = 0; i < ARRAY_COUNT(job_variables); i++) {
		if (slice_is(name, job_variables[i]))
			return true;
	}
	return false;
}

static void write_variable(struct json_out *out, const char *variable)
{
	struct slice name = variable_name(variable);

	json_out_key_slice(out, name);
	json_out_string(out, slice_of(variable + name.n + 1));
}

static size_t list_count(const char *const *list)
{
	size_t count = 0;

	while (list && list[count])
		count++;
	return count;
}

/* Is the i-th of the caller's variables one that the job is to have? */
static bool is_wanted(const struct reeve_spec *spec, size_t own_count, size_t i)
{
	const char *const *inherited = (const char *const *)environ;
	struct slice name = variable_name(inherited[i]);

	return name.n > 0 && !is_job_variable(name) &&
	       !is_named(spec->env, own_count, name) &&
	       !is_named(inherited, i, name);
}

const char *context_left_out(const struct reeve_spec *spec, size_t *at)
{
	size_t own_count = list_count(spec->env);
	size_t i;

	if (spec->environment != REEVE_ENV_CAPTURED)
		return NULL;
	while (environ && environ[*at]) {
		i = (*at)++;
		if (!json_utf8(slice_of(environ[i])) &&
		    is_wanted(spec, own_count, i))
			return environ[i];
	}
	return NULL;
}

/* The caller's own first; a name counts once, the first time, as getenv(). */
static int write_env(struct json_out *out, const struct reeve_spec *spec,
		     struct spec_fault *fault)
{
	const char *const *inherited = (const char *const *)environ;
	size_t own_count = list_count(spec->env);
	size_t count = list_count(inherited);

	if (spec->environment != REEVE_ENV_CAPTURED)
		count = 0;
	json_out_key(out, "env");
	json_out_object(out);
	for (size_t i = 0; i < own_count; i++) {
		struct slice name = variable_name(spec->env[i]);

		*fault = (struct spec_fault){"env", spec->env[i]};
		if (name.n == 0)
			return SPEC_E_TAG;
		if (!json_utf8(slice_of(spec->env[i])))
			return SPEC_E_UTF8;
		/* Of one given twice the last counts, as with env(1). */
		if (!is_named(spec->env + i + 1, own_count - i - 1, name))
			write_variable(out, spec->env[i]);
	}
	for (size_t i = 0; i < count; i++) {
		if (is_wanted(spec, own_count, i) &&
		    json_utf8(slice_of(inherited[i])))
			write_variable(out, inherited[i]);
	}
	json_out_object_end(out);
	return 0;
}

static int write_umask(struct json_out *out, const struct reeve_spec *spec,
		       struct spec_fault *fault)
{
	int mask = -1;

	if (spec->umask) {
		char *end;
		long value = strtol(spec->umask, &end, 8);

		*fault = (struct spec_fault){"umask", spec->umask};
		if (!spec->umask[0] || *end || value < 0 || value > 0777)
			return SPEC_E_NUMBER;
		mask = (int)value;
	} else if (spec->environment != REEVE_ENV_LISTED) {
		mask = context_umask();
	}
	if (mask >= 0)
		json_out_member_int(out, "umask", mask);
	return 0;
}

static int write_limits(struct json_out *out, const char *const *limits,
			struct spec_fault *fault)
{
	if (!limits || !limits[0])
		return 0;
	json_out_key(out, "limits");
	json_out_object(out);
	for (; *limits; limits++) {
		struct slice name = variable_name(*limits);
		const char *text = *limits + name.n + 1;
		long long value;
		char *end;

		*fault = (struct spec_fault){"limits", *limits};
		if (name.n == 0)
			return SPEC_E_TAG;
		if (!json_utf8(name))
			return SPEC_E_UTF8;
		errno = 0;
		value = strtoll(text, &end, 10);
		if (end == text || *end || errno != 0 || value < -1)
			return SPEC_E_NUMBER;
		/* Of one given twice the last counts. */
		if (!is_named(limits + 1, list_count(limits + 1), name)) {
			json_out_key_slice(out, name);
			json_out_int(out, value);
		}
	}
	json_out_object_end(out);
	return 0;
}

int context_write(struct json_out *out, const struct reeve_spec *spec,
		  struct spec_fault *ret_fault)
{
	char here[PATH_MAX];
	const char *cwd = spec->cwd;
	bool given = spec->descriptors && spec->descriptors->cwd_fd >= 0;
	int result;

	/* Never run somewhere else instead: think of rm -rf ./build. */
	if (!cwd && !given)
		cwd = getcwd(here, sizeof(here));
	if (!cwd && !given) {
		*ret_fault = (struct spec_fault){"cwd", NULL};
		return SPEC_E_FOLDER;
	}
	if (cwd && !json_utf8(slice_of(cwd))) {
		*ret_fault = (struct spec_fault){"cwd", spec->cwd};
		return SPEC_E_UTF8;
	}

	json_out_key(out, "context");
	json_out_object(out);
	if (cwd)
		json_out_member_text(out, "cwd", cwd);
	result = write_env(out, spec, ret_fault);
	if (result != 0)
		return result;
	json_out_member_text(out, "env_mode",
			     spec->environment == REEVE_ENV_CLEAN ? "clean"
								  : "captured");
	if (spec->nice != 0)
		json_out_member_int(out, "nice", spec->nice);
	result = write_umask(out, spec, ret_fault);
	if (result == 0)
		result = write_limits(out, spec->limits, ret_fault);
	json_out_object_end(out);
	return result;
}
