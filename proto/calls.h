#pragma once

/*
 * The interfaces: their files as text, and the tables of their methods, types
 * and errors. tests/unit/test_idl.c compares text and tables.
 */

#include "proto/schema.h"

struct schema_interface {
	const char *name;		     /* "org.reeve.jobs" */
	const char *text;		     /* its .varlink file */
	const struct schema_method *methods; /* in the file's order */
	size_t method_count;
	const struct schema_type *const *errors; /* fields of each error */
	size_t error_count;
	const struct schema_type *const *types; /* named types */
	size_t type_count;
};

/* The envelope: what a message from a client holds. */
struct call_envelope {
	uint64_t has;
	struct slice method;
	struct slice parameters; /* raw object, or p NULL */
	bool more, oneway, upgrade;
};
extern const struct schema_type call_envelope_type;

/* All that are served, org.varlink.service among them; ends with NULL. */
extern const struct schema_interface *const calls_interfaces[];

enum {
	CALLS_E_NO_INTERFACE = 1, /* nobody serves it: InterfaceNotFound */
	CALLS_E_NO_METHOD, /* the interface has no such one: MethodNotFound */
};

/**
 * calls_find() - the method with this full name, "org.reeve.jobs.Submit"
 *
 * Methods that are not built are found too: look at `built`.
 *
 * Return: 0, CALLS_E_NO_INTERFACE or CALLS_E_NO_METHOD.
 */
must_check int calls_find(struct slice name, const struct schema_method **ret);

/** calls_interface() - by its name; NULL when there is none */
const struct schema_interface *calls_interface(struct slice name);

/** calls_error() - fields of an error by its full name; NULL: unknown */
const struct schema_type *calls_error(struct slice name);

/* Was the field given? CALL_HAS(&wait, WAIT, ids) */
#define CALL_HAS(params, method, field)                                        \
	(((params)->has >> CALL_##method##_##field) & 1)

/* The interface files, embedded by proto/embed.py. */
extern const char idl_org_reeve_jobs[];
extern const char idl_org_reeve_queues[];
extern const char idl_org_reeve_consume[];
extern const char idl_org_reeve_events[];
extern const char idl_org_reeve_admin[];
extern const char idl_org_varlink_service[];
extern const char idl_org_varlink_certification[];

extern const struct schema_interface calls_jobs;
extern const struct schema_interface calls_queues;
extern const struct schema_interface calls_consume;
extern const struct schema_interface calls_events;
extern const struct schema_interface calls_admin;
extern const struct schema_interface calls_service;
extern const struct schema_interface calls_certification;
