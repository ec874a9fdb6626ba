#pragma once

/*
 * Examiner: reads the whole database once, in the background, when the machine
 * went down under the daemon: what a lost write left behind is to be found now
 * and not by the first who needs that page. A thread of its own, because a
 * table is read in one go, and a handle of its own.
 *
 * The file `unexamined` in the state directory says that it is due, so that a
 * broker that dies meanwhile leaves the duty to the next.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/store/store.h"

struct examiner {
	const char *state_dir; /* borrowed */
	pthread_t thread;
	bool started;
	struct store *store; /* the thread's, but for store_interrupt() */
	atomic_bool done;    /* then the loop may read what follows */
	int result;
	struct store_fault fault;
};

/**
 * examiner_due() - note that the file has to be read
 *
 * Before the rows that told so are forgotten. A note that cannot be written is
 * logged: the examination is then only due to this broker.
 */
void examiner_due(struct examiner *examiner, const char *state_dir);

/**
 * examiner_start() - begin, if it is due by examiner_due() or by the file
 *
 * Does nothing otherwise. Without memory or a thread it stays due: logged, not
 * an error, for nothing else depends on it.
 */
void examiner_start(struct examiner *examiner, const char *state_dir);

/**
 * examiner_look() - has it come to an end? Cheap, for every second
 *
 * Return: 0; STORE_E_CORRUPT or STORE_E_IO, told once, with what was found.
 */
must_check int examiner_look(struct examiner *examiner,
			     struct store_fault *ret_fault);

/** examiner_stop() - interrupt it and wait for the thread; it stays due */
void examiner_stop(struct examiner *examiner);
