#include "client/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static volatile sig_atomic_t latest;
static volatile sig_atomic_t count;
static volatile sig_atomic_t allowed = 1;
static int ends[2] = {-1, -1};

static void on_signal(int number)
{
	int saved = errno;
	char byte = 0;

	if (++count > allowed) {
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	caught = latest = number;
	/* A full pipe is readable as well. */
	if (write(ends[1], &byte, 1) < 0)
		errno = saved;
	errno = saved;
}

volatile sig_atomic_t *interrupt_catch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_signal};
	struct sigaction before;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		ends[0] = ends[1] = -1;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* Under nohup a hangup stays ignored. */
		if (sigaction(signals[i], NULL, &before) == 0 &&
		    before.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &action, NULL);
	}
	return &caught;
}

void interrupt_taken(void)
{
	char byte;

	while (ends[0] >= 0 && read(ends[0], &byte, 1) == 1)
		;
	caught = 0;
}

void interrupt_allow(int most)
{
	allowed = most;
}

int interrupt_end(void)
{
	int number = latest ? latest : SIGINT;

	signal(number, SIG_DFL);
	raise(number);
	return 128 + number;
}

int interrupt_count(void)
{
	return count;
}

int interrupt_fd(void)
{
	return ends[0];
}
