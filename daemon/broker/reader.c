#include "daemon/broker/reader.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *reader_thread(void *arg)
{
	struct reader *reader = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&reader->lock);
	for (;;) {
		struct read_request *request;
		int result;

		while (TAILQ_EMPTY(&reader->todo) && !reader->stop)
			pthread_cond_wait(&reader->wake, &reader->lock);
		if (reader->stop)
			break;
		request = TAILQ_FIRST(&reader->todo);
		TAILQ_REMOVE(&reader->todo, request, link);
		pthread_mutex_unlock(&reader->lock);

		result = request->step(reader->store, request);

		pthread_mutex_lock(&reader->lock);
		if (result == READER_AGAIN) {
			TAILQ_INSERT_TAIL(&reader->todo, request, link);
			continue;
		}
		request->result = result;
		TAILQ_INSERT_TAIL(&reader->done, request, link);
		require(write(reader->done_fd, &one, sizeof(one)) ==
			sizeof(one));
	}
	pthread_mutex_unlock(&reader->lock);
	return NULL;
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct read_requests done = TAILQ_HEAD_INITIALIZER(done);
	struct reader *reader = arg;
	struct read_request *request;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&reader->lock);
	TAILQ_CONCAT(&done, &reader->done, link);
	pthread_mutex_unlock(&reader->lock);
	while ((request = TAILQ_FIRST(&done))) {
		TAILQ_REMOVE(&done, request, link);
		if (request->result == STORE_E_CORRUPT ||
		    request->result == STORE_E_IO)
			reader->failed = request->result;
		request->done(request, request->result);
	}
}

int reader_start(struct reader *reader, struct event_base *base,
		 struct store *store)
{
	sigset_t all, old;
	int r;

	*reader = (struct reader){
		.store = store,
		.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	TAILQ_INIT(&reader->todo);
	TAILQ_INIT(&reader->done);
	if (reader->done_fd < 0)
		return -errno;
	pthread_mutex_init(&reader->lock, NULL);
	pthread_cond_init(&reader->wake, NULL);
	reader->done_event = event_new(base, reader->done_fd,
				       EV_READ | EV_PERSIST, on_done, reader);
	if (!reader->done_event || event_add(reader->done_event, NULL) < 0)
		return -ENOMEM;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&reader->thread, NULL, reader_thread, reader);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	reader->started = r == 0;
	return -r;
}

void reader_ask(struct reader *reader, struct read_request *request)
{
	pthread_mutex_lock(&reader->lock);
	TAILQ_INSERT_TAIL(&reader->todo, request, link);
	pthread_cond_signal(&reader->wake);
	pthread_mutex_unlock(&reader->lock);
}

void reader_stop(struct reader *reader)
{
	struct read_request *request;

	if (reader->started) {
		pthread_mutex_lock(&reader->lock);
		reader->stop = true;
		pthread_cond_signal(&reader->wake);
		pthread_mutex_unlock(&reader->lock);
		pthread_join(reader->thread, NULL);
		on_done(reader->done_fd, 0, reader);
		while ((request = TAILQ_FIRST(&reader->todo))) {
			TAILQ_REMOVE(&reader->todo, request, link);
			request->done(request, -ECANCELED);
		}
	}
	if (reader->done_event)
		event_free(reader->done_event);
	if (reader->done_fd >= 0)
		close(reader->done_fd);
	*reader = (struct reader){.done_fd = -1};
}
