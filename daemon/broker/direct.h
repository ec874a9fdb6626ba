#pragma once

/*
 * Direct: jobs that begin before their commit, because their durability says
 * that nobody is promised anything by then. Their numbers come from a supply
 * that the store has set aside, so no crash gives one to two jobs. Whatever
 * cannot begin at once goes the way of all others, and is `sync`.
 *
 *	result: its record waits, for up to BATCH_PATIENCE_NS, for its end;
 *	        both are one commit, and the caller is told after it
 *	memory: nobody waits for a commit at all
 */

#include "daemon/broker/fleet.h"
#include "proto/spec.h"

struct batch;
struct call;
struct conn;

/* A context by a number of our own: the store numbers it with the commit. */
#define DIRECT_CONTEXTS 8
#define DIRECT_CONTEXT_FIRST (INT64_C(1) << 52)
struct direct_context {
	char *text;
	size_t n;
	int64_t id;
};

struct direct_supply {
	int64_t job, token; /* the next ones */
	uint32_t left;
};

struct direct {
	struct direct_supply now, next;
	uint32_t wanted; /* how many to ask for; 0: nobody ever did */
	bool asked;	 /* a batch that is out brings some */
	uint64_t serial; /* of the last batch with what was told before it */
	struct direct_context contexts[DIRECT_CONTEXTS];
	int64_t context_count;
};

/**
 * direct_start() - let a worker begin the job of an entry, if one can now
 * @spec:	checked
 * @entry:	in the gathering batch, complete; its `begun` is set
 *
 * Return: it runs: answer at once. Else it goes the ordinary way.
 */
bool direct_start(struct call *call, const struct spec *spec, struct lane *lane,
		  struct store_entry *entry);

/** direct_reserve() - the batch leaves: ask for more numbers, if need be */
void direct_reserve(struct broker *broker, struct batch *batch);
/** direct_committed() - take the numbers that it brought */
void direct_committed(struct broker *broker, const struct batch *batch);

/**
 * direct_refused() - what the batch recorded is not on disk
 *
 * Who waits for a `result` is told so; a `memory` job goes on without a record.
 */
void direct_refused(struct broker *broker, const struct batch *batch);

/**
 * direct_ended() - a worker answered: tell the submitter of a `memory` job
 *
 * Return: nobody waits for the commit of this outcome.
 */
bool direct_ended(struct broker *broker, struct worker *worker,
		  const struct store_outcome *outcome);

/**
 * direct_behind() - must a call wait, to see what was answered before it?
 *
 * What it waits for leaves at once then, and conns_resume() comes after it.
 */
bool direct_behind(struct conn *conn);

/** direct_fini() - free the contexts */
void direct_fini(struct direct *direct);
