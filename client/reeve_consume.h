#pragma once

/*
 * libreeve, for consumers: jobs of handlers that no pool of the daemon serves,
 * reserved by a program of yours, and settled by it.
 *
 *	const char *handlers[] = {"thumb", NULL};
 *	struct reeve_reserve reserve = {.handlers = handlers};
 *
 *	reeve_consumer_new(r, &reserve, &consumer);
 *	while (reeve_consumer_next(consumer, -1, &lease) == REEVE_OK) {
 *		struct reeve_outcome outcome = {.id = lease->id,
 *						.token = lease->token};
 *
 *		outcome.result = work(lease->args);
 *		reeve_settle(r, &outcome, 1, NULL);
 *		reeve_lease_free(lease);
 *	}
 *
 * A lease is the right to one attempt of a job until its deadline: without
 * reeve_extend() or reeve_settle() before, the job is given to another. Id and
 * token name it on every connection, and after the daemon was replaced.
 */

#include "reeve.h"

#ifdef __cplusplus
extern "C" {
#endif

struct reeve_consumer;

/* What is wanted. Copied. */
struct reeve_reserve {
	const char *const *handlers; /* 1 .. 64, ends with NULL */
	const char *const *queues;   /* ends with NULL; NULL: any */
	int64_t lease_ms;	     /* 0: the daemon's, a minute */
	size_t most;		     /* in one answer; 0: one */
};

/* Strings are never NULL. */
struct reeve_lease {
	int64_t id, token, attempt, group; /* group 0: none */
	int64_t deadline_ms;		   /* UTC, by the daemon's clock */
	int64_t timeout_ms; /* most of the attempt; 0: not limited */
	int64_t uid;	    /* who submitted it */
	const char *handler, *queue;
	const char *args; /* a JSON object */
	const char *json; /* all of it, one line */
};

/* How an attempt ended: failed if there is a `failure`, else succeeded. */
struct reeve_outcome {
	int64_t id, token;
	const char *result;	  /* any JSON; NULL: null */
	const char *failure;	  /* what happened; NULL: it succeeded */
	const char *failure_type; /* "ValueError"; NULL: none */
	const char *trace;	  /* NULL: none */
	int64_t retry_ms; /* this pause, not the rule's; 0: the rule's */
	bool bury;	  /* like this it is not tried again */
};

struct reeve_held {
	int64_t id, token;
};

/* What a call found of a lease. */
enum reeve_hold {
	REEVE_HOLD_OURS,
	REEVE_HOLD_LOST,      /* over: nothing was done for it */
	REEVE_HOLD_CANCELLED, /* somebody asks for its end: settle it soon */
};

/**
 * reeve_consumer_new() - begin; nothing is asked for yet
 *
 * Return: 0, REEVE_E_INVALID, REEVE_E_MEMORY.
 */
REEVE_API REEVE_CHECK int
reeve_consumer_new(struct reeve *r, const struct reeve_reserve *reserve,
		   struct reeve_consumer **ret);

/**
 * reeve_consumer_next() - the next lease
 * @timeout_ms:	-1: no limit; 0: only what is there already, but what is
 *		wanted is asked for
 * @ret:	to be freed by reeve_lease_free()
 *
 * It has a connection of its own, so every other call can be made meanwhile. A
 * lost connection is opened again.
 *
 * Return: 0; REEVE_E_TIMEOUT; REEVE_E_END after reeve_consumer_stop();
 * REEVE_E_REFUSED (a pool serves the handler, too many leases), or of the
 * connection.
 */
REEVE_API REEVE_CHECK int reeve_consumer_next(struct reeve_consumer *consumer,
					      int64_t timeout_ms,
					      struct reeve_lease **ret);

/** reeve_consumer_fd() - as reeve_stream_fd(); changes with every call. -1:
 * call reeve_consumer_next() again, in 20 ms after REEVE_E_TIMEOUT */
REEVE_API int reeve_consumer_fd(const struct reeve_consumer *consumer);

/**
 * reeve_consumer_stop() - nothing more
 *
 * What was on its way, or in hand and not given out, is put back. Leases that
 * were given out stay.
 *
 * Return: 0, or of the connection: what was not put back is lent until its
 * deadline.
 */
REEVE_API REEVE_CHECK int reeve_consumer_stop(struct reeve_consumer *consumer);

/** reeve_consumer_free() - stops, too; takes NULL */
REEVE_API void reeve_consumer_free(struct reeve_consumer *consumer);
REEVE_API void reeve_lease_free(struct reeve_lease *lease);

/**
 * reeve_settle() - how attempts ended; on disk when it returns
 * @ret_holds:	room for @count, OURS or LOST; may be NULL. When the connection
 *		broke meanwhile LOST may also mean: settled by the first try.
 *
 * Return: 0, REEVE_E_INVALID (a result that is not JSON), or of the
 * connection; it is sent again after a lost one.
 */
REEVE_API REEVE_CHECK int reeve_settle(struct reeve *r,
				       const struct reeve_outcome *outcomes,
				       size_t count,
				       enum reeve_hold *ret_holds);

/** reeve_put_back() - not now, or not here: ready again @delay_ms later, without
 * having cost an attempt. Else as reeve_settle(). */
REEVE_API REEVE_CHECK int reeve_put_back(struct reeve *r,
					 const struct reeve_held *held,
					 size_t count, int64_t delay_ms,
					 enum reeve_hold *ret_holds);

/**
 * reeve_extend() - hold leases for longer, and hear of cancels
 * @lease_ms:	from now on; 0: the daemon's. Those that are cancelled are not
 *		extended.
 * @ret_holds:	room for @count
 */
REEVE_API REEVE_CHECK int reeve_extend(struct reeve *r,
				       const struct reeve_held *held,
				       size_t count, int64_t lease_ms,
				       enum reeve_hold *ret_holds);

/**
 * reeve_tell_progress() - for those who watch the job; does not extend
 * @fraction:	0 to 1; below 0: unchanged
 * @note:	may be NULL: none, and the one before is over
 * @ret_hold:	may be NULL
 */
REEVE_API REEVE_CHECK int reeve_tell_progress(struct reeve *r,
					      const struct reeve_held *held,
					      double fraction, const char *note,
					      enum reeve_hold *ret_hold);

#ifdef __cplusplus
}
#endif
