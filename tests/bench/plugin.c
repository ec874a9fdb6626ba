/*
 * How fast is one plugin worker? Plays the supervisor of a template and the
 * broker of one worker of it: batches of jobs go out, results come back and are
 * settled. What the worker costs, without the store and the scheduler.
 *
 *	bench-plugin REEVED PLUGIN.so HANDLER JOBS BATCH BATCHES_AHEAD
 */

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/template.h"

struct bench {
	char folder[64], path[96];
	int channel, listener, link;
	pid_t template, worker;
	const char *handler;
	int64_t jobs, batch, ahead;
	int64_t sent, done, settled;
	int64_t line_bytes, reads;
};

static void say(struct bench *bench, const char *text, size_t n)
{
	while (n) {
		ssize_t w = send(bench->link, text, n, MSG_NOSIGNAL);

		if (w < 0)
			err(1, "the worker is gone");
		text += w;
		n -= (size_t)w;
	}
}

static void begin_template(struct bench *bench, const char *reeved,
			   const char *plugin)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int ends[2];

	snprintf(bench->folder, sizeof(bench->folder),
		 "/tmp/reeve-bench.XXXXXX");
	if (!mkdtemp(bench->folder))
		err(1, "%s", bench->folder);
	snprintf(bench->path, sizeof(bench->path), "%s/w", bench->folder);
	memcpy(address.sun_path, bench->path, strlen(bench->path) + 1);
	bench->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(bench->listener, (struct sockaddr *)&address,
		 sizeof(address)) < 0 ||
	    listen(bench->listener, 4) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		err(1, "sockets");
	bench->template = fork();
	if (bench->template == 0) {
		if (ends[1] == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(ends[1], 3);
		execl(reeved, "reeved", "template", "--state-dir",
		      bench->folder, "--worker-socket", bench->path, "--",
		      plugin, NULL);
		err(1, "%s", reeved);
	}
	close(ends[1]);
	bench->channel = ends[0];
}

static struct template_message hear(struct bench *bench, uint32_t op)
{
	struct template_message message = {0};

	if (recv(bench->channel, &message, sizeof(message), 0) <= 0)
		errx(1, "the template is gone");
	if (message.op != op)
		errx(1, "the template says %u: %s", message.op, message.text);
	return message;
}

static void begin_worker(struct bench *bench)
{
	static const char hello[] =
		"{\"hello\":1,\"socket\":\"/s\",\"max_line\":16777216}\n";
	struct template_message order = {.op = TEMPLATE_FORK, .worker = 1};
	char line[65536];

	if (send(bench->channel, &order, sizeof(order), 0) < 0)
		err(1, "the template");
	bench->worker = hear(bench, TEMPLATE_FORKED).pid;
	bench->link = accept4(bench->listener, NULL, NULL, SOCK_CLOEXEC);
	if (bench->link < 0 || recv(bench->link, line, sizeof(line), 0) <= 0)
		err(1, "the worker");
	say(bench, hello, sizeof(hello) - 1);
}

static void send_batch(struct bench *bench)
{
	static char text[1024 * 512];
	size_t n = 0;

	for (int64_t i = 0; i < bench->batch && bench->sent < bench->jobs;
	     i++) {
		int64_t id = ++bench->sent;

		n += (size_t)snprintf(
			text + n, sizeof(text) - n,
			"{\"job\":%" PRId64 ",\"attempt\":1,\"token\":%" PRId64
			",\"group\":0,\"context\":0,\"timeout_ms\":0,"
			"\"grace_ms\":10000,\"orphans\":\"kill\","
			"\"handler\":\"%s\",\"queue\":\"default\","
			"\"spec\":{\"args\":{\"n\":%" PRId64 "}}}\n",
			id, id, bench->handler, id);
	}
	say(bench, text, n);
}

static void settle(struct bench *bench)
{
	static char text[1024 * 64];
	size_t n = (size_t)snprintf(text, sizeof(text), "{\"settled\":[");

	while (bench->settled < bench->done && n < sizeof(text) - 32)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%" PRId64 ",", ++bench->settled);
	n += (size_t)snprintf(text + n - 1, sizeof(text) - n, "]}\n") - 1;
	say(bench, text, n);
}

static void run(struct bench *bench)
{
	static char text[1 << 18];

	while (bench->sent < bench->jobs &&
	       bench->sent < bench->batch * bench->ahead)
		send_batch(bench);
	while (bench->done < bench->jobs) {
		ssize_t n = recv(bench->link, text, sizeof(text), 0);

		if (n <= 0)
			errx(1, "the worker is gone");
		bench->reads++;
		bench->line_bytes += n;
		for (char *at = text;
		     (at = memchr(at, '\n', (size_t)(text + n - at))); at++)
			bench->done++;
		while (bench->done - bench->settled >= bench->batch)
			settle(bench);
		while (bench->sent < bench->jobs &&
		       bench->sent - bench->done <=
			       bench->batch * (bench->ahead - 1))
			send_batch(bench);
	}
}

static void end(struct bench *bench, struct rusage *usage)
{
	char path[160];

	close(bench->channel);
	kill(bench->worker, SIGKILL);
	wait4(bench->worker, NULL, 0, usage);
	waitpid(bench->template, NULL, 0);
	unlink(bench->path);
	snprintf(path, sizeof(path), "%s/results", bench->folder);
	rmdir(path);
	rmdir(bench->folder);
}

static double seconds_of(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	int64_t began_ns, took_ns;
	struct rusage usage;
	double seconds;

	if (argc != 7)
		errx(2, "REEVED PLUGIN.so HANDLER JOBS BATCH BATCHES_AHEAD");
	bench.handler = argv[3];
	bench.jobs = strtoll(argv[4], NULL, 10);
	bench.batch = strtoll(argv[5], NULL, 10);
	bench.ahead = strtoll(argv[6], NULL, 10);
	if (bench.batch < 1 || bench.batch > 2048 || bench.ahead < 1)
		errx(2, "BATCH is 1 to 2048, BATCHES_AHEAD at least 1");
	begin_template(&bench, argv[1], argv[2]);
	(void)hear(&bench, TEMPLATE_READY);
	begin_worker(&bench);
	began_ns = clock_mono_ns();
	run(&bench);
	took_ns = clock_mono_ns() - began_ns;
	seconds = (double)took_ns / 1e9;
	printf("%" PRId64 " jobs in %.3f s: %.0f a second, %.2f us a job, "
	       "%.1f results a read, %.0f bytes a result\n",
	       bench.jobs, seconds, (double)bench.jobs / seconds,
	       seconds * 1e6 / (double)bench.jobs,
	       (double)bench.jobs / (double)bench.reads,
	       (double)bench.line_bytes / (double)bench.jobs);
	end(&bench, &usage);
	printf("the worker used %.2f us of the CPU a job, %.0f %% in the "
	       "kernel\n",
	       (seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)) * 1e6 /
		       (double)bench.jobs,
	       100 * seconds_of(usage.ru_stime) /
		       (seconds_of(usage.ru_utime) +
			seconds_of(usage.ru_stime)));
	return 0;
}
