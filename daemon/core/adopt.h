#pragma once

/*
 * Adoption: what becomes of an attempt that a new broker finds running. Pure.
 * results/ has been imported before, so an attempt that is still running here
 * left no result behind. It is asked again, after results/ was looked at again,
 * when a worker dies before it has dialled in.
 *
 * Nobody knows how far a worker came that died while no broker listened: the
 * result of its first attempt may have died with it, and a later one may have
 * been running. So the first is charged, later ones go back uncharged, but a
 * later one that is `once` is lost, unless it certainly had not begun.
 */

#include "proto/base.h"

enum adopt_verdict {
	ADOPT_HOST_LOST,   /* as WORKER_LOST, and the machine with it */
	ADOPT_WORKER_LOST, /* its worker is gone, it is taken as started */
	ADOPT_PUT_BACK,	   /* taken as not started; if once: certainly */
	ADOPT_WAIT,	   /* the worker lives: it will dial in and tell */
	ADOPT_KEEP,	   /* the worker dialled in and holds it */
};

struct adopt_facts {
	bool same_boot;	   /* the worker row's boot id is this one */
	bool worker_alive; /* pid with that start time exists */
	bool dialled_in;   /* and has told what it holds */
	bool holds;	   /* this attempt is among it */
	bool first;	   /* oldest token of its worker without a result;
			      of a concurrent worker each */
	bool once;	   /* the job must never start twice */
	/* The broker heard all that the worker said until it died, and the job
	 * had not begun when it last dialled in. */
	bool unbegun;
};

/** adopt_decide() - what becomes of an attempt that was found running */
enum adopt_verdict adopt_decide(const struct adopt_facts *facts);
