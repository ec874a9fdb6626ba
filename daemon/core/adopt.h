#pragma once

/*
 * Adoption: what becomes of an attempt that a new broker finds running. Pure.
 * results/ has been imported before, so an attempt that is still running here
 * left no result behind.
 */

#include "proto/base.h"

enum adopt_verdict {
	ADOPT_HOST_LOST,   /* another boot: machine and worker are gone */
	ADOPT_WORKER_LOST, /* its worker is gone, and it had started */
	ADOPT_PUT_BACK,	   /* it certainly never started */
	ADOPT_WAIT,	   /* the worker lives: it will dial in and tell */
	ADOPT_KEEP,	   /* the worker dialled in and holds it */
};

struct adopt_facts {
	bool same_boot;	   /* the worker row's boot id is this one */
	bool worker_alive; /* pid with that start time exists */
	bool dialled_in;   /* and has told what it holds */
	bool holds;	   /* this attempt is among it */
	bool first; /* oldest token of its worker: the one that had started */
};

/** adopt_decide() - what becomes of an attempt that was found running */
enum adopt_verdict adopt_decide(const struct adopt_facts *facts);
