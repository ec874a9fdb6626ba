/*
 * The broker with handlers that do nothing: a supervisor, workers and a client
 * are played here, so that what is measured is the daemon's own part.
 *
 *	bench-handlers REEVED DIRECTORY map|calls|lone JOBS WORKERS WINDOW [MEMBERS]
 *
 * map: SubmitMany of 1000 each, into a group whose ends are streamed by Wait,
 *	at most WINDOW items ahead of the ends.
 * calls: one Submit a job, WINDOW of them outstanding, ends by the same stream.
 * lone: Submit with more, one after the other. MEMBERS: more of each Spec, as
 * "\"durability\":\"result\"". Prints jobs a second, and the broker's CPU.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/channel.h"

#define POOL                                                                   \
	"[{\"number\":0,\"name\":\"exec\",\"kind\":0,\"min\":1,\"max\":1,"     \
	"\"idle_ms\":0,\"ping_ms\":0,\"retire_jobs\":0,\"retire_age_ms\":0,"   \
	"\"retire_kib\":0,\"jitter_permille\":0,\"broken\":0,\"handles\":[]}," \
	"{\"number\":1,\"name\":\"p\",\"kind\":1,\"min\":1,\"max\":64,"        \
	"\"idle_ms\":60000,\"ping_ms\":0,\"retire_jobs\":0,"                   \
	"\"retire_age_ms\":0,\"retire_kib\":0,\"jitter_permille\":0,"          \
	"\"broken\":0,\"handles\":[\"noop\"]}]"
#define MANY 1000

static const char *directory, *members = "";

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_un address(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", directory, name);
	return a;
}

static int listen_at(const char *name)
{
	struct sockaddr_un a = address(name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 128))
		fail(name);
	return fd;
}

static int dial(const char *name)
{
	struct sockaddr_un a = address(name);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		fail(name);
	return fd;
}

static void send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t did = write(fd, p, n);

		if (did < 0)
			fail("write");
		p += did;
		n -= (size_t)did;
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- What arrives, line by line ---- */

struct lines {
	int fd;
	char *p;
	size_t from, n, room;
};

/* The next line that is there whole, or NULL; a read when none is. */
static char *next_line(struct lines *in)
{
	for (;;) {
		char *end = memchr(in->p + in->from, '\n', in->n - in->from);
		char *line = in->p + in->from;
		ssize_t got;

		if (end) {
			*end = '\0';
			in->from = (size_t)(end - in->p) + 1;
			return line;
		}
		memmove(in->p, in->p + in->from, in->n - in->from);
		in->n -= in->from;
		in->from = 0;
		if (in->n == in->room) {
			in->room = in->room ? in->room * 2 : 1 << 20;
			in->p = realloc(in->p, in->room);
		}
		got = read(in->fd, in->p + in->n, in->room - in->n);
		if (got <= 0)
			return NULL;
		in->n += (size_t)got;
	}
}

static bool has_line(const struct lines *in)
{
	return memchr(in->p + in->from, '\n', in->n - in->from);
}

/* ---- A worker ---- */

static _Noreturn void worker(int64_t id)
{
	struct lines in = {.fd = dial("worker.sock"), .room = 1 << 20};
	static char out[1 << 20];
	size_t n = 0;
	char *line;

	in.p = malloc(in.room);
	n = (size_t)snprintf(
		out, sizeof(out),
		"{\"ready\":1,\"secret\":\"%032x\",\"worker\":%lld,"
		"\"pid\":%d,\"handlers\":[\"noop\"],\"prefetch\":"
		"4096,\"holding\":[]}\n",
		0, (long long)id, (int)getpid());
	send_all(in.fd, out, n);
	n = 0;
	while ((line = next_line(&in))) {
		long long job, token;

		if (sscanf(line, "{\"job\":%lld,\"attempt\":1,\"token\":%lld",
			   &job, &token) == 2)
			n += (size_t)snprintf(out + n, sizeof(out) - n,
					      "{\"done\":%lld,\"token\":%lld,"
					      "\"result\":%lld,\"run_us\":1}\n",
					      job, token, job);
		if (n && (!has_line(&in) || n > sizeof(out) / 2)) {
			send_all(in.fd, out, n);
			n = 0;
		}
	}
	exit(0);
}

/* ---- The supervisor ---- */

static void tell(int fd, const struct channel_message *message)
{
	if (channel_send(fd, message))
		fail("channel");
}

static pid_t start_broker(const char *reeved, int channel)
{
	int workers = listen_at("worker.sock"), clients = listen_at("c.sock");
	pid_t pid = fork();
	char state[200], runtime[200];

	if (pid) {
		close(workers);
		close(clients);
		return pid;
	}
	dup2(channel, 63);
	dup2(workers, 64);
	dup2(clients, 65);
	dup2(63, 3);
	dup2(64, 4);
	dup2(65, 5);
	setenv("REEVE_LISTEN", "1", 1);
	snprintf(state, sizeof(state), "--state-dir=%s/state", directory);
	snprintf(runtime, sizeof(runtime), "--runtime-dir=%s", directory);
	execl(reeved, reeved, "broker", state, runtime, "--log-level=warning",
	      (char *)NULL);
	fail(reeved);
	return 0;
}

static void tell_pools(int channel)
{
	struct channel_message piece = {.kind = CHANNEL_TEXT};
	const char *p = POOL;

	while (*p) {
		size_t n = strlen(p) < 127 ? strlen(p) : 127;

		memcpy(piece.reason, p, n);
		piece.reason[n] = '\0';
		tell(channel, &piece);
		p += n;
	}
	tell(channel, &(struct channel_message){.kind = CHANNEL_POOLS});
}

/* ---- The client ---- */

static long long number(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	if (!at) {
		fprintf(stderr, "no %s in %.300s\n", key, line);
		exit(1);
	}
	return atoll(at + strlen(key));
}

static char *ask(struct lines *in, const char *text)
{
	char *line;

	send_all(in->fd, text, strlen(text));
	line = next_line(in);
	if (!line)
		fail("closed");
	return line;
}

/* How many ends a reply tells of. */
static long ends_in(const char *line)
{
	long count = 0;

	while ((line = strstr(line, "\"state\":\""))) {
		count++;
		line += 8;
	}
	return count;
}

static long long open_stream(struct lines *ask_in, struct lines *ends,
			     const char *brief)
{
	char text[256];
	long long group;

	group = number(
		ask(ask_in, "{\"method\":\"org.reeve.jobs.OpenGroup\"}\n"),
		"\"group\":");
	snprintf(text, sizeof(text),
		 "{\"method\":\"org.reeve.jobs.Wait\",\"more\":true,"
		 "\"parameters\":{\"group\":%lld%s}}\n",
		 group, brief);
	send_all(ends->fd, text, strlen(text));
	return group;
}

static long take_ends(struct lines *ends)
{
	char *line = next_line(ends);
	long count;

	if (!line)
		fail("stream closed");
	count = ends_in(line);
	while (has_line(ends))
		count += ends_in(next_line(ends));
	return count;
}

static void run_map(struct lines *in, struct lines *ends, long jobs,
		    long window, const char *brief)
{
	long long group = open_stream(in, ends, brief);
	char *text = malloc(64 * MANY + 1024);
	long sent = 0, done = 0;
	size_t n;

	while (done < jobs) {
		if (sent < jobs && sent - done + MANY <= window) {
			n = (size_t)sprintf(text,
					    "{\"method\":\"org.reeve.jobs."
					    "SubmitMany\",\"parameters\":{"
					    "\"defaults\":{\"handler\":"
					    "\"noop\",\"group\":%lld%s},"
					    "\"jobs\":[",
					    group, members);
			for (int i = 0; i < MANY; i++)
				n += (size_t)sprintf(text + n,
						     "%s{\"args\":{\"i\":%ld}}",
						     i ? "," : "", sent + i);
			strcpy(text + n, "]}}\n");
			if (!strstr(ask(in, text), "\"rejected\":[]"))
				fail("a job was rejected");
			sent += MANY;
			continue;
		}
		done += take_ends(ends);
	}
	free(text);
}

static void run_calls(struct lines *in, struct lines *ends, long jobs,
		      long window, const char *brief)
{
	long long group = open_stream(in, ends, brief);
	char *text = malloc((size_t)window * 256);
	long sent = 0, done = 0;

	fcntl(in->fd, F_SETFL, O_NONBLOCK);
	while (done < jobs) {
		size_t n = 0;

		for (; sent < jobs && sent - done < window; sent++)
			n += (size_t)sprintf(text + n,
					     "{\"method\":\"org.reeve.jobs."
					     "Submit\",\"parameters\":{\"job\":"
					     "{\"handler\":\"noop\",\"group\":"
					     "%lld%s,\"args\":{\"i\":%ld}}}}\n",
					     group, members, sent);
		fcntl(in->fd, F_SETFL, 0);
		send_all(in->fd, text, n);
		fcntl(in->fd, F_SETFL, O_NONBLOCK);
		while (next_line(in))
			continue;
		done += take_ends(ends);
	}
	free(text);
}

static void run_lone(struct lines *in, long jobs)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"method\":\"org.reeve.jobs.Submit\",\"more\":true,"
		 "\"parameters\":{\"job\":{\"handler\":\"noop\"%s}}}\n",
		 members);
	for (long i = 0; i < jobs; i++) {
		ask(in, text);
		next_line(in);
	}
}

static void make_folders(void)
{
	static const char *const names[] = {"state", "state/results",
					    "state/output"};
	char path[256];

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		if (mkdir(path, 0700) && errno != EEXIST)
			fail(path);
	}
}

int main(int argc, char **argv)
{
	struct lines in = {.room = 1 << 20}, ends = {.room = 1 << 20};
	const char *brief = getenv("BENCH_BRIEF") ? ",\"brief\":true" : "";
	struct rusage usage;
	long jobs, workers, window;
	int channel[2];
	double from, took;
	pid_t broker;

	if (argc < 7)
		return 100;
	signal(SIGPIPE, SIG_IGN);
	directory = argv[2];
	jobs = atol(argv[4]);
	workers = atol(argv[5]);
	window = atol(argv[6]);
	if (argc > 7) {
		static char more[256];

		snprintf(more, sizeof(more), ",%s", argv[7]);
		members = more;
	}
	make_folders();
	if (channel_pair(channel))
		fail("channel");
	broker = start_broker(argv[1], channel[1]);
	close(channel[1]);
	tell_pools(channel[0]);
	for (long i = 1; i <= workers; i++) {
		pid_t pid = fork();

		if (!pid) {
			close(channel[0]);
			worker(i);
		}
		tell(channel[0], &(struct channel_message){
					 .kind = CHANNEL_BORN,
					 .worker = i,
					 .slot = (int32_t)i,
					 .pid = pid,
					 .pool_number = 1,
					 .pool = "p",
				 });
	}
	tell(channel[0], &(struct channel_message){.kind = CHANNEL_ANNOUNCED});
	usleep(200000);
	in.fd = dial("c.sock");
	ends.fd = dial("c.sock");
	in.p = malloc(in.room);
	ends.p = malloc(ends.room);
	from = seconds();
	if (strcmp(argv[3], "map") == 0)
		run_map(&in, &ends, jobs, window, brief);
	else if (strcmp(argv[3], "calls") == 0)
		run_calls(&in, &ends, jobs, window, brief);
	else
		run_lone(&in, jobs);
	took = seconds() - from;
	close(channel[0]);
	while (waitpid(broker, NULL, 0) < 0 && errno == EINTR)
		continue;
	getrusage(RUSAGE_CHILDREN, &usage);
	printf("%s: %.0f jobs/s, %.2f us of broker CPU each, peak %ld KiB\n",
	       argv[3], (double)jobs / took,
	       ((double)usage.ru_utime.tv_sec * 1e6 +
		(double)usage.ru_utime.tv_usec +
		(double)usage.ru_stime.tv_sec * 1e6 +
		(double)usage.ru_stime.tv_usec) /
		       (double)jobs,
	       usage.ru_maxrss);
	return 0;
}
