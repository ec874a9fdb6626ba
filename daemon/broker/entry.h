#pragma once

/*
 * Entry: from a Spec on the wire to an entry of the gathering batch. Everything
 * that can be refused without the store is refused here.
 */

#include "daemon/broker/batch.h"
#include "proto/spec.h"

struct call;
struct json_out;
struct retry_rule;

/* Why a job was not taken. */
struct entry_fault {
	const char *error;	   /* full name of the error */
	struct schema_fault where; /* path and message */
	struct slice handler;	   /* of NoSuchHandler */
	bool callback;		   /* it is that of a callback */
};

enum {
	ENTRY_E_REFUSED = 1, /* @ret_fault says why */
};

/**
 * entry_add() - check a Spec and add it to the batch that gathers
 * @object:	checked JSON
 * @defaults:	of SubmitMany; NULL: none
 * @path:	for faults: "job", "jobs[3]"
 * @unit:	number of an all-or-none call; 0: none
 *
 * Return: 0, ENTRY_E_REFUSED, or -ENOMEM; then the batch is as it was.
 */
must_check int entry_add(struct call *call, struct slice object,
			 const struct spec *defaults, const char *path,
			 uint32_t unit, struct entry_fault *ret_fault);

/**
 * entry_make() - a checked spec as an entry, all of it in the batch's arena
 * @path:	for faults
 * @ret_lane:	where it waits; the batch names it
 *
 * Return: as entry_add(). The entry is nowhere in the batch yet.
 */
must_check int entry_make(struct call *call, const struct spec *spec,
			  const char *path, struct store_entry *ret,
			  struct lane **ret_lane,
			  struct entry_fault *ret_fault);

/**
 * entry_served() - does somebody serve its handler, and take its arguments?
 * @callback:	it is one, and gets what it follows among its arguments
 *
 * Return: 0, ENTRY_E_REFUSED, or -ENOMEM.
 */
must_check int entry_served(struct call *call, const struct spec *spec,
			    bool callback, const char *path,
			    struct entry_fault *ret_fault);

/** entry_rule() - a rule as it is stored, with all its defaults; or -ENOMEM */
must_check int entry_rule(struct arena *arena, const struct retry_rule *rule,
			  struct json_out *scratch, struct slice *ret);

/** entry_check() - the same without adding, for dry_run */
must_check int entry_check(struct call *call, struct slice object,
			   const struct spec *defaults, const char *path,
			   struct spec *ret, struct entry_fault *ret_fault);
