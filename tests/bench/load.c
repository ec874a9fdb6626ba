/*
 * A load generator for the benchmarks: plain sockets and epoll, none of reeve's
 * own code, so that what is measured is the daemon.
 *
 *	load submit SOCKET CONNECTIONS WINDOW BATCH TOTAL SPEC
 *	load jobs SOCKET TOTAL SPEC
 *	load calls SOCKET TOTAL SPEC
 *	load beanstalk SOCKET CONNECTIONS WINDOW TOTAL BYTES
 *	load redis SOCKET CONNECTIONS WINDOW TOTAL BYTES
 *
 * submit: each connection keeps WINDOW calls unanswered; each call brings
 * BATCH jobs (0: Submit, one job). jobs: submitted in batches of 1000 into one
 * group, until the group is complete. calls: one Submit with `more` after the
 * other, until the job has ended; prints each time in microseconds. beanstalk:
 * `put` of BYTES. redis: RPUSH of BYTES.
 *
 * The last line: jobs, seconds.
 */

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

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

/* One call, ready to be sent as often as is wanted. */
struct message {
	char *text;
	size_t bytes;
	long jobs; /* that it brings */
};

static struct message message_submit(long batch, const char *spec)
{
	struct message message = {.jobs = batch ? batch : 1};
	FILE *out = open_memstream(&message.text, &message.bytes);

	if (batch == 0) {
		fprintf(out,
			"{\"method\":\"org.reeve.jobs.Submit\","
			"\"parameters\":{\"job\":%s}}",
			spec);
	} else {
		fprintf(out, "{\"method\":\"org.reeve.jobs.SubmitMany\","
			     "\"parameters\":{\"jobs\":[");
		for (long i = 0; i < batch; i++)
			fprintf(out, "%s%s", i ? "," : "", spec);
		fprintf(out, "]}}");
	}
	fputc(0, out);
	fclose(out);
	return message;
}

static struct message message_put(long bytes)
{
	struct message message = {.jobs = 1};
	FILE *out = open_memstream(&message.text, &message.bytes);

	fprintf(out, "put 0 0 60 %ld\r\n", bytes);
	for (long i = 0; i < bytes; i++)
		fputc('x', out);
	fprintf(out, "\r\n");
	fclose(out);
	return message;
}

static struct message message_push(long bytes)
{
	struct message message = {.jobs = 1};
	FILE *out = open_memstream(&message.text, &message.bytes);

	fprintf(out, "*3\r\n$5\r\nRPUSH\r\n$4\r\njobs\r\n$%ld\r\n", bytes);
	for (long i = 0; i < bytes; i++)
		fputc('x', out);
	fprintf(out, "\r\n");
	fclose(out);
	return message;
}

/* A connection that keeps a window of calls unanswered. */
struct line {
	int fd;
	long unanswered;
	bool begun;   /* a message is being written */
	bool blocked; /* until there is room for the rest of it */
	size_t sent;  /* of it */
};

struct load {
	struct line *lines;
	int epoll;
	long line_count, window;
	long left;    /* messages that were not begun */
	long answers; /* that are still to come */
	char end;     /* of an answer: NUL, or newline */
};

static void load_check(const char *text, size_t bytes)
{
	static const char bad[] = "\"error\"";

	if (memmem(text, bytes, bad, sizeof(bad) - 1))
		errx(1, "refused: %.*s", (int)(bytes > 500 ? 500 : bytes),
		     text);
}

static void load_read(struct load *load, struct line *line)
{
	static char buffer[1 << 16];
	ssize_t got = recv(line->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	const char *at = buffer;

	if (got == 0 || (got < 0 && errno != EAGAIN))
		err(1, "connection lost");
	if (got < 0)
		return;
	load_check(buffer, (size_t)got);
	while ((at = memchr(at, load->end, (size_t)(buffer + got - at)))) {
		at++;
		line->unanswered--;
		load->answers--;
	}
}

static bool load_may_begin(const struct load *load, const struct line *line)
{
	return load->left > 0 && line->unanswered < load->window;
}

static void load_write(struct load *load, struct line *line,
		       const struct message *message)
{
	while (line->begun || load_may_begin(load, line)) {
		ssize_t put;

		if (!line->begun) {
			line->begun = true;
			line->sent = 0;
			line->unanswered++;
			load->left--;
		}
		put = send(line->fd, message->text + line->sent,
			   message->bytes - line->sent,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
		if (put < 0 && errno != EAGAIN)
			err(1, "send");
		if (put < 0)
			return;
		line->sent += (size_t)put;
		if (line->sent == message->bytes)
			line->begun = false;
	}
}

/* Write what may be written, and hear of room only when there was none. */
static void load_go_on(struct load *load, struct line *line,
		       const struct message *message)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};

	load_write(load, line, message);
	if (line->begun == line->blocked)
		return;
	line->blocked = line->begun;
	if (line->blocked)
		event.events |= EPOLLOUT;
	if (epoll_ctl(load->epoll, EPOLL_CTL_MOD, line->fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void load_run(struct load *load, const struct message *message)
{
	struct epoll_event events[64];

	for (long i = 0; i < load->line_count; i++)
		load_go_on(load, &load->lines[i], message);
	while (load->answers > 0) {
		int count = epoll_wait(load->epoll, events, 64, 30000);

		/* Also SIGCONT interrupts it: signal(7). */
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			errx(1, "no answer for 30 s");
		for (int i = 0; i < count; i++) {
			struct line *line = events[i].data.ptr;

			if (events[i].events & (EPOLLIN | EPOLLHUP))
				load_read(load, line);
			load_go_on(load, line, message);
		}
	}
}

static void run_load(const char *path, long connections, long window,
		     long total, const struct message *message, char end)
{
	struct load load = {
		.line_count = connections,
		.window = window,
		.end = end,
		.left = total / message->jobs,
		.answers = total / message->jobs,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
	};
	double began;

	load.lines = calloc((size_t)connections, sizeof(*load.lines));
	for (long i = 0; i < connections; i++) {
		struct line *line = &load.lines[i];
		struct epoll_event event = {.events = EPOLLIN,
					    .data.ptr = line};

		line->fd = dial(path);
		if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, line->fd, &event) < 0)
			err(1, "epoll_ctl");
	}
	began = seconds();
	load_run(&load, message);
	printf("%ld %.6f\n", total / message->jobs * message->jobs,
	       seconds() - began);
	free(load.lines);
	close(load.epoll);
}

/* A blocking connection for one call after the other. */
struct caller {
	int fd;
	char *text;
	size_t used, room;
	char *answer;
};

static void caller_send(struct caller *caller, const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t put = send(caller->fd, text, bytes, MSG_NOSIGNAL);

		if (put < 0)
			err(1, "send");
		text += put;
		bytes -= (size_t)put;
	}
}

/* The next answer; forgotten with the next call of this. */
static const char *caller_read(struct caller *caller)
{
	char *end;

	while (caller->used == 0 ||
	       !(end = memchr(caller->text, 0, caller->used))) {
		ssize_t got;

		if (caller->used == caller->room) {
			caller->room = caller->room * 2 + 65536;
			caller->text = realloc(caller->text, caller->room);
		}
		got = recv(caller->fd, caller->text + caller->used,
			   caller->room - caller->used, 0);
		if (got <= 0)
			err(1, "connection lost");
		caller->used += (size_t)got;
	}
	free(caller->answer);
	caller->answer = strdup(caller->text);
	caller->used -= (size_t)(end + 1 - caller->text);
	memmove(caller->text, end + 1, caller->used);
	load_check(caller->answer, strlen(caller->answer));
	return caller->answer;
}

static void caller_call(struct caller *caller, const char *method, long group)
{
	char text[200];
	int bytes = snprintf(text, sizeof(text),
			     "{\"method\":\"org.reeve.jobs.%s\","
			     "\"parameters\":{\"group\":%ld}}",
			     method, group);

	caller_send(caller, text, (size_t)bytes + 1);
}

static void run_calls(const char *path, long total, const char *spec)
{
	struct caller caller = {.fd = dial(path)};
	double began = seconds();
	char *text;
	int bytes = asprintf(&text,
			     "{\"method\":\"org.reeve.jobs.Submit\","
			     "\"parameters\":{\"job\":%s},\"more\":true}",
			     spec);

	for (long i = 0; i < total; i++) {
		double at = seconds();

		caller_send(&caller, text, (size_t)bytes + 1);
		caller_read(&caller);
		caller_read(&caller);
		printf("%.1f\n", (seconds() - at) * 1e6);
	}
	printf("%ld %.6f\n", total, seconds() - began);
	free(text);
}

static long number_after(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	if (!at)
		errx(1, "no %s in %.200s", name, text);
	return strtol(at + strlen(name), NULL, 10);
}

static void run_jobs(const char *path, long total, const char *spec)
{
	static const char open_group[] =
		"{\"method\":\"org.reeve.jobs.OpenGroup\",\"parameters\":{}}";
	struct caller caller = {.fd = dial(path)};
	struct message message;
	double began;
	long group, calls, sent = 0;
	char *with_group;

	caller_send(&caller, open_group, sizeof(open_group));
	group = number_after(caller_read(&caller), "\"group\":");
	/* SPEC is an object that is not empty: the group goes in front. */
	if (asprintf(&with_group, "{\"group\":%ld,%s", group, spec + 1) < 0)
		err(1, "memory");
	message = message_submit(total < 1000 ? total : 1000, with_group);
	calls = total / message.jobs;
	began = seconds();
	for (long answered = 0; answered < calls; answered++) {
		for (; sent < calls && sent < answered + 4; sent++)
			caller_send(&caller, message.text, message.bytes);
		caller_read(&caller);
	}
	caller_call(&caller, "CloseGroup", group);
	caller_read(&caller);
	caller_call(&caller, "Wait", group);
	caller_read(&caller);
	printf("%ld %.6f\n", calls * message.jobs, seconds() - began);
	free(message.text);
	free(with_group);
}

int main(int argc, char **argv)
{
	struct message message;

	if (argc == 8 && strcmp(argv[1], "submit") == 0) {
		message = message_submit(atol(argv[5]), argv[7]);
		run_load(argv[2], atol(argv[3]), atol(argv[4]), atol(argv[6]),
			 &message, 0);
	} else if (argc == 7 && strcmp(argv[1], "beanstalk") == 0) {
		message = message_put(atol(argv[6]));
		run_load(argv[2], atol(argv[3]), atol(argv[4]), atol(argv[5]),
			 &message, '\n');
	} else if (argc == 7 && strcmp(argv[1], "redis") == 0) {
		message = message_push(atol(argv[6]));
		run_load(argv[2], atol(argv[3]), atol(argv[4]), atol(argv[5]),
			 &message, '\n');
	} else if (argc == 5 && strcmp(argv[1], "jobs") == 0) {
		run_jobs(argv[2], atol(argv[3]), argv[4]);
	} else if (argc == 5 && strcmp(argv[1], "calls") == 0) {
		run_calls(argv[2], atol(argv[3]), argv[4]);
	} else {
		errx(2, "see the head of load.c");
	}
	return 0;
}
