#include "client/slow.h"

#include "client/text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#define SLOW_SECONDS 1

/* Written before the signal may come, and only read then. */
static char said[256];
static size_t said_bytes;

static void on_alarm(int number)
{
	int saved = errno;

	(void)number;
	if (write(STDERR_FILENO, said, said_bytes) < 0)
		errno = saved;
	errno = saved;
}

const char *slow_text(const char *queue, char *ret, size_t bytes)
{
	queue = queue ? queue : "default";
	snprintf(ret, bytes,
		 "no answer yet: queue '%.60s' may be full, and let its "
		 "submitters wait (reeve queue show %.60s); Ctrl-C gives up",
		 queue, queue);
	return ret;
}

static void set_timer(long seconds)
{
	struct itimerval timer = {.it_value = {.tv_sec = seconds}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

void slow_begin(const struct tool *tool, const char *queue)
{
	struct sigaction action = {.sa_handler = on_alarm,
				   .sa_flags = SA_RESTART};
	char text[sizeof(said) - 16];

	if (!tool->err.terminal || tool->quiet || tool->json)
		return;
	slow_text(queue, text, sizeof(text));
	text_clean(text);
	said_bytes = (size_t)snprintf(said, sizeof(said), "reeve: %s\n", text);
	sigaction(SIGALRM, &action, NULL);
	set_timer(SLOW_SECONDS);
}

void slow_end(void)
{
	set_timer(0);
}
