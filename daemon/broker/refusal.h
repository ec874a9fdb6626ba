#pragma once

/* Refusal: what the store did not take, as an error of the protocol. */

#include "daemon/store/store.h"

struct broker;
struct call;

struct refusal {
	const char *error; /* full name; NULL: taken, or nothing to say */
	const char *field; /* that is to blame; NULL: none */
	const char *hint;
	char message[160];
};

/* When somebody who found the queue full may try again. */
#define REFUSAL_RETRY_AFTER_MS 1000

/**
 * refusal_of() - an entry that is through
 * @queue:	where it was to wait
 */
struct refusal refusal_of(const struct broker *broker,
			  const struct store_entry *entry, struct slice queue);

/** refusal_answer() - the whole call is answered with it */
void refusal_answer(struct call *call, const struct store_entry *entry,
		    struct slice queue);
