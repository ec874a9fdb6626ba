#pragma once

/*
 * Lease: the right of somebody outside to work on one attempt until a deadline.
 * Who takes it has no process that could be watched, so a clock has to do.
 * Pure.
 *
 *	FREE --take--> HELD --end, expire--> ENDING --commit--> FREE
 *	                | '--extend--> HELD   |
 *	                '-------refused-------'
 *
 * The token is the fence: each attempt has its own, and whoever says another
 * one has lost the lease, whatever it still does. ENDING: the end is written,
 * or will be; nobody has it any more, unless the store refuses that.
 */

#include "proto/base.h"

#define LEASE_DEFAULT_NS (60 * INT64_C(1000000000))
#define LEASE_LONGEST_NS (12 * 3600 * INT64_C(1000000000))

enum {
	LEASE_E_LOST = 1, /* not held, or not with this token */
};

struct lease {
	int64_t token;	     /* 0: FREE */
	int64_t deadline_ns; /* monotonic */
	int64_t limit_ns; /* the attempt may not go on for longer; 0: it may */
	bool cancelled;	  /* somebody asks for its end: tell it */
	bool ending;
};

/**
 * lease_take() - from now on @token has it; 1 ns to LEASE_LONGEST_NS
 * @limit_ns:	when the attempt's time is over, monotonic; 0: never
 */
void lease_take(struct lease *lease, int64_t token, int64_t now_ns,
		int64_t ttl_ns, int64_t limit_ns);

/**
 * lease_look() - does @token have it?
 *
 * Return: 0, or LEASE_E_LOST: also when the deadline had passed, though nobody
 *         had looked.
 */
must_check int lease_look(const struct lease *lease, int64_t token,
			  int64_t now_ns);

/**
 * lease_extend() - the deadline moves, earlier or later, but not for what was
 * cancelled: that is to end
 *
 * Return: 0, or LEASE_E_LOST as above.
 */
must_check int lease_extend(struct lease *lease, int64_t token, int64_t now_ns,
			    int64_t ttl_ns);

/** lease_end() - its end is told: ENDING if the result is 0, or LEASE_E_LOST as
 * above */
must_check int lease_end(struct lease *lease, int64_t token, int64_t now_ns);

/** lease_expire() - true if this very call found the deadline passed: ENDING */
bool lease_expire(struct lease *lease, int64_t now_ns);

/** lease_timed_out() - was it the limit? Of one that lease_expire() found */
bool lease_timed_out(const struct lease *lease);

/** lease_refused() - the store did not take the end: HELD as before */
void lease_refused(struct lease *lease);

/**
 * lease_adopt() - a broker begins: who has it is not known to be there
 *
 * The deadline was in the memory of the broker before. Nobody's lease may end
 * earlier for that, so it gets a whole one.
 */
void lease_adopt(struct lease *lease, int64_t token, int64_t now_ns,
		 int64_t limit_ns);
