#pragma once

/*
 * Subscribe: who is told of events, and how far each one is.
 *
 * Who has all that was committed so far gets what a batch commits from memory,
 * as one text that all share. Who has not (he began in the past, did not read,
 * or a batch had too many) reads the history by the reader's thread, page by
 * page, as fast as he takes it. What waits for one subscriber stays small: who
 * is far behind, having been up to date before, is told which numbers he lost.
 * Without subscribers nothing of this costs anything.
 */

#include <sys/queue.h>

#include "daemon/broker/event_json.h"

struct batch;
struct broker;
struct call;
struct subscription;

struct subscribe {
	TAILQ_HEAD(subscriptions, subscription) list;
	size_t count;
	int64_t head;	      /* the number that the next event gets */
	struct json_out text; /* of the batch that is told, scratch */
	size_t *ends;	      /* of each event in it */
	bool *was_live;	      /* by changed lane of that batch */
};

/* How it begins: `since` if has_since, else `since_ms` if not negative. */
struct subscribe_wish {
	struct event_filter filter; /* of the call's arena */
	bool has_since;
	int64_t since, since_ms;
};

/** subscribe_init() - nobody listens; head is set when the store is read */
void subscribe_init(struct subscribe *subscribe);
/** subscribe_fini() - all calls are gone */
void subscribe_fini(struct subscribe *subscribe);

/**
 * subscribe_start() - answer this call, or all along with `more`
 *
 * Return: 0; SUBSCRIBE_E_TOO_MANY or -ENOMEM: the call is not answered.
 */
enum { SUBSCRIBE_E_TOO_MANY = 1 };
must_check int subscribe_start(struct call *call,
			       const struct subscribe_wish *wish);

/** subscribe_before() - a batch is committed, and the lanes not yet updated */
void subscribe_before(struct broker *broker, struct batch *batch);
/** subscribe_committed() - tell of what it committed */
void subscribe_committed(struct broker *broker, const struct batch *batch);

/**
 * subscribe_tell() - an event without a number happened
 *
 * Told to those who are up to date; kept for nobody.
 */
void subscribe_tell(struct broker *broker, const struct told_event *event);

/** subscribe_heard() - would anybody hear it? Else it need not be made */
bool subscribe_heard(const struct broker *broker, enum event_kind kind);
