#pragma once

/*
 * Filter: the program of a `lines` pool, a child of the worker in a session of
 * its own. A line goes in, a line comes out; what the lines mean is not known
 * here.
 *
 *	DOWN --start--> UP --stop--> STOPPING --it ended--> CLEARING
 *	UP --it ended--> CLEARING --nothing of it is left--> DOWN
 *
 * It never blocks: the loop calls when children changed, when pipes are ready,
 * or when filter_due_ns() has come.
 */

#include "daemon/worker/leaf.h"
#include "daemon/worker/run_command.h"
#include "proto/json_out.h"

enum filter_state {
	FILTER_DOWN,
	FILTER_UP,
	FILTER_STOPPING,
	FILTER_CLEARING,
};

struct filter {
	enum filter_state state;
	char **argv; /* owned; argv[-1] is a free slot */
	const char **paths;
	struct place *place;
	struct arena arena; /* of the paths */
	struct run run;
	struct leaf leaf;
	int null_fd, error_fd, progress_fd;

	int32_t pid; /* 0: none, or reaped */
	struct run_end end;
	int64_t started_ns, kill_ns, round_ns, clear_ns;
	bool killed, none_left;
	bool unclean;		 /* what is left of it could not be ended */
	int input_fd, output_fd; /* our ends; -1: closed */
	int unread_fd; /* the other end of input: to see what is not read */

	struct json_out input; /* the line that goes in, with its newline */
	size_t input_sent;
	bool ever_read; /* it has read something of an earlier line */
	char *output;	/* owned; what came out */
	size_t output_bytes, output_capacity;
	bool output_ended;
};

enum {
	FILTER_E_FAULT = 1, /* it cannot be started: the fault says why */
	FILTER_E_LONG,	    /* more came than may come */
};

/**
 * filter_init() - DOWN
 * @run:	program and arguments, NULL behind; the caller's
 * @slot_fd:	cgroup folder, owned from now on; -1: none
 * @null_fd:	/dev/null, stays the caller's
 * @progress_fd: becomes its descriptor 3; the caller's
 *
 * Return: 0 or negative errno.
 */
must_check int filter_init(struct filter *filter, char **run, int slot_fd,
			   int null_fd, int progress_fd, int64_t nofile);

/** filter_fini() - let it end by itself for a moment, then end all of it */
void filter_fini(struct filter *filter);

/** filter_start() - needs DOWN; 0, FILTER_E_FAULT, or negative errno */
must_check int filter_start(struct filter *filter, int64_t now_ns,
			    struct command_fault *ret_fault);

/** filter_send() - a line, checked JSON; needs UP; 0 or -ENOMEM */
must_check int filter_send(struct filter *filter, struct slice json);

/** filter_flush() - write what fits */
void filter_flush(struct filter *filter);

/** filter_wants_write() - is there more of the line? */
bool filter_wants_write(const struct filter *filter);

/** filter_receive() - read what came, at most @max_bytes of it; 0,
 * FILTER_E_LONG, or -ENOMEM */
must_check int filter_receive(struct filter *filter, size_t max_bytes);

/**
 * filter_line() - the line that came, without its newline
 * @ret:	until the next call
 * @ret_more:	something came behind it
 *
 * Return: false when there is no whole line.
 */
bool filter_line(const struct filter *filter, struct slice *ret,
		 bool *ret_more);

/** filter_forget() - what came and what went in: the next job begins */
void filter_forget(struct filter *filter);

/** filter_has_read() - has it read anything of the line that went in? */
bool filter_has_read(const struct filter *filter);

/** filter_stop() - TERM, and KILL when the grace is over; sooner, if again */
void filter_stop(struct filter *filter, int64_t grace_ns, int64_t now_ns);

/** filter_children() - SIGCHLD came */
void filter_children(struct filter *filter, int64_t now_ns);

/** filter_due_ns() - when filter_tick() wants to be called */
int64_t filter_due_ns(const struct filter *filter);
/** filter_tick() - rounds of killing */
void filter_tick(struct filter *filter, int64_t now_ns);

/** filter_cpu_us() - what it has used so far; 0 when it is gone */
int64_t filter_cpu_us(const struct filter *filter);
