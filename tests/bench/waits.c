/*
 * Many who wait: the memory that they cost, and how soon they are told.
 *
 *	waits SOCKET CONNECTIONS EACH ROUNDS
 *
 * CONNECTIONS connections wait for EACH held jobs of the handler `stamp`, whose
 * result is the time at which it ended. Says "waiting" and goes on with the
 * next line of stdin; then ROUNDS jobs are released one after the other, each
 * of another connection, and the time from the job's end to its waiter is
 * printed in microseconds. At last all others are released at once: prints how
 * many, and the seconds until the last was told. Plain sockets, none of reeve's
 * own code.
 */

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BATCH 1000
#define ANSWER_BYTES (1024 * 1024)

struct crowd {
	const char *path;
	int control, poll;
	int *fds;
	long connections, each;
	long *ids;
	char *answer;
};

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		err(1, "socket");
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "connect %s", path);
	return fd;
}

/* With the zero byte that ends it. */
static void say(int fd, const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = send(fd, text, bytes, MSG_NOSIGNAL);

		if (n <= 0)
			err(1, "send");
		text += n;
		bytes -= (size_t)n;
	}
}

/* One whole message, of the only call that is unanswered here. */
static char *hear(struct crowd *crowd, int fd)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = recv(fd, crowd->answer + n, ANSWER_BYTES - n, 0);

		if (got <= 0)
			err(1, "recv");
		n += (size_t)got;
		if (memchr(crowd->answer + n - got, 0, (size_t)got))
			break;
	}
	if (strstr(crowd->answer, "\"error\""))
		errx(1, "%s", crowd->answer);
	return crowd->answer;
}

static void submit(struct crowd *crowd, long *ids, long count)
{
	size_t bytes;
	char *text, *at;
	FILE *out = open_memstream(&text, &bytes);

	fprintf(out, "{\"method\":\"org.reeve.jobs.SubmitMany\",\"parameters\":"
		     "{\"jobs\":[");
	for (long i = 0; i < count; i++)
		fprintf(out, "%s{\"handler\":\"stamp\",\"hold\":true}",
			i ? "," : "");
	fprintf(out, "]}}");
	fputc(0, out);
	fclose(out);
	say(crowd->control, text, bytes);
	free(text);
	at = strstr(hear(crowd, crowd->control), "\"ids\":[");
	if (!at)
		errx(1, "no ids: %.200s", crowd->answer);
	at += 7;
	for (long i = 0; i < count; i++) {
		ids[i] = strtol(at, &at, 10);
		at++;
	}
}

static void wait_for(struct crowd *crowd, long i)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)i};
	const long *ids = crowd->ids + i * crowd->each;
	size_t bytes;
	char *text;
	FILE *out = open_memstream(&text, &bytes);

	fprintf(out, "{\"method\":\"org.reeve.jobs.Wait\",\"parameters\":"
		     "{\"brief\":true,\"ids\":[");
	for (long k = 0; k < crowd->each; k++)
		fprintf(out, "%s%ld", k ? "," : "", ids[k]);
	fprintf(out, "]},\"more\":true}");
	fputc(0, out);
	fclose(out);
	crowd->fds[i] = dial(crowd->path);
	say(crowd->fds[i], text, bytes);
	free(text);
	if (epoll_ctl(crowd->poll, EPOLL_CTL_ADD, crowd->fds[i], &event) < 0)
		err(1, "epoll");
}

static void release(struct crowd *crowd, long id)
{
	char call[160];
	int n = id ? snprintf(call, sizeof(call),
			      "{\"method\":\"org.reeve.jobs.Release\","
			      "\"parameters\":{\"filter\":{\"ids\":[%ld]}}}",
			      id)
		   : snprintf(call, sizeof(call),
			      "{\"method\":\"org.reeve.jobs.Release\","
			      "\"parameters\":{\"filter\":{\"states\":"
			      "[\"held\"]}}}");

	say(crowd->control, call, (size_t)n + 1);
}

/* Who is told, how many ends at once, and the delay of the first of them. */
static long told(struct crowd *crowd, long *ret_ends, long long *ret_ns)
{
	struct epoll_event event;
	long ends = 0;
	ssize_t n;
	long long now;
	char *at;

	if (epoll_wait(crowd->poll, &event, 1, 60000) <= 0)
		errx(1, "nobody is told");
	n = recv(crowd->fds[event.data.u64], crowd->answer, ANSWER_BYTES - 1,
		 0);
	now = now_ns();
	if (n <= 0)
		errx(1, "a connection was closed");
	for (ssize_t i = 0; i < n; i++) {
		if (!crowd->answer[i])
			crowd->answer[i] = '\n';
	}
	crowd->answer[n] = 0;
	if (strstr(crowd->answer, "\"error\""))
		errx(1, "%s", crowd->answer);
	for (at = crowd->answer; (at = strstr(at, "\"result\":")); at += 9) {
		if (ends++ == 0)
			*ret_ns = now - strtoll(at + 9, NULL, 10);
	}
	*ret_ends = ends;
	return (long)event.data.u64;
}

static void one_by_one(struct crowd *crowd, long rounds)
{
	long step = crowd->connections > rounds ? crowd->connections / rounds
						: 1;

	for (long i = 0; i < rounds; i++) {
		long who = i * step % crowd->connections;
		long nth = i * step / crowd->connections;
		long long took_ns;
		long ends;

		release(crowd, crowd->ids[who * crowd->each + nth]);
		if (told(crowd, &ends, &took_ns) != who || ends != 1)
			errx(1, "another one is told");
		(void)hear(crowd, crowd->control);
		printf("%.1f\n", (double)took_ns / 1000);
	}
}

static void all_others(struct crowd *crowd, long left)
{
	long long began = now_ns(), took_ns;
	long count = left, ends;

	/* At most some thousands in a call; those answers are not read. */
	for (long i = 0; i < left; i += 1000)
		release(crowd, 0);
	while (left > 0) {
		(void)told(crowd, &ends, &took_ns);
		left -= ends;
	}
	printf("%ld %.3f\n", count, (double)(now_ns() - began) / 1e9);
}

int main(int argc, char **argv)
{
	struct crowd crowd = {.poll = epoll_create1(EPOLL_CLOEXEC)};
	long rounds, total;

	if (argc != 5)
		errx(2, "SOCKET CONNECTIONS EACH ROUNDS");
	crowd.path = argv[1];
	crowd.connections = strtol(argv[2], NULL, 10);
	crowd.each = strtol(argv[3], NULL, 10);
	rounds = strtol(argv[4], NULL, 10);
	total = crowd.connections * crowd.each;
	if (rounds > total)
		rounds = total;
	crowd.ids = calloc((size_t)total, sizeof(*crowd.ids));
	crowd.fds = calloc((size_t)crowd.connections, sizeof(*crowd.fds));
	crowd.answer = malloc(ANSWER_BYTES);
	if (!crowd.ids || !crowd.fds || !crowd.answer)
		err(1, "memory");
	crowd.control = dial(crowd.path);
	for (long i = 0; i < total; i += BATCH)
		submit(&crowd, crowd.ids + i,
		       total - i < BATCH ? total - i : BATCH);
	puts("submitted");
	fflush(stdout);
	getchar();
	for (long i = 0; i < crowd.connections; i++)
		wait_for(&crowd, i);
	puts("waiting");
	fflush(stdout);
	getchar();
	one_by_one(&crowd, rounds);
	all_others(&crowd, total - rounds);
	return 0;
}
