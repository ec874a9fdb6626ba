#pragma once

/* Context: where and how a command runs, as this process has it now. */

#include "client/spec.h"

/**
 * context_write() - the member "context": cwd, environment, umask, nice, limits
 *
 * Variables that are not UTF-8 are left out, and so are those that describe the
 * job in which this process may itself be running.
 *
 * Return: 0, SPEC_E_UTF8 (cwd, or a variable of spec->env), SPEC_E_TAG,
 *         SPEC_E_FOLDER, SPEC_E_NUMBER (umask, a limit).
 */
must_check int context_write(struct json_out *out,
			     const struct reeve_spec *spec,
			     struct spec_fault *ret_fault);

/** context_umask() - of this process, without changing it; -1: unknown */
int context_umask(void);

/**
 * context_left_out() - the caller's variables that cannot be given to the job
 * @at:	0 at first; moved on
 *
 * Return: the next `NAME=VALUE` that is not UTF-8, of the environment; NULL:
 * there is none left.
 */
const char *context_left_out(const struct reeve_spec *spec, size_t *at);
