#include "daemon/worker/run_kill.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

void run_signal_group(int32_t main, int signal)
{
	require(main > 1);
	(void)kill(-main, signal);
}

static void end_child(pid_t pid)
{
	pid_t group = getpgid(pid);

	/* Never our own: every job has a session, none can join our group. */
	if (group > 1 && group != getpgrp())
		(void)kill(-group, SIGKILL);
	(void)kill(pid, SIGKILL);
}

void run_kill_children(void)
{
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	char text[4096];
	pid_t pid = 0;
	ssize_t n;

	if (fd < 0)
		return;
	/* "71 72 73 "; a list that changes meanwhile is for the next round. */
	while ((n = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + text[i] - '0';
			} else {
				if (pid > 1)
					end_child(pid);
				pid = 0;
			}
		}
	}
	close(fd);
}
