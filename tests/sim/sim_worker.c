#include "tests/sim/sim_worker.h"

#include "tests/sim/sim.h"

#define MS INT64_C(1000000)
#define FILE_AFTER_NS (1000 * MS)

void sim_queue_push(struct sim_queue *queue, const struct sim_message *message)
{
	if (queue->first + queue->count == queue->room) {
		if (queue->first) {
			memmove(queue->messages, queue->messages + queue->first,
				queue->count * sizeof(*message));
			queue->first = 0;
		} else {
			queue->room = queue->room ? queue->room * 2 : 16;
			queue->messages =
				realloc(queue->messages,
					queue->room * sizeof(*message));
			require(queue->messages);
		}
	}
	queue->messages[queue->first + queue->count++] = *message;
}

bool sim_queue_pop(struct sim_queue *queue, struct sim_message *ret)
{
	if (!queue->count)
		return false;
	*ret = queue->messages[queue->first++];
	if (--queue->count == 0)
		queue->first = 0;
	return true;
}

bool sim_worker_leaving(const struct sim *sim, const struct sim_worker *worker)
{
	return !sim->supervisor.alive ||
	       worker->generation != sim->supervisor.generation;
}

/* A pid that nobody has now, from few, so that they come again soon. */
static int free_pid(struct sim *sim)
{
	for (;;) {
		int pid = 100 + (int)sim_below(sim, 2 * SIM_WORKERS);
		bool taken = false;

		for (int i = 0; i < SIM_WORKERS; i++)
			taken = taken || (sim->workers[i].alive &&
					  sim->workers[i].pid == pid);
		if (!taken)
			return pid;
	}
}

bool sim_worker_born(struct sim *sim, uint32_t slot)
{
	struct sim_worker *worker = NULL;
	struct sim_queue queues[2];

	for (int i = 0; i < SIM_WORKERS && !worker; i++) {
		if (!sim->workers[i].alive && !sim->broker.hands[i].used)
			worker = &sim->workers[i];
	}
	if (!worker)
		return false;
	queues[0] = worker->to_broker;
	queues[1] = worker->to_worker;
	*worker = (struct sim_worker){
		.used = true,
		.alive = true,
		.id = ++sim->next_worker,
		.pid = free_pid(sim),
		.start_ticks = sim->next_worker,
		.born_ns = sim->now_ns,
		.away_ns = sim->now_ns,
		.boot = sim->boot,
		.slot = slot,
		.generation = sim->supervisor.generation,
		.to_broker = queues[0],
		.to_worker = queues[1],
	};
	worker->to_broker.count = worker->to_broker.first = 0;
	worker->to_worker.count = worker->to_worker.first = 0;
	sim_trace(sim, "worker %lld born, pid %d", (long long)worker->id,
		  worker->pid);
	sim_broker_born(sim, worker);
	return true;
}

/* ---- The connection ---- */

static void say(struct sim_worker *worker, enum sim_word word,
		const struct sim_outcome *as)
{
	struct sim_message message = {.word = word};

	if (worker->peer_closed)
		return;
	if (as)
		message.as = *as;
	sim_queue_push(&worker->to_broker, &message);
}

static void hang_up(struct sim *sim, struct sim_worker *worker)
{
	worker->connected = worker->peer_closed = false;
	worker->to_worker.count = worker->to_worker.first = 0;
	worker->away_ns = sim->now_ns;
}

static void dial(struct sim *sim, struct sim_worker *worker)
{
	if (sim->broker.phase != BROKER_SERVING)
		return;
	worker->connected = true;
	worker->to_broker.count = worker->to_broker.first = 0;
	worker->to_worker.count = worker->to_worker.first = 0;
	worker->holding_count = 0;
	for (size_t i = 0; i < worker->result_count; i++) {
		worker->results[i].sent = false;
		worker->holding[worker->holding_count++] =
			(struct sim_holding){worker->results[i].as.token, true};
	}
	for (size_t i = 0; i < worker->task_count; i++)
		worker->holding[worker->holding_count++] = (struct sim_holding){
			worker->tasks[i].as.token, worker->tasks[i].begun};
	say(worker, WORD_READY, NULL);
	sim_trace(sim, "worker %lld dials in, holds %zu", (long long)worker->id,
		  worker->holding_count);
}

static bool send_result(struct sim *sim, struct sim_worker *worker)
{
	for (size_t i = 0; i < worker->result_count; i++) {
		struct sim_held_result *result = &worker->results[i];

		if (result->sent)
			continue;
		say(worker, WORD_DONE, &result->as);
		result->sent = true;
		sim_trace(sim, "worker %lld sends the end of %lld",
			  (long long)worker->id, (long long)result->as.job);
		return true;
	}
	return false;
}

static bool file_result(struct sim *sim, struct sim_worker *worker)
{
	struct sim_store *store = &sim->store;

	for (size_t i = 0; i < worker->result_count; i++) {
		struct sim_held_result *result = &worker->results[i];

		if (result->filed)
			continue;
		require(store->result_count < ARRAY_COUNT(store->results));
		if (!sim_store_result(sim, result->as.token))
			store->results[store->result_count++] = result->as;
		result->filed = true;
		sim_trace(sim, "worker %lld files the end of %lld",
			  (long long)worker->id, (long long)result->as.job);
		return true;
	}
	return false;
}

/* ---- Its jobs ---- */

static void drop_task(struct sim_worker *worker, size_t i)
{
	worker->task_count--;
	memmove(worker->tasks + i, worker->tasks + i + 1,
		(worker->task_count - i) * sizeof(*worker->tasks));
}

static struct sim_task *find_task(struct sim_worker *worker, int64_t token)
{
	for (size_t i = 0; i < worker->task_count; i++) {
		if (worker->tasks[i].as.token == token)
			return &worker->tasks[i];
	}
	return NULL;
}

static void answer(struct sim_worker *worker, struct sim_task *task,
		   enum job_event event, enum job_cause cause)
{
	struct sim_held_result *result =
		&worker->results[worker->result_count++];

	require(worker->result_count <= ARRAY_COUNT(worker->results));
	*result = (struct sim_held_result){.as = task->as};
	result->as.event = event;
	result->as.cause = cause;
	result->as.run_ns = task->begun ? task->ends_ns - task->begun_ns : -1;
	drop_task(worker, (size_t)(task - worker->tasks));
}

static void begin(struct sim *sim, struct sim_worker *worker)
{
	struct sim_task *task = &worker->tasks[0];
	struct sim_row *row = sim_store_row(sim, task->as.job);

	task->begun = true;
	task->begun_ns = sim->now_ns;
	task->ends_ns = row->run_ns == INT64_MAX ? INT64_MAX
						 : sim->now_ns + row->run_ns;
	sim->store.tokens[task->as.token].started = true;
	sim->stats.starts++;
	sim_trace(sim, "worker %lld starts %lld attempt %u",
		  (long long)worker->id, (long long)task->as.job,
		  task->attempt);
	sim_check(sim, ++row->starts == 1 || !row->facts.once,
		  "once job %lld starts again", (long long)task->as.job);
	sim_check(sim,
		  !row->carried || sim->store.tokens[task->as.token].claimed ==
					   row->carried,
		  "job %lld starts without its descriptors",
		  (long long)task->as.job);
	sim_check(sim, row->token == task->as.token,
		  "job %lld starts without a durable claim",
		  (long long)task->as.job);
}

static bool is_handler(const struct sim *sim, const struct sim_worker *worker)
{
	return sim_pool(sim, worker->slot) == 1;
}

static void finish(struct sim *sim, struct sim_worker *worker)
{
	static const enum job_cause causes[] = {
		CAUSE_EXIT, CAUSE_SIGNAL, CAUSE_TIMEOUT, CAUSE_EXEC, CAUSE_NONE,
	};
	struct sim_task *task = &worker->tasks[0];
	const struct sim_row *row = sim_store_row(sim, task->as.job);

	if (row->kills && !sim->calm && sim_below(sim, 100) < row->kills) {
		sim_worker_die(sim, worker);
		return;
	}
	worker->useful = true;
	if (task->cancelled)
		answer(worker, task, JOB_FAIL,
		       is_handler(sim, worker) ? CAUSE_HANDLER
					       : CAUSE_CANCELLED);
	else if (sim_below(sim, 100) < row->fails)
		answer(worker, task, JOB_FAIL,
		       is_handler(sim, worker)
			       ? CAUSE_HANDLER
			       : causes[sim_below(sim, ARRAY_COUNT(causes))]);
	else
		answer(worker, task, JOB_SUCCEED, CAUSE_NONE);
}

static bool run(struct sim *sim, struct sim_worker *worker)
{
	struct sim_task *task = &worker->tasks[0];

	if (!worker->task_count)
		return false;
	if (!task->begun) {
		/* Each result is written before the next begins. */
		if (worker->connected && sim->broken != SIM_START_EARLY &&
		    send_result(sim, worker))
			return true;
		begin(sim, worker);
		return true;
	}
	if (task->ends_ns > sim->now_ns)
		return false;
	finish(sim, worker);
	return true;
}

/* ---- What the broker says ---- */

static void on_cancel(struct sim *sim, struct sim_worker *worker, int64_t token)
{
	struct sim_task *task = find_task(worker, token);

	if (!task || task->cancelled)
		return;
	if (!task->begun) {
		answer(worker, task, JOB_FAIL,
		       is_handler(sim, worker) ? CAUSE_HANDLER
					       : CAUSE_CANCELLED);
		return;
	}
	/* A handler has its thread for itself, and may not listen. */
	if (is_handler(sim, worker) && sim_store_row(sim, task->as.job)->deaf)
		return;
	task->cancelled = true;
	if (task->ends_ns - sim->now_ns > 50 * MS)
		task->ends_ns = sim->now_ns + (int64_t)sim_below(sim, 50) * MS;
}

static void on_recall(struct sim_worker *worker, int64_t token)
{
	struct sim_task *task = find_task(worker, token);

	if (!task || task->begun)
		return;
	say(worker, WORD_PUT_BACK, &task->as);
	drop_task(worker, (size_t)(task - worker->tasks));
}

static void on_settled(struct sim *sim, struct sim_worker *worker,
		       int64_t token)
{
	for (size_t i = 0; i < worker->result_count; i++) {
		if (worker->results[i].as.token != token)
			continue;
		if (worker->results[i].filed)
			sim_store_forget_result(sim, token);
		worker->result_count--;
		memmove(worker->results + i, worker->results + i + 1,
			(worker->result_count - i) * sizeof(*worker->results));
		return;
	}
}

static bool listen_once(struct sim *sim, struct sim_worker *worker)
{
	struct sim_message message;

	if (!sim_queue_pop(&worker->to_worker, &message)) {
		if (!worker->peer_closed)
			return false;
		hang_up(sim, worker);
		return true;
	}
	switch (message.word) {
	case WORD_JOB:
		require(worker->task_count < ARRAY_COUNT(worker->tasks));
		worker->tasks[worker->task_count++] = (struct sim_task){
			.as = message.as, .attempt = message.attempt};
		break;
	case WORD_CANCEL:
		on_cancel(sim, worker, message.as.token);
		break;
	case WORD_RECALL:
		on_recall(worker, message.as.token);
		break;
	case WORD_SETTLED:
		on_settled(sim, worker, message.as.token);
		break;
	case WORD_READY:
	case WORD_DONE:
	case WORD_PUT_BACK:
	default:
		sim_fail(sim, "a worker was told word %d", (int)message.word);
	}
	return true;
}

/* ---- One step ---- */

static bool nothing_left(const struct sim_worker *worker)
{
	if (worker->task_count)
		return false;
	for (size_t i = 0; i < worker->result_count; i++) {
		if (!worker->results[i].filed)
			return false;
	}
	return true;
}

static void away(struct sim *sim, struct sim_worker *worker)
{
	if (sim_chance(sim, 3000)) {
		dial(sim, worker);
	} else if (sim->now_ns - worker->away_ns >= FILE_AFTER_NS &&
		   file_result(sim, worker)) {
		return;
	} else if (sim_worker_leaving(sim, worker) && nothing_left(worker)) {
		sim_worker_die(sim, worker);
	}
}

void sim_worker_act(struct sim *sim, struct sim_worker *worker)
{
	switch (sim_below(sim, 3)) {
	case 0:
		if (worker->connected && listen_once(sim, worker))
			return;
		break;
	case 1:
		if (run(sim, worker))
			return;
		break;
	default:
		break;
	}
	if (!worker->connected) {
		away(sim, worker);
		return;
	}
	/* What it still had to read is gone if writing finds the end first. */
	if (worker->peer_closed && sim_chance(sim, 3000))
		hang_up(sim, worker);
	else if (send_result(sim, worker))
		return;
	else if (sim_worker_leaving(sim, worker) && !worker->task_count &&
		 !worker->result_count && !worker->to_worker.count)
		sim_worker_die(sim, worker);
}

/* What it wrote stays readable; what it had not read is gone. */
void sim_worker_die(struct sim *sim, struct sim_worker *worker)
{
	struct sim_queue *queue = &worker->to_broker;

	sim_trace(sim, "worker %lld dies, had %zu jobs, %zu results",
		  (long long)worker->id, worker->task_count,
		  worker->result_count);
	sim->stats.deaths++;
	worker->alive = false;
	worker->task_count = worker->result_count = 0;
	worker->to_worker.count = worker->to_worker.first = 0;
	if (!worker->connected || worker->peer_closed)
		queue->count = queue->first = 0;
	for (size_t i = 0; i < queue->count; i++) {
		const struct sim_message *message =
			&queue->messages[queue->first + i];

		if (message->word == WORD_DONE)
			sim->store.tokens[message->as.token].answered =
				sim->broker.generation;
	}
	worker->connected = false;
	sim_supervisor_reap(sim, worker);
}
