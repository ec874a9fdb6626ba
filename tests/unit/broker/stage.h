#pragma once

/*
 * Stage: a whole broker on the fake store, with real sockets, in the test's own
 * process. The test plays the clients, the workers and the supervisor. Whoever
 * waits runs the broker's loop, so nothing sleeps; what never comes fails the
 * test after some seconds.
 */

#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"
#include "tests/fake/fake_store.h"
#include "tests/helper/t.h"

#define STAGE_SUBMIT                                                           \
	"{\"method\":\"org.reeve.jobs.Submit\","                               \
	"\"parameters\":{\"job\":{\"argv\":[\"true\"]}}}"

struct stage {
	char directory[64];
	struct config config;
	struct broker broker;
	struct store *store; /* both halves */
	int supervisor;	     /* the other end of the channel */
};

/** stage_begin() - state folder, store and channel; the broker sleeps still */
void stage_begin(struct stage *stage);
/** stage_start() - recover, listen, start the threads */
void stage_start(struct stage *stage);
/** stage_open() - both */
void stage_open(struct stage *stage);
/** stage_end() - stop the threads, free all; require() finds what leaked */
void stage_end(struct stage *stage);

/** stage_turn() - whatever can be done now without waiting */
void stage_turn(struct stage *stage);
/** stage_until() - run the loop until it holds, fail if it never does */
void stage_until(struct stage *stage, bool (*holds)(struct stage *));
/** stage_settle() - run until no batch is out and nothing gathers */
void stage_settle(struct stage *stage);

/** stage_connect() - to the socket "clients" or "workers", no more */
int stage_connect(const struct stage *stage, const char *name);

/** stage_settle_writer() - run until no batch is out */
void stage_settle_writer(struct stage *stage);

/** stage_client() - a new connection, blocking as seen from the test */
int stage_client(struct stage *stage);
/** stage_send() - one message and a newline */
void stage_send(int fd, const char *text);
/** stage_read() - the next line, without its end; NULL: closed. A static text */
const char *stage_read(struct stage *stage, int fd);
/** stage_silent() - a turn brings nothing to read */
bool stage_silent(struct stage *stage, int fd);
/** stage_ask() - send and read */
const char *stage_ask(struct stage *stage, int fd, const char *text);
/** stage_call() - the same; the reply has to follow the interface's tables */
const char *stage_call(struct stage *stage, int fd, const char *method,
		       const char *params);
/** stage_checked() - so does this one, which is returned */
const char *stage_checked(const char *method, const char *line);
/** stage_closed() - run until the broker has closed this one */
void stage_closed(struct stage *stage, int fd);

/* The text holds the part, or the test fails with both. */
#define stage_expect(text, part) stage_expect_at((text), (part), __LINE__)
void stage_expect_at(const char *text, const char *part, int line);

/** stage_worker_born() - the supervisor announces worker @id */
void stage_worker_born(struct stage *stage, int64_t id);
/** stage_worker_died() - the supervisor reaped it */
void stage_worker_died(struct stage *stage, int64_t id, int status);
/** stage_announced() - all that live were named */
void stage_announced(struct stage *stage);
/** stage_dial() - connect as worker @id; @holding: a JSON list or NULL */
int stage_dial(struct stage *stage, int64_t id, const char *holding);
/** stage_worker() - born, announced, dialled, greeted */
int stage_worker(struct stage *stage, int64_t id);
/** stage_redial() - the worker lost its connection and comes back */
int stage_redial(struct stage *stage, int fd, int64_t id, const char *holding);
/** stage_own_row() - the stored row of worker @id, which is this process */
void stage_own_row(struct stage *stage, int64_t id);
/** stage_row() - the same for another process */
struct store_worker *stage_row(struct stage *stage, int64_t id, pid_t pid);
/** stage_result_file() - what a worker leaves in results/: exit 0 */
void stage_result_file(const struct stage *stage, int64_t job, int64_t token);
/** stage_has_result_file() - is it still there? */
bool stage_has_result_file(const struct stage *stage, int64_t token);
/** stage_job() - read on until a job comes; its id, token */
int64_t stage_job(struct stage *stage, int fd, int64_t *ret_token);
/** stage_jobs(), stage_groups() - how many there are; the writer may be busy */
unsigned stage_jobs(struct stage *stage);
unsigned stage_groups(struct stage *stage);
/** stage_done() - the worker's answer: exit 0 */
void stage_done(int fd, int64_t job, int64_t token);
/** stage_secret() - of worker @id, as 32 hex digits */
const char *stage_secret(int64_t id);

/** stage_heard() - the next message to the supervisor that is of this kind */
struct channel_message stage_heard(struct stage *stage, enum channel_kind kind);
/** stage_number() - the integer behind "name": in a line; fails without */
int64_t stage_number(const char *line, const char *name);
