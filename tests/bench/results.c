/*
 * Results in the submitter's hands: jobs of one group, submitted on one
 * connection, their ends read from another as they come.
 *
 *	results SOCKET TOTAL BATCH WINDOW SPEC
 *
 * BATCH jobs a call (0: Submit, one job), WINDOW jobs at most without a result.
 * Plain sockets, none of reeve's own code. Prints: jobs, seconds.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES (256 * 1024)

struct run {
	int out, in; /* submissions; results */
	char *text;  /* of one call */
	size_t bytes, sent;
	long batch, window, total;
	long submitted, ended;
	/* The end of what was read, when a word may be cut in two. */
	char rest[16];
	size_t rest_bytes;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
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

static long open_group(int fd)
{
	static const char call[] =
		"{\"method\":\"org.reeve.jobs.OpenGroup\",\"parameters\":{}}";
	char answer[4096];
	const char *at;
	ssize_t n;

	if (send(fd, call, sizeof(call), 0) < 0)
		err(1, "send");
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	if (n <= 0)
		err(1, "recv");
	answer[n] = 0;
	at = strstr(answer, "\"group\":");
	if (!at)
		errx(1, "no group: %s", answer);
	return strtol(at + 8, NULL, 10);
}

static void wait_group(int fd, long group)
{
	char call[160];
	int n = snprintf(call, sizeof(call),
			 "{\"method\":\"org.reeve.jobs.Wait\",\"parameters\":"
			 "{\"group\":%ld},\"more\":true}",
			 group);

	if (send(fd, call, (size_t)n + 1, 0) < 0)
		err(1, "send");
}

static void make_call(struct run *run, long group, const char *spec)
{
	FILE *out = open_memstream(&run->text, &run->bytes);

	fprintf(out, "{\"method\":\"org.reeve.jobs.%s\",\"parameters\":{%s",
		run->batch ? "SubmitMany" : "Submit",
		run->batch ? "\"jobs\":[" : "\"job\":");
	/* SPEC is an object that is not empty: the group goes in front. */
	for (long i = 0; i < (run->batch ? run->batch : 1); i++)
		fprintf(out, "%s{\"group\":%ld,%s", i ? "," : "", group,
			spec + 1);
	fprintf(out, "%s}}", run->batch ? "]" : "");
	fputc(0, out);
	fclose(out);
	if (!run->batch)
		run->batch = 1;
}

static bool may_submit(const struct run *run)
{
	return run->sent ||
	       (run->submitted + run->batch <= run->total &&
		run->submitted + run->batch - run->ended <= run->window);
}

static void submit(struct run *run)
{
	while (may_submit(run)) {
		ssize_t n = send(run->out, run->text + run->sent,
				 run->bytes - run->sent, MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			err(1, "send");
		run->sent += (size_t)n;
		if (run->sent < run->bytes)
			return;
		run->sent = 0;
		run->submitted += run->batch;
	}
}

/* Every end says its state, once. */
static void count(struct run *run, char *text, size_t n)
{
	static const char word[] = "\"state\":\"";
	const size_t word_bytes = sizeof(word) - 1;
	char *at = text, *end = text + n;

	while ((at = memmem(at, (size_t)(end - at), word, word_bytes))) {
		run->ended++;
		at += word_bytes;
	}
	run->rest_bytes = n < word_bytes - 1 ? n : word_bytes - 1;
	memcpy(run->rest, end - run->rest_bytes, run->rest_bytes);
}

static void receive(struct run *run)
{
	static char text[READ_BYTES + sizeof(run->rest)];
	ssize_t n;

	memcpy(text, run->rest, run->rest_bytes);
	n = recv(run->in, text + run->rest_bytes, READ_BYTES, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		err(1, "results");
	if (n > 0)
		count(run, text, run->rest_bytes + (size_t)n);
}

static void drop_answers(int fd)
{
	static char text[READ_BYTES];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		err(1, "answers");
	if (n > 0 && memmem(text, (size_t)n, "\"error\"", 7))
		errx(1, "refused: %.300s", text);
}

int main(int argc, char **argv)
{
	struct run run = {0};
	double began;
	long group;

	if (argc != 6)
		errx(2, "see the head of results.c");
	run.total = atol(argv[2]);
	run.batch = atol(argv[3]);
	run.window = atol(argv[4]);
	run.out = dial(argv[1]);
	run.in = dial(argv[1]);
	group = open_group(run.out);
	wait_group(run.in, group);
	make_call(&run, group, argv[5]);
	run.total -= run.total % run.batch;
	began = seconds();
	while (run.ended < run.total) {
		struct pollfd fds[] = {
			{run.out, POLLIN, 0},
			{run.in, POLLIN, 0},
		};

		if (may_submit(&run))
			fds[0].events |= POLLOUT;
		if (poll(fds, 2, -1) < 0)
			err(1, "poll");
		if (fds[0].revents & POLLIN)
			drop_answers(run.out);
		if (fds[1].revents & POLLIN)
			receive(&run);
		if (fds[0].revents & POLLOUT || may_submit(&run))
			submit(&run);
	}
	printf("%ld %.6f\n", run.ended, seconds() - began);
	free(run.text);
	return 0;
}
