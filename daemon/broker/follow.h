#pragma once

/*
 * Follow: who reads the output of a job that still runs. One inotify watch on
 * the folder of output files tells which of them grew; it exists only while
 * somebody follows.
 */

#include <event2/event.h>
#include <sys/queue.h>

#include "proto/base.h"

struct broker;
struct follow;

struct follow {
	TAILQ_ENTRY(follow) link;
	bool linked;
	int64_t job;
	/* Its output file was made or grew. */
	void (*grew)(struct follow *follow);
};

struct follows {
	TAILQ_HEAD(, follow) list;
	int fd; /* inotify; -1: nobody follows */
	struct event *event;
};

/** follows_init() - nobody follows */
void follows_init(struct broker *broker);
/** follows_told() - an attempt of the job is over: who follows it looks */
void follows_told(struct broker *broker, int64_t job);
/** follows_fini() - everybody has left, or is about to */
void follows_fini(struct broker *broker);

/** follows_renew() - the folder is another: look there */
void follows_renew(struct broker *broker);

/** follow_add() - 0 or negative errno */
must_check int follow_add(struct broker *broker, struct follow *follow);
void follow_remove(struct broker *broker, struct follow *follow);
