#pragma once

/* Context: where and how a command runs, as this process has it now. */

#include "client/spec.h"

/**
 * context_write() - the member "context": cwd, environment, umask
 *
 * Variables that are not UTF-8 are left out, and so are those that describe the
 * job in which this process may itself be running.
 *
 * Return: 0, SPEC_E_UTF8 (cwd, or a variable of spec->env), SPEC_E_TAG,
 *         SPEC_E_FOLDER.
 */
must_check int context_write(struct json_out *out,
			     const struct reeve_spec *spec,
			     struct spec_fault *ret_fault);

/** context_umask() - of this process, without changing it; -1: unknown */
int context_umask(void);
