#pragma once

/*
 * The world of the simulation: everything that can act, in one struct, so that
 * a run is a function of its seed. See sim.c.
 */

#include "tests/sim/sim_broker.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_worker.h"

/* A rule that a run may break on purpose: the checker has to notice. */
#define SIM_RULES(X)                                                           \
	X(NONE, "none")                                                        \
	X(ACK_BEFORE_COMMIT, "ack-before-commit")                              \
	X(DISPATCH_BEFORE_COMMIT, "dispatch-before-commit")                    \
	X(SETTLE_BEFORE_COMMIT, "settle-before-commit")                        \
	X(CHARGE_ALL, "charge-all")                                            \
	X(HASTY_DEATH, "hasty-death")                                          \
	X(IGNORE_RESULTS, "ignore-results")                                    \
	X(ONCE_PUT_BACK, "once-put-back")                                      \
	X(TRUST_READY, "trust-ready")                                          \
	X(PID_ONLY, "pid-only")                                                \
	X(FORGET_CANCEL, "forget-cancel")                                      \
	X(FORGET_WAITING, "forget-waiting")                                    \
	X(START_EARLY, "start-early")                                          \
	X(LEAK_CREDIT, "leak-credit")                                          \
	X(ONE_LANE, "one-lane")                                                \
	X(FORGET_EXPIRY, "forget-expiry")                                      \
	X(RETRY_ONCE, "retry-once")                                            \
	X(RETRY_UNCOUNTED, "retry-uncounted")                                  \
	X(FORGET_STRAND, "forget-strand")                                      \
	X(GIVE_STRANDED, "give-stranded")                                      \
	X(NEVER_END, "never-end")                                              \
	X(END_EARLY, "end-early")
#define SIM_RULE_ENUM(name, text) SIM_##name,
enum sim_rule { SIM_RULES(SIM_RULE_ENUM) SIM_RULE_COUNT };

/* How often each thing goes wrong, in 10 000 steps; drawn from the seed. */
struct sim_faults {
	uint32_t worker_dies, broker_dies, supervisor_dies, host_dies;
	uint32_t disk_full, link_closed, clock_steps;
};

struct sim_supervisor {
	bool alive;
	uint64_t generation;
	uint32_t slots;	     /* workers that it keeps */
	int64_t start_ns;    /* when it comes back, while it is dead */
	int64_t slot_ns[8];  /* when a worker may be started there */
	int64_t broker_ns;   /* when a broker may be started */
	struct backoff pool; /* of its workers */
	struct backoff broker;
};

struct sim_stats {
	uint64_t submitted, acknowledged, starts, ends[STATE_COUNT];
	uint64_t deaths, broker_deaths, reboots, full, adopted, imported;
	uint64_t charged, put_back, restarts, recalled, batches;
	uint64_t retried, expired, stranded, told, ended;
};

struct sim {
	enum sim_rule broken;
	uint64_t seed, random, step;
	bool trace;
	bool calm; /* nothing goes wrong any more, everything is to end */
	int64_t now_ns, wall_ms;
	uint32_t boot;
	uint32_t credit_limit;
	uint32_t long_jobs; /* how many of 80 run long */
	uint32_t short_us;  /* the others run at most */
	int64_t next_worker;
	struct sim_faults faults;
	struct sim_store store;
	struct sim_broker broker;
	struct sim_supervisor supervisor;
	struct sim_worker workers[SIM_WORKERS];
	struct sim_stats stats;
};

/** sim_below() - a number below @n, from the seed */
uint64_t sim_below(struct sim *sim, uint64_t n);
/** sim_chance() - true in @per_10000 of 10 000 */
bool sim_chance(struct sim *sim, uint32_t per_10000);
/** sim_trace() - one line of the history, with --trace */
void sim_trace(const struct sim *sim, const char *format, ...)
	printf_like(2, 3);
/** sim_fail() - an invariant does not hold: ends the run */
__attribute__((noreturn)) void sim_fail(const struct sim *sim,
					const char *format, ...)
	printf_like(2, 3);
#define sim_check(sim, fact, ...)                                              \
	do {                                                                   \
		if (!(fact))                                                   \
			sim_fail(sim, __VA_ARGS__);                            \
	} while (0)

/** sim_pool() - whose lane, or slot, it is: 0 commands, 1 handlers */
uint32_t sim_pool(const struct sim *sim, uint32_t index);

/** sim_any_worker() - one that fits, chosen by the seed, or NULL */
struct sim_worker *sim_any_worker(struct sim *sim,
				  bool (*fits)(const struct sim_worker *));

/** sim_client_act() - somebody submits or steers */
void sim_client_act(struct sim *sim);
/** sim_supervisor_act() - starts what is missing */
void sim_supervisor_act(struct sim *sim);
/** sim_supervisor_reap() - it learns that a worker died */
void sim_supervisor_reap(struct sim *sim, struct sim_worker *worker);
/** sim_fault_act() - maybe something goes wrong */
void sim_fault_act(struct sim *sim);
/** sim_check_all() - every invariant that can be seen between two steps */
void sim_check_all(struct sim *sim);
/** sim_check_idle() - and those of a world where everything has ended */
void sim_check_idle(struct sim *sim);
