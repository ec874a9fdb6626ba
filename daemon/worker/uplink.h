#pragma once

/*
 * Link: the connection to the broker. Dials, and dials again after every
 * disconnect; buffers both ways; cuts lines. What the lines mean is not known
 * here.
 *
 * The listening socket belongs to the supervisor, so a connection can stand
 * without a broker behind it: there is one when it has said hello.
 */

#include "daemon/base/rights.h"
#include "proto/frame.h"
#include "proto/json_out.h"

#define UPLINK_PAUSE_MIN_NS 10000000
#define UPLINK_PAUSE_MAX_NS 200000000

struct uplink {
	const char *path;   /* the caller's */
	int fd;		    /* -1: not connected */
	bool greeted;	    /* the broker has said hello on this connection */
	int64_t since_ns;   /* of the connection */
	int64_t away_ns;    /* without a broker since; 0 while greeted */
	int64_t refused_ns; /* nobody listens since; 0: somebody does */
	int64_t dial_ns;    /* not before */
	int64_t pause_ns;
	struct frame frame;
	char *in; /* received, not consumed */
	size_t in_bytes, in_start, in_capacity;
	struct rights_room room; /* of descriptors that came with jobs */
	struct rights *rights;	 /* whose line is not read yet */
	struct parcel *parcel;	 /* of the line that was read last, or NULL */
	struct json_out out;
	size_t out_sent; /* of `out` */
};

enum {
	UPLINK_E_AWAY = 1, /* not connected */
	UPLINK_E_END,	   /* the broker closed it, or it broke */
	UPLINK_E_MORE,	   /* no whole line yet */
	UPLINK_E_BAD,	   /* the lines are not ours */
};

/** uplink_init() - not connected, dials at once */
void uplink_init(struct uplink *link, const char *path, int64_t now_ns);
/** uplink_fini() - close, free the buffers */
void uplink_fini(struct uplink *link);

/**
 * uplink_dial() - connect if it is time to
 *
 * Return: true when a connection was made by this very call: say `ready`.
 */
bool uplink_dial(struct uplink *link, int64_t now_ns);

/** uplink_due_ns() - when uplink_dial() wants to be called; INT64_MAX: never */
int64_t uplink_due_ns(const struct uplink *link);

/** uplink_greeted() - hello has come */
void uplink_greet(struct uplink *link);

/** uplink_close() - and dial again, later and later if it goes on like this */
void uplink_close(struct uplink *link, int64_t now_ns);

/** uplink_receive() - read what is there; 0, UPLINK_E_END, or -ENOMEM */
must_check int uplink_receive(struct uplink *link);

/**
 * uplink_line() - the next line
 * @ret:	until the next call on the link, as is link->parcel, which came
 *		with it: whoever needs that one takes it away
 *
 * Return: 0, UPLINK_E_MORE, or UPLINK_E_BAD.
 */
must_check int uplink_line(struct uplink *link, struct slice *ret);

/** uplink_flush() - write what fits; 0, UPLINK_E_AWAY, UPLINK_E_END, -ENOMEM */
must_check int uplink_flush(struct uplink *link);

/** uplink_pending() - is there something that was not written yet? */
bool uplink_pending(const struct uplink *link);
