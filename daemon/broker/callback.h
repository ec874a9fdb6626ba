#pragma once

/*
 * Callbacks: from the lists of a Spec, a group or a queue to the text that is
 * stored with it, and from an end and such a text to the jobs that follow.
 *
 * The text: {"uid":0,"gid":0,"on_success":[Spec,...],...}, the Specs as they
 * came; whose they are is left out where it is the job's owner.
 */

#include "daemon/store/follow.h"
#include "proto/callback.h"
#include "proto/json_out.h"

struct batch;
struct broker;
struct call;
struct entry_fault;

/* What a callback may read of a result; more is left out of its input. */
#define CALLBACK_RECORD_BYTES (256 * 1024)

/**
 * callback_check() - is each of them a callback that somebody serves?
 * @path:	put before the field's name in a fault
 *
 * Return: 0, ENTRY_E_REFUSED, or -ENOMEM.
 */
must_check int callback_check(struct call *call,
			      const struct callbacks *callbacks,
			      const char *path, struct entry_fault *ret_fault);

/**
 * callback_text() - as it is stored; n 0 when there are none
 * @call:	whose they are; NULL: those of a job, which are its owner's
 *
 * Return: 0 or -ENOMEM.
 */
must_check int callback_text(struct json_out *scratch,
			     const struct callbacks *callbacks,
			     const struct call *call, struct arena *arena,
			     struct slice *ret);

/** callback_lists() - of a stored text, in place; n 0: of none */
struct callbacks callback_lists(struct slice text);
/** callback_write() - the lists of a stored text as members of an object */
void callback_write(struct json_out *out, struct slice text);

/**
 * callback_follow() - make jobs of an end: batch.follow
 *
 * Knows nothing but its argument: it runs on the writer's thread.
 *
 * Return: 0 or -ENOMEM.
 */
must_check int callback_follow(struct store_follow *follow);

/**
 * callback_rules() - callbacks of every job that is not one itself
 * @text:	{"on_success":[Spec,...],...}, of the configuration; n 0: none.
 *		They are the daemon's own user's
 *
 * Return: 0; SCHEMA_E_*: then the old ones stay; or -ENOMEM.
 */
must_check int callback_rules(struct broker *broker, struct slice text,
			      struct schema_fault *ret_fault);

/** callback_batch() - give a batch that leaves what its ends are followed by */
must_check int callback_batch(const struct broker *broker, struct batch *batch);
