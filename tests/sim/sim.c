/*
 * The simulation: the real core (job, sched, credit, adopt, backoff) in a world
 * of models, under a clock that only the seed moves. Clients submit, cancel,
 * hold and release; workers run, die at any point, file results and dial in
 * again; the broker gathers batches and crashes anywhere; the store commits,
 * fails or is durable without anybody having heard of it; supervisors die,
 * hosts reboot, pids come again. After every step every invariant is checked,
 * and at the end, when nothing goes wrong any more, every job has to end.
 *
 * To see a failure again, take the seed and the steps that it printed:
 *
 *	build/tests/sim/sim --seed 4711 --steps 5000 --trace
 *
 * --runs N tries N seeds from --seed on, --break RULE breaks a rule on purpose
 * (--break help lists them), and --controls N asserts that each broken rule is
 * caught within N seeds: a checker that never failed proves nothing.
 *
 * The files: sim_people.c clients, supervisor, faults; sim_worker.c workers;
 * sim_broker.c batches; sim_fleet.c what the broker does with workers, adoption
 * too; sim_store.c the store; sim_check.c the invariants. One step is one small
 * act of one of them, chosen by the seed, so that every order can happen.
 */

#include "tests/sim/sim.h"

#include <getopt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#define MS INT64_C(1000000)

#define SIM_RULE_NAME(name, text) [SIM_##name] = text,
static const char *const rule_names[] = {SIM_RULES(SIM_RULE_NAME)};

static struct sim world;
static sigjmp_buf failed;
static char failure[256];

uint64_t sim_below(struct sim *sim, uint64_t n)
{
	uint64_t z = sim->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % n;
}

uint32_t sim_pool(const struct sim *sim, uint32_t index)
{
	return sim->supervisor.slots > 1 ? index % 2 : 0;
}

bool sim_chance(struct sim *sim, uint32_t per_10000)
{
	return per_10000 && sim_below(sim, 10000) < per_10000;
}

void sim_trace(const struct sim *sim, const char *format, ...)
{
	va_list args;

	if (!sim->trace)
		return;
	va_start(args, format);
	printf("# %6llu %10.3f ms ", (unsigned long long)sim->step,
	       (double)sim->now_ns / 1e6);
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

void sim_fail(const struct sim *sim, const char *format, ...)
{
	va_list args;

	(void)sim;
	va_start(args, format);
	vsnprintf(failure, sizeof(failure), format, args);
	va_end(args);
	siglongjmp(failed, 1);
}

/* require() of the core: it has printed the fact. */
static void on_abort(int number)
{
	(void)number;
	snprintf(failure, sizeof(failure), "the core stopped, see above");
	siglongjmp(failed, 1);
}

/* ---- One run ---- */

/* Each kind of fault is rare, frequent or absent, so that the orders that need
 * two of one kind and none of another come up too. */
static uint32_t fault_rate(struct sim *sim, uint32_t most)
{
	return sim_below(sim, 3) ? (uint32_t)sim_below(sim, most + 1) : 0;
}

static void begin(struct sim *sim, uint64_t seed, enum sim_rule broken,
		  bool trace)
{
	*sim = (struct sim){
		.seed = seed,
		.random = seed * UINT64_C(0x2545f4914f6cdd1d),
		.broken = broken,
		.trace = trace,
		.wall_ms = INT64_C(1760000000000),
		.boot = 1,
	};
	sim->faults = (struct sim_faults){
		.worker_dies = fault_rate(sim, 150),
		.broker_dies = fault_rate(sim, 60),
		.supervisor_dies = fault_rate(sim, 20),
		.host_dies = fault_rate(sim, 15),
		.disk_full = fault_rate(sim, 500),
		.link_closed = fault_rate(sim, 100),
		.clock_steps = fault_rate(sim, 20),
	};
	sim->credit_limit = sim_below(sim, 4)
				    ? 1 + (uint32_t)sim_below(sim, CREDIT_MAX)
				    : 1;
	sim->long_jobs = sim_below(sim, 2) ? 1 : 10;
	sim->short_us = sim_below(sim, 2) ? 200 : 4000;
	sim->supervisor.slots = 1 + (uint32_t)sim_below(sim, 5);
}

static void end(struct sim *sim)
{
	sim->broken = SIM_NONE;
	sim->trace = false;
	if (sim->broker.phase != BROKER_DOWN && !failure[0])
		sim_broker_die(sim);
	sim_broker_fini(sim);
	sim_store_fini(&sim->store);
	for (int i = 0; i < SIM_WORKERS; i++) {
		free(sim->workers[i].to_broker.messages);
		free(sim->workers[i].to_worker.messages);
	}
}

struct sim_worker *sim_any_worker(struct sim *sim,
				  bool (*fits)(const struct sim_worker *))
{
	uint64_t from = sim_below(sim, SIM_WORKERS);

	for (uint64_t i = 0; i < SIM_WORKERS; i++) {
		struct sim_worker *worker =
			&sim->workers[(from + i) % SIM_WORKERS];

		if (fits(worker))
			return worker;
	}
	return NULL;
}

static bool is_alive(const struct sim_worker *worker)
{
	return worker->alive;
}

/* Mostly microseconds, sometimes so long that something becomes due. */
static void pass_time(struct sim *sim)
{
	uint64_t kind = sim_below(sim, 400);
	int64_t ns = (int64_t)sim_below(sim, 200) * 1000;

	if (kind == 0)
		ns = (int64_t)sim_below(sim, 2000) * MS;
	else if (kind < 5)
		ns = (int64_t)sim_below(sim, 150) * MS;
	else if (kind < 30)
		ns = (int64_t)sim_below(sim, 5) * MS;
	sim->now_ns += ns;
	if (sim->now_ns / MS != (sim->now_ns - ns) / MS)
		sim->wall_ms += sim->now_ns / MS - (sim->now_ns - ns) / MS;
}

static void step(struct sim *sim)
{
	struct sim_worker *worker;

	pass_time(sim);
	switch (sim_below(sim, 16)) {
	case 0:
		sim_client_act(sim);
		break;
	case 1:
		sim_supervisor_act(sim);
		break;
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
		sim_broker_act(sim);
		break;
	default:
		worker = sim_any_worker(sim, is_alive);
		if (worker)
			sim_worker_act(sim, worker);
		break;
	}
	sim_fault_act(sim);
	sim_check_all(sim);
	sim->step++;
}

static bool is_idle(const struct sim *sim)
{
	if (sim->store.live_count || sim->store.result_count ||
	    sim->broker.phase != BROKER_SERVING ||
	    sim->broker.flight != FLIGHT_NONE)
		return false;
	for (int i = 0; i < SIM_LANES; i++) {
		if (sim->broker.lanes[i].incoming)
			return false;
	}
	for (int i = 0; i < SIM_WORKERS; i++) {
		if (sim->workers[i].alive && (sim->workers[i].result_count ||
					      sim->workers[i].to_broker.count))
			return false;
	}
	return true;
}

/* From here on nothing goes wrong. Time passes in leaps when it must. */
static void come_home(struct sim *sim)
{
	uint64_t most = sim->step + 400000;

	sim->calm = true;
	sim_trace(sim, "calm");
	while (!is_idle(sim) && sim->step < most) {
		if (sim->step % 256 == 0) {
			sim->now_ns += 1000 * MS;
			sim->wall_ms += 1000;
		}
		step(sim);
	}
	sim_check_idle(sim);
}

/* true: every invariant held */
static bool run(uint64_t seed, uint64_t steps, enum sim_rule broken, bool trace)
{
	failure[0] = 0;
	if (sigsetjmp(failed, 1) == 0) {
		begin(&world, seed, broken, trace);
		while (world.step < steps)
			step(&world);
		come_home(&world);
	}
	end(&world);
	return !failure[0];
}

/* ---- Many runs ---- */

static void add_stats(struct sim_stats *sum, const struct sim_stats *stats)
{
	const uint64_t *from = (const uint64_t *)stats;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

static void print_stats(const struct sim_stats *stats)
{
#define SHOW(name) (unsigned long long)stats->name
	printf("# submitted %llu acknowledged %llu starts %llu succeeded %llu "
	       "failed %llu cancelled %llu batches %llu\n",
	       SHOW(submitted), SHOW(acknowledged), SHOW(starts),
	       SHOW(ends[STATE_SUCCEEDED]), SHOW(ends[STATE_FAILED]),
	       SHOW(ends[STATE_CANCELLED]), SHOW(batches));
	printf("# deaths: workers %llu brokers %llu hosts %llu; full %llu; "
	       "adopted %llu imported %llu charged %llu put back %llu "
	       "(of these had begun %llu) recalled %llu; retried %llu expired "
	       "%llu stranded %llu; handlers told to end %llu, their workers "
	       "ended %llu\n",
	       SHOW(deaths), SHOW(broker_deaths), SHOW(reboots), SHOW(full),
	       SHOW(adopted), SHOW(imported), SHOW(charged), SHOW(put_back),
	       SHOW(restarts), SHOW(recalled), SHOW(retried), SHOW(expired),
	       SHOW(stranded), SHOW(told), SHOW(ended));
#undef SHOW
}

static int run_all(uint64_t seed, uint64_t runs, uint64_t steps,
		   enum sim_rule broken, bool trace)
{
	struct sim_stats sum = {0};
	int bad = 0;

	for (uint64_t i = 0; i < runs && bad < 10; i++) {
		if (!run(seed + i, steps, broken, trace)) {
			printf("# step %llu: %s; again: --seed %llu --steps "
			       "%llu\n",
			       (unsigned long long)world.step, failure,
			       (unsigned long long)(seed + i),
			       (unsigned long long)steps);
			bad++;
		}
		add_stats(&sum, &world.stats);
	}
	print_stats(&sum);
	printf("1..1\n%sok 1 - every invariant holds in %llu runs of %llu "
	       "steps from seed %llu\n",
	       bad ? "not " : "", (unsigned long long)runs,
	       (unsigned long long)steps, (unsigned long long)seed);
	return bad != 0;
}

/* Each broken rule has to be caught, within so many seeds. */
static int controls(uint64_t seed, uint64_t runs, uint64_t steps)
{
	int missed = 0;

	printf("1..%d\n", SIM_RULE_COUNT - 1);
	for (int rule = 1; rule < SIM_RULE_COUNT; rule++) {
		uint64_t i = 0;

		while (i < runs && run(seed + i, steps, rule, false))
			i++;
		printf("%sok %d - %s is caught%s%s\n", i < runs ? "" : "not ",
		       rule, rule_names[rule], i < runs ? ": " : "", failure);
		missed += i == runs;
	}
	return missed != 0;
}

static enum sim_rule rule_of(const char *name)
{
	for (int i = 0; i < SIM_RULE_COUNT; i++) {
		if (strcmp(rule_names[i], name) == 0)
			return i;
	}
	for (int i = 0; i < SIM_RULE_COUNT; i++)
		fprintf(stderr, "%s\n", rule_names[i]);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"steps", required_argument, NULL, 'n'},
		{"runs", required_argument, NULL, 'r'},
		{"break", required_argument, NULL, 'b'},
		{"controls", required_argument, NULL, 'c'},
		{"trace", no_argument, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	uint64_t seed = 1, steps = 5000, runs = 1, control_runs = 0;
	enum sim_rule broken = SIM_NONE;
	bool trace = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			steps = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			runs = strtoull(optarg, NULL, 0);
			break;
		case 'b':
			broken = rule_of(optarg);
			break;
		case 'c':
			control_runs = strtoull(optarg, NULL, 0);
			break;
		case 't':
			trace = true;
			break;
		default:
			return 2;
		}
	}
	signal(SIGABRT, on_abort);
	if (control_runs)
		return controls(seed, control_runs, steps);
	return run_all(seed, runs, steps, broken, trace);
}
