#pragma once

/*
 * Defaults as text: how the supervisor, which reads the configuration, tells
 * the broker of them (CHANNEL_DEFAULTS). A JSON list of objects, the first for
 * all queues that have none of their own.
 */

#include "daemon/config/defaults.h"
#include "proto/json_out.h"

/** defaults_text_write() - the list, in its order */
void defaults_text_write(struct json_out *out,
			 const struct defaults_config *defaults);

enum {
	DEFAULTS_TEXT_E_FORM = 1, /* not what defaults_text_write() writes */
};

/**
 * defaults_text_read() - what defaults_text_write() wrote
 * @text:	checked JSON
 * @ret:	its list is the caller's: free()
 *
 * Return: 0, DEFAULTS_TEXT_E_FORM, or -ENOMEM.
 */
must_check int defaults_text_read(struct slice text,
				  struct defaults_config *ret);
