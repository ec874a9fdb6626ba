#pragma once

/*
 * org.varlink.certification: the test that every Varlink implementation knows.
 * A client passes what it got from one method to the next, so both sides' JSON
 * is tried with every type of the language. Only in builds with test hooks.
 *
 * Pure: the server decodes the parameters by the method's table, asks
 * certification_check(), and writes as many replies as it says.
 */

#include "proto/calls.h"
#include "proto/json_out.h"

#define CERTIFICATION_CLIENTS_MAX 16

/* Zeroed at first; when more clients come the oldest is forgotten. */
struct certification {
	struct certification_client {
		int64_t id;    /* 0: free */
		unsigned next; /* index of the method that must come */
	} clients[CERTIFICATION_CLIENTS_MAX];
	int64_t last_id;
};

/* Parameters of all methods; each decodes its own. */
struct call_certification {
	uint64_t has;
	struct slice client_id;
	bool boolean;
	int64_t integer;
	double number;
	struct slice string;
	struct slice structure, map, set, mytype, last_more_replies;
};

enum {
	CERTIFICATION_E_CLIENT = 1, /* answer ClientIdError */
	CERTIFICATION_E_WRONG,	    /* answer CertificationError */
};

/**
 * certification_check() - did the client call the right thing the right way?
 * @method:	of calls_certification
 * @params:	decoded by its table
 * @ret_replies: how many to write, all but the last with `continues`
 *
 * Return: 0, CERTIFICATION_E_CLIENT or CERTIFICATION_E_WRONG.
 */
must_check int certification_check(struct certification *certification,
				   const struct schema_method *method,
				   const struct call_certification *params,
				   bool more, bool oneway,
				   unsigned *ret_replies);

/**
 * certification_write() - the members of a reply, without its braces
 * @index:	0 for the first reply
 */
void certification_write(const struct certification *certification,
			 const struct schema_method *method, unsigned index,
			 struct json_out *out);

/** certification_write_wrong() - the members of CertificationError */
void certification_write_wrong(const struct schema_method *method,
			       struct json_out *out);
