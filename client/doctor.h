#pragma once

/* Doctor: findings about this machine, the daemon and what is between them. */

#include "client/effective.h"
#include "client/render.h"
#include "client/tool.h"

#define DOCTOR_TEXT_BYTES 320

enum doctor_grade { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	struct tool *tool;
	bool running;		/* a daemon answers */
	int pid;		/* of it; 0: unknown */
	struct effective would; /* what a daemon that starts now would do */
	bool told;		/* it is known */
	char state_dir[256];	/* where the jobs are, or would be */
	char socket[108];
	int64_t skew_ms; /* the daemon's clock less this one */
	bool cgroups;	 /* it has them, if it is running */
	char no_cgroups[DOCTOR_TEXT_BYTES]; /* why not */
	/* What was found. */
	int failures, warnings;
	bool any; /* a finding was printed */
};

/** doctor_find() - one finding
 * @fix:	what to do; NULL: nothing */
void doctor_find(struct doctor *doctor, enum doctor_grade grade,
		 const char *name, const char *fix, const char *format, ...)
	printf_like(5, 6);

/* Each finds at least one thing. In this order: the later ones use what the
 * first ones learned. */

/** doctor_config() - would a daemon take it? */
void doctor_config(struct doctor *doctor);
/** doctor_socket() - where it is, whose, and who may use it */
void doctor_socket(struct doctor *doctor);
/** doctor_daemon() - does one answer, of which version, with which pools that
 * cannot begin */
void doctor_daemon(struct doctor *doctor);
/** doctor_state() - the folder of the jobs: rights, kind of disk, room, lock */
void doctor_state(struct doctor *doctor);
/** doctor_leftover() - what earlier daemons left behind */
void doctor_leftover(struct doctor *doctor);
/** doctor_kernel() - what the daemon needs of the kernel */
void doctor_kernel(struct doctor *doctor);
/** doctor_cgroups() - may the daemon have cgroups of its own? */
void doctor_cgroups(struct doctor *doctor);
/** doctor_limits() - resource limits that the daemon would inherit */
void doctor_limits(struct doctor *doctor);
/** doctor_clock() - is it set, and the daemon's the same? */
void doctor_clock(struct doctor *doctor);
