#include "daemon/core/job.h"

/* One arrow of the diagram; says whether it may be taken. */
typedef bool job_arrow(struct job_step *step, enum job_cause cause,
		       int64_t now_ms);

static int64_t add_saturated(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Where a job waits that nobody holds. */
static enum job_state waiting_state(const struct job_facts *facts,
				    int64_t now_ms)
{
	return job_first_state(false, facts->blocked, facts->run_at_ms, now_ms);
}

static void end(struct job_step *step, enum job_state state,
		enum job_cause cause)
{
	step->facts.state = state;
	step->facts.cancel_asked = false;
	step->facts.blocked = false;
	step->cause = cause;
	step->ended = true;
}

/* The attempt is over and the job goes on in @state. */
static void go_on(struct job_step *step, enum job_state state,
		  enum job_cause cause)
{
	step->facts.state = state;
	step->cause = cause;
	step->keep_attempt = true;
}

static bool release(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	(void)cause;
	step->facts.state = waiting_state(&step->facts, now_ms);
	return true;
}

static bool hold(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	(void)cause;
	(void)now_ms;
	step->facts.state = STATE_HELD;
	return true;
}

static bool unblock(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	(void)cause;
	if (!step->facts.blocked)
		return false;
	step->facts.blocked = false;
	if (step->facts.state != STATE_HELD)
		step->facts.state = waiting_state(&step->facts, now_ms);
	return true;
}

static bool due(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	(void)cause;
	(void)now_ms;
	step->facts.state = STATE_READY;
	return true;
}

static bool claim(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	(void)cause;
	(void)now_ms;
	step->facts.state = STATE_RUNNING;
	step->facts.attempt++;
	return true;
}

static bool succeed(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	(void)cause;
	(void)now_ms;
	step->attempt_ended = true;
	end(step, STATE_SUCCEEDED, CAUSE_NONE);
	return true;
}

/* What a worker says, as one of the causes that end an attempt. */
static enum job_cause own_cause(enum job_cause cause)
{
	switch (cause) {
	case CAUSE_EXIT:
	case CAUSE_SIGNAL:
	case CAUSE_TIMEOUT:
	case CAUSE_MEMORY:
	case CAUSE_CANCELLED:
	case CAUSE_HANDLER:
	case CAUSE_EXEC:
		return cause;
	case CAUSE_NONE:
	case CAUSE_DEPENDENCY:
	case CAUSE_WORKER_LOST:
	case CAUSE_HOST_LOST:
	case CAUSE_REJECTED:
	case CAUSE_EXPIRED:
	case CAUSE_COUNT:
	default:
		return CAUSE_REJECTED;
	}
}

static bool fail(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	struct job_facts *facts = &step->facts;
	uint32_t failures = facts->attempt - facts->crashes;

	cause = own_cause(cause);
	step->attempt_ended = true;
	if (facts->cancel_asked || cause == CAUSE_CANCELLED) {
		end(step, STATE_CANCELLED, CAUSE_CANCELLED);
	} else if (facts->once || facts->final ||
		   failures >= facts->max_attempts) {
		end(step, STATE_FAILED, cause);
	} else if (facts->backoff_ms > 0) {
		facts->run_at_ms = add_saturated(now_ms, facts->backoff_ms);
		go_on(step, STATE_SCHEDULED, cause);
	} else {
		go_on(step, STATE_READY, cause);
	}
	return true;
}

/* What it waits for will never come. */
static bool fail_waiting(struct job_step *step, enum job_cause cause,
			 int64_t now_ms)
{
	(void)now_ms;
	if (!step->facts.blocked || cause != CAUSE_DEPENDENCY)
		return false;
	end(step, STATE_FAILED, CAUSE_DEPENDENCY);
	return true;
}

static bool lose(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	struct job_facts *facts = &step->facts;

	(void)now_ms;
	require(cause == CAUSE_WORKER_LOST || cause == CAUSE_HOST_LOST);
	facts->crashes++;
	step->attempt_ended = true;
	if (facts->cancel_asked)
		end(step, STATE_CANCELLED, CAUSE_CANCELLED);
	else if (facts->once || facts->crashes >= facts->crash_limit)
		end(step, STATE_FAILED, cause);
	else
		go_on(step, STATE_READY, cause);
	return true;
}

/* The attempt never was, so there is nothing of it to record. */
static bool put_back(struct job_step *step, enum job_cause cause,
		     int64_t now_ms)
{
	(void)cause;
	(void)now_ms;
	step->facts.attempt--;
	if (step->facts.cancel_asked)
		end(step, STATE_CANCELLED, CAUSE_CANCELLED);
	else
		step->facts.state = STATE_READY;
	return true;
}

static bool cancel(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	(void)cause;
	(void)now_ms;
	end(step, STATE_CANCELLED, CAUSE_CANCELLED);
	return true;
}

static bool cancel_running(struct job_step *step, enum job_cause cause,
			   int64_t now_ms)
{
	(void)cause;
	(void)now_ms;
	step->facts.cancel_asked = true;
	step->kill = true;
	return true;
}

static bool expire(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	(void)cause;
	(void)now_ms;
	end(step, STATE_CANCELLED, CAUSE_EXPIRED);
	return true;
}

/* Descriptors, which only the broker had: no later attempt can have them. */
static bool strand(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	(void)cause;
	(void)now_ms;
	end(step, STATE_FAILED, CAUSE_EXEC);
	return true;
}

/* At least one more of each, so that the limits hold again. */
static bool retry(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	struct job_facts *facts = &step->facts;
	uint32_t failures = facts->attempt - facts->crashes;

	(void)cause;
	if (facts->once && facts->attempt > 0)
		return false;
	if (facts->max_attempts <= failures)
		facts->max_attempts = failures + 1;
	if (facts->crash_limit <= facts->crashes)
		facts->crash_limit = facts->crashes + 1;
	facts->state = waiting_state(facts, now_ms);
	return true;
}

static bool change(struct job_step *step, enum job_cause cause, int64_t now_ms)
{
	(void)cause;
	if (step->facts.state != STATE_HELD)
		step->facts.state = waiting_state(&step->facts, now_ms);
	return true;
}

/* What is not here means nothing in that state. */
static job_arrow *const arrows[STATE_COUNT][JOB_EVENT_COUNT] = {
	[STATE_HELD] = {[JOB_RELEASE] = release,
			[JOB_UNBLOCK] = unblock,
			[JOB_FAIL] = fail_waiting,
			[JOB_CANCEL] = cancel,
			[JOB_EXPIRE] = expire,
			[JOB_CHANGE] = change,
			[JOB_STRAND] = strand},
	[STATE_BLOCKED] = {[JOB_HOLD] = hold,
			   [JOB_UNBLOCK] = unblock,
			   [JOB_FAIL] = fail_waiting,
			   [JOB_CANCEL] = cancel,
			   [JOB_EXPIRE] = expire,
			   [JOB_CHANGE] = change,
			   [JOB_STRAND] = strand},
	[STATE_SCHEDULED] = {[JOB_HOLD] = hold,
			     [JOB_DUE] = due,
			     [JOB_CANCEL] = cancel,
			     [JOB_EXPIRE] = expire,
			     [JOB_CHANGE] = change,
			     [JOB_STRAND] = strand},
	[STATE_READY] = {[JOB_HOLD] = hold,
			 [JOB_CLAIM] = claim,
			 [JOB_CANCEL] = cancel,
			 [JOB_EXPIRE] = expire,
			 [JOB_CHANGE] = change,
			 [JOB_STRAND] = strand},
	[STATE_RUNNING] = {[JOB_SUCCEED] = succeed,
			   [JOB_FAIL] = fail,
			   [JOB_LOST] = lose,
			   [JOB_PUT_BACK] = put_back,
			   [JOB_CANCEL] = cancel_running},
	[STATE_SUCCEEDED] = {[JOB_RETRY] = retry},
	[STATE_FAILED] = {[JOB_RETRY] = retry},
	[STATE_CANCELLED] = {[JOB_RETRY] = retry},
};

int job_step(const struct job_facts *facts, enum job_event event,
	     enum job_cause cause, int64_t now_ms, struct job_step *ret)
{
	struct job_step step = {.facts = *facts};
	job_arrow *arrow;

	job_facts_check(facts);
	require(event < JOB_EVENT_COUNT);

	arrow = arrows[facts->state][event];
	if (!arrow || !arrow(&step, cause, now_ms))
		return JOB_E_WRONG_STATE;

	job_facts_check(&step.facts);
	*ret = step;
	return 0;
}

enum job_state job_first_state(bool held, bool blocked, int64_t run_at_ms,
			       int64_t now_ms)
{
	if (held)
		return STATE_HELD;
	if (blocked)
		return STATE_BLOCKED;
	return run_at_ms > now_ms ? STATE_SCHEDULED : STATE_READY;
}

void job_facts_check(const struct job_facts *facts)
{
	bool running = facts->state == STATE_RUNNING;

	require(facts->state < STATE_COUNT);
	require(facts->max_attempts >= 1 && facts->crash_limit >= 1);
	require(facts->crashes <= facts->attempt);
	require(facts->crashes <= facts->crash_limit);
	require(!running || facts->attempt > facts->crashes);
	require(!facts->cancel_asked || running);
	/* A job that may run only once has never been tried while it waits. */
	require(!facts->once || facts->attempt <= 1);
	require(!facts->once || facts->attempt == 0 || running ||
		state_is_end(facts->state));
	require(facts->state != STATE_BLOCKED || facts->blocked);
	require(!facts->blocked || facts->state == STATE_BLOCKED ||
		facts->state == STATE_HELD);
}
