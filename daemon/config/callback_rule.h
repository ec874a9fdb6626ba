#pragma once

/*
 * Callback rule: one item of `callbacks`, or of `queues.NAME.on_failure` and
 * its kin, from what a file says to the Spec of a job:
 *
 *	{on: [failed], exec: [./alert.sh, me], queue: mail, timeout: 10s}
 *	{on: [done], call: notify, args: {to: me}}
 *	{on: [succeeded], http: {url: "https://example.org/hook"}}
 */

#include "proto/callback.h"
#include "proto/json_out.h"

struct callback_rule_fault {
	char path[96]; /* in the item: "on[0]"; "": of all of it */
	char message[256];
};

enum {
	CALLBACK_RULE_E_BAD = 1, /* the fault says why */
};

/**
 * callback_rule() - write its Spec, and say when it is due
 * @item:	checked JSON
 * @has_on:	it says `on` itself
 * @here:	what ./ and ../ in front of a command are seen from; absolute
 * @ret_whens:	bits 1 << enum callback_when; 0 without @has_on
 *
 * Return: 0, CALLBACK_RULE_E_BAD, or -ENOMEM.
 */
must_check int callback_rule(struct slice item, bool has_on, const char *here,
			     struct json_out *out, unsigned *ret_whens,
			     struct callback_rule_fault *ret_fault);
