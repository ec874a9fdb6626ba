#include "daemon/broker/writer.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/base/clock.h"

#define WRITER_LINGER_NS 50000
#define WRITER_BRISK_NS 100000

static void commit(struct store *store, struct batch *batch)
{
	int64_t began_ns = clock_mono_ns();

	batch->store.now_ms = clock_wall_ms();
	batch->result = store_write(store, &batch->store, &batch->fault);
	batch->commit_ns = clock_mono_ns() - began_ns;
}

/*
 * Under load the next batch comes a few microseconds after the last, and going
 * to sleep for it costs more than that: waking a thread on another processor
 * takes 50 us. So wait awake, for a moment, if the last one came that soon;
 * sched_yield() leaves the processor to whoever else can run.
 */
static void linger(struct writer *writer)
{
	int64_t began_ns = clock_mono_ns(), now_ns;

	do {
		if (atomic_load(&writer->work))
			return;
		sched_yield();
		now_ns = clock_mono_ns();
	} while (now_ns - began_ns < WRITER_LINGER_NS);
}

/* Until there is work, to stop, or a log that is short. */
static void sleep_well(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	while (!atomic_load(&writer->work) && !writer->stop &&
	       !store_log_short(writer->store))
		pthread_cond_wait(&writer->wake, &writer->lock);
	pthread_mutex_unlock(&writer->lock);
}

/* Return: the next batch; NULL: stop. */
static struct batch *await(struct writer *writer)
{
	int64_t began_ns = clock_mono_ns();

	if (writer->brisk)
		linger(writer);
	/* Who has nothing to do makes the log longer, step by step. */
	while (!atomic_load(&writer->work) && !atomic_load(&writer->stop)) {
		if (store_log_short(writer->store))
			store_log_step(writer->store);
		else
			sleep_well(writer);
	}
	writer->brisk = clock_mono_ns() - began_ns < WRITER_BRISK_NS;
	return atomic_exchange(&writer->work, NULL);
}

static void *writer_thread(void *arg)
{
	struct writer *writer = arg;
	const uint64_t one = 1;
	struct batch *batch;

	while ((batch = await(writer))) {
		commit(writer->store, batch);
		atomic_store(&writer->done, batch);
		/* An eventfd write fails only at 2^64 - 1. */
		require(write(writer->done_fd, &one, sizeof(one)) ==
			sizeof(one));
	}
	return NULL;
}

/* Up at once, down slowly: one slow commit is remembered for a while. */
static void learn(struct writer *writer, const struct batch *batch)
{
	writer->slow_ns -= writer->slow_ns / 16;
	if (batch->commit_ns > writer->slow_ns)
		writer->slow_ns = batch->commit_ns;
}

void writer_look(struct writer *writer)
{
	struct batch *batch;

	if (!atomic_load_explicit(&writer->done, memory_order_relaxed))
		return;
	batch = atomic_exchange(&writer->done, NULL);
	writer->current = NULL;
	learn(writer, batch);
	writer->finished(writer->owner, batch);
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		writer_look(arg);
}

int writer_start(struct writer *writer, struct event_base *base,
		 struct store *store, void (*finished)(void *, struct batch *),
		 void *owner)
{
	sigset_t all, old;
	int r;

	*writer = (struct writer){
		.store = store,
		.finished = finished,
		.owner = owner,
		.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	if (writer->done_fd < 0)
		return -errno;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->wake, NULL);
	writer->done_event = event_new(base, writer->done_fd,
				       EV_READ | EV_PERSIST, on_done, writer);
	if (!writer->done_event || event_add(writer->done_event, NULL) < 0)
		return -ENOMEM;

	/* Signals are the loop's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&writer->thread, NULL, writer_thread, writer);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	writer->started = r == 0;
	return -r;
}

bool writer_idle(const struct writer *writer)
{
	return !writer->current && !writer->stop;
}

/*
 * With the lock the thread cannot be between its last look and its sleep. The
 * signal comes after the lock is free, for which it would else wake up only to
 * go to sleep again.
 */
static void wake(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	pthread_mutex_unlock(&writer->lock);
	pthread_cond_signal(&writer->wake);
}

void writer_send(struct writer *writer, struct batch *batch)
{
	require(!writer->current);
	writer->current = batch;
	writer->sent_ns = clock_mono_ns();
	atomic_store(&writer->work, batch);
	wake(writer);
}

void writer_here(struct writer *writer, struct batch *batch)
{
	require(!writer->current);
	commit(writer->store, batch);
	learn(writer, batch);
	/* Seldom: each time the log is made much longer. */
	if (store_log_short(writer->store))
		wake(writer);
	writer->finished(writer->owner, batch);
}

void writer_stop(struct writer *writer)
{
	if (writer->started) {
		atomic_store(&writer->stop, true);
		wake(writer);
		pthread_join(writer->thread, NULL);
		writer_look(writer);
	}
	if (writer->done_event)
		event_free(writer->done_event);
	if (writer->done_fd >= 0)
		close(writer->done_fd);
	*writer = (struct writer){.done_fd = -1};
}
