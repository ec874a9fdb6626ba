#pragma once

/* Submit: what the calls that submit share. */

#include "client/spec.h"

#define SUBMIT_KEY_BYTES 64

/*
 * submit_key() - the caller's key, one made in @text, or NULL when there is to
 * be none
 *
 * Only `sync` gets one made: what is promised later may begin before the daemon
 * could look for a key.
 */
must_check int submit_key(struct reeve *r, const struct reeve_spec *spec,
			  const char *given, char text[SUBMIT_KEY_BYTES],
			  const char **ret);

/* submit_spec_fail() - the error of a SPEC_E_* */
int submit_spec_fail(struct reeve *r, int result,
		     const struct spec_fault *fault);

/*
 * submit_params() - the parameters of Submit
 * @ret_keyed:	it has a key: sending it again is harmless
 */
must_check int submit_params(struct reeve *r, const struct reeve_spec *spec,
			     struct slice *ret, bool *ret_keyed);
