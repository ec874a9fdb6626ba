#pragma once

/*
 * Broker child: the one broker that lives, what it still has to be told, and
 * whether it still turns.
 *
 *	NONE --start--> STARTING --READY--> SERVING
 *	STARTING, SERVING --no beat, or a stop that takes too long--> KILLED
 *	any --died--> NONE
 */

#include "daemon/base/outbox.h"
#include "daemon/core/backoff.h"
#include "daemon/supervisor/listen.h"
#include "daemon/supervisor/reap.h"

/* It beats once a second: on a busy machine that may be two. Stories need not
 * wait for the whole of it, but a large message takes a slow build that long. */
#if defined(REEVE_TEST_HOOKS) && !defined(__SANITIZE_THREAD__)
#define BROKER_BEAT_NS (4 * INT64_C(1000000000))
#else
#define BROKER_BEAT_NS (10 * INT64_C(1000000000))
#endif
#define BROKER_STARTING_NS (30 * INT64_C(1000000000))
/* As a process that cannot be killed is no reason to be kept alive ourselves */
#define BROKER_KILLED_NS (60 * INT64_C(1000000000))

/* Who ends for it takes no longer. */
#define BROKER_CUT_OFF_NS (10 * INT64_C(1000000000))

enum broker_state {
	BROKER_NONE,
	BROKER_STARTING,
	BROKER_SERVING,
	BROKER_KILLED,
};

struct broker_child {
	enum broker_state state;
	pid_t pid;
	int channel; /* -1 without a broker */
	int64_t born_ns, beat_ns, killed_ns;
	int64_t died_ns; /* the one before it; 0: there was none */
	bool recovering; /* the last beat said `starting` */
	bool was_ready;
	struct backoff backoff;
	struct outbox outbox;
};

/** broker_child_start() - start one; needs BROKER_NONE
 * @flags:	its arguments
 * @program:	for spawn_role()
 */
must_check int broker_child_start(struct broker_child *broker,
				  const struct listen *listen,
				  char *const *flags, const char *program,
				  int64_t now_ns);

/**
 * broker_child_send() - tell it something; never blocks, never loses
 *
 * Without a broker nothing happens: the next one is told everything.
 */
void broker_child_send(struct broker_child *broker,
		       const struct channel_message *message, int64_t now_ns);

/** broker_child_flush() - the channel takes more now */
void broker_child_flush(struct broker_child *broker);

/** broker_child_wants_write() - is something still unsent? */
bool broker_child_wants_write(const struct broker_child *broker);

/** broker_child_heard() - account for READY and BEAT */
void broker_child_heard(struct broker_child *broker,
			const struct channel_message *message, int64_t now_ns);

/** broker_child_deadline_ns() - when its silence becomes too long; 0: never */
int64_t broker_child_deadline_ns(const struct broker_child *broker);

/** broker_child_kill() - SIGKILL; @why is for the log */
void broker_child_kill(struct broker_child *broker, const char *why,
		       int64_t now_ns);

/** broker_child_is_gone() - has it ended, reaped or not? */
bool broker_child_is_gone(const struct broker_child *broker);

/**
 * broker_child_cut_off() - did who ends now lose its connection to it?
 * @born_ns:	of the one that ends
 */
bool broker_child_cut_off(const struct broker_child *broker, int64_t born_ns,
			  int64_t now_ns);

/**
 * broker_child_died() - it was reaped
 *
 * Return: when the next one may start, monotonic.
 */
int64_t broker_child_died(struct broker_child *broker, int status,
			  int64_t now_ns);
