#include "daemon/worker/attend.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "daemon/base/clock.h"

/* A handler that comes back does not wake us: so long we may not know it. */
#define LOOK_NS 100000000

/* The loop, until the handler is back. The lock is not held while it waits. */
static void stand_in(struct attend *attend, uint64_t number)
{
	struct serve_wait wait;

	for (;;) {
		int64_t most_ns = clock_mono_ns() + LOOK_NS;

		pthread_mutex_lock(&attend->lock);
		if (atomic_load(&attend->number) != number)
			break;
		serve_fill(attend->serve, &wait);
		pthread_mutex_unlock(&attend->lock);
		if (wait.due_ns > most_ns)
			wait.due_ns = most_ns;
		serve_sleep(&wait);
		pthread_mutex_lock(&attend->lock);
		/* Else it is of another turn: who is back looks for himself. */
		if (atomic_load(&attend->number) != number)
			break;
		/* It cannot be over: a job runs. */
		(void)serve_turn(attend->serve, &wait);
		pthread_mutex_unlock(&attend->lock);
	}
	pthread_mutex_unlock(&attend->lock);
}

static void tick(struct attend *attend)
{
	int64_t until_ns = clock_mono_ns() + ATTEND_TICK_NS;
	struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

	/* A post that came late only makes this tick a short one. */
	(void)sem_clockwait(&attend->wake, CLOCK_MONOTONIC, &until);
}

static void *attend_main(void *arg)
{
	struct attend *attend = arg;
	uint64_t last = 0, number;

	while (!atomic_load(&attend->over)) {
		number = atomic_load(&attend->number);
		if (number != last) {
			last = number;
			tick(attend);
		} else if (number % 2) {
			stand_in(attend, number);
		} else {
			/* Said first, looked then: attend_leave() does it the
			 * other way round, so one of the two sees the other. */
			atomic_store(&attend->asleep, true);
			if (atomic_load(&attend->number) == number &&
			    !atomic_load(&attend->over))
				(void)sem_wait(&attend->wake);
			atomic_store(&attend->asleep, false);
		}
	}
	return NULL;
}

int attend_init(struct attend *attend, struct serve *serve)
{
	sigset_t all, before;
	int r;

	attend->serve = serve;
	atomic_init(&attend->number, 0);
	atomic_init(&attend->asleep, false);
	atomic_init(&attend->over, false);
	r = pthread_mutex_init(&attend->lock, NULL);
	if (r == 0 && sem_init(&attend->wake, 0, 0) < 0)
		r = errno;
	if (r)
		return -r;
	pthread_mutex_lock(&attend->lock);
	/* Signals are for the thread that runs the plugin. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&attend->thread, NULL, attend_main, attend);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

void attend_fini(struct attend *attend)
{
	atomic_store(&attend->over, true);
	sem_post(&attend->wake);
	pthread_mutex_unlock(&attend->lock);
	pthread_join(attend->thread, NULL);
	pthread_mutex_destroy(&attend->lock);
	sem_destroy(&attend->wake);
}

void attend_leave(struct attend *attend)
{
	atomic_fetch_add(&attend->number, 1);
	pthread_mutex_unlock(&attend->lock);
	if (atomic_load(&attend->asleep) &&
	    atomic_exchange(&attend->asleep, false))
		sem_post(&attend->wake);
}

void attend_enter(struct attend *attend)
{
	pthread_mutex_lock(&attend->lock);
	atomic_fetch_add(&attend->number, 1);
}
