#include "daemon/worker/run_http.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/worker/handlers.h"
#include "daemon/worker/report.h"
#include "daemon/worker/transfer_end.h"
#include "daemon/worker/transfer_redirect.h"
#include "daemon/worker/worker_crash.h"

#define EVENTS_MAX 256
/* Each transfer may have a socket and, for a name, a pair of its resolver. */
#define TRANSFER_FDS 3
#define SPARE_FDS 64
/* Connections that are kept for the next job to the same host. */
#define KEPT_CONNECTIONS 256
/* A look-up that was given up ends without a word. */
#define LOOK_AGAIN_NS INT64_C(20000000)

static const struct runner_kind run_http_kind;

static struct run_http *of(struct runner *runner)
{
	return (struct run_http *)runner;
}

/* ---- What libcurl waits for ---- */

static int on_fd(CURL *easy, curl_socket_t fd, int what, void *data,
		 void *known)
{
	struct run_http *http = data;
	struct epoll_event event = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(http->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		(void)http->curl.multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (what != CURL_POLL_OUT)
		event.events |= EPOLLIN;
	if (what != CURL_POLL_IN)
		event.events |= EPOLLOUT;
	/* -1: libcurl ends the transfers that need it. */
	if (epoll_ctl(http->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
		      &event) < 0)
		return -1;
	(void)http->curl.multi_assign(http->multi, fd, http);
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *data)
{
	struct run_http *http = data;

	(void)multi;
	http->timer_ns = ms < 0 ? INT64_MAX
				: clock_mono_ns() + ms * INT64_C(1000000);
	return 0;
}

static void act(struct run_http *http, curl_socket_t fd, int what)
{
	int running;

	(void)http->curl.multi_socket_action(http->multi, fd, what, &running);
}

static void http_readable(struct runner *runner,
			  const struct pollfd fds[RUNNER_FDS])
{
	struct run_http *http = of(runner);
	struct epoll_event events[EVENTS_MAX];
	int n;

	if (!fds[0].revents)
		return;
	n = epoll_wait(http->epoll_fd, events, EVENTS_MAX, 0);
	for (int i = 0; i < n; i++) {
		int what = 0;

		if (events[i].events & (EPOLLIN | EPOLLHUP))
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & EPOLLERR)
			what |= CURL_CSELECT_ERR;
		act(http, events[i].data.fd, what);
	}
}

/* ---- Jobs ---- */

static void end(struct run_http *http, struct transfer *transfer)
{
	if (transfer->waits)
		TAILQ_REMOVE(&http->waiting, transfer, link);
	else
		TAILQ_REMOVE(&http->running, transfer, link);
	if (!transfer->job->started_ms)
		transfer->job->started_ms = clock_wall_ms();
	transfer_looked_up(transfer, false);
	TAILQ_INSERT_TAIL(&http->ended, transfer, link);
	if (transfer->easy)
		(void)http->curl.multi_remove_handle(http->multi,
						     transfer->easy);
}

/* The first that has ended becomes the runner's job: the desk reports it. */
static void show_next(struct run_http *http)
{
	struct runner *runner = &http->runner;
	struct transfer *transfer = TAILQ_FIRST(&http->ended);

	if (runner->state != RUNNER_IDLE || !transfer)
		return;
	TAILQ_REMOVE(&runner->others, transfer->job, link);
	runner->job = transfer->job;
	runner->started_ms = transfer->job->started_ms;
	runner->state = RUNNER_ENDED;
}

/* Those of libcurl; the process has one of its own. Counted by the kernel: a
 * look-up goes on when nobody waits for it any more. */
static int count_threads(void)
{
	struct stat tasks;

	/* A folder has two links of its own. */
	return stat("/proc/self/task", &tasks) == 0 ? (int)tasks.st_nlink - 3
						    : 0;
}

static int64_t until_ns(const struct transfer *transfer, int64_t now_ns)
{
	return now_ns + transfer->args.timeout_ms * 1000000;
}

static void start(struct run_http *http, struct transfer *transfer)
{
	TAILQ_REMOVE(&http->waiting, transfer, link);
	/* Who is not told of yet is last. */
	if (transfer->told)
		TAILQ_INSERT_HEAD(&http->running, transfer, link);
	else
		TAILQ_INSERT_TAIL(&http->running, transfer, link);
	transfer->waits = false;
	if (!transfer->hops) {
		transfer->job->started_ms = clock_wall_ms();
		transfer->until_ns = until_ns(transfer, clock_mono_ns());
	}
	if (transfer->host) {
		transfer->names = &http->names;
		http_names_look(&http->names);
	}
	worker_crash("start");
	if (http->curl.multi_add_handle(http->multi, transfer->easy) ==
	    CURLM_OK)
		return;
	transfer_fail(transfer, "ConnectionFailed", true,
		      "libcurl takes no transfer");
	end(http, transfer);
}

/* A name server that does not answer fails those that wait for their turn, as
 * it fails who waits for it. */
static void give_up(struct run_http *http, struct transfer *transfer)
{
	transfer_fail(transfer, "Timeout", true,
		      "the name server is so slow that its turn to look up "
		      "its host did not come within timeout_ms");
	end(http, transfer);
}

static void look_at_waiting(struct run_http *http, int64_t now_ns)
{
	struct transfer *transfer, *next;
	int threads = count_threads();

	for (transfer = TAILQ_FIRST(&http->waiting); transfer;
	     transfer = next) {
		next = TAILQ_NEXT(transfer, link);
		if (http_names_may(&http->names, transfer->host, threads,
				   now_ns))
			start(http, transfer);
		else if (now_ns >= transfer->until_ns)
			give_up(http, transfer);
	}
	http->look_ns = TAILQ_EMPTY(&http->waiting) ? INT64_MAX
						    : now_ns + LOOK_AGAIN_NS;
}

/* It has not begun, or goes on to another host. */
static void enter(struct run_http *http, struct transfer *transfer,
		  int64_t now_ns)
{
	TAILQ_INSERT_TAIL(&http->waiting, transfer, link);
	transfer->waits = true;
	if (transfer->type)
		end(http, transfer);
	else if (!transfer->host || http_names_may(&http->names, transfer->host,
						   count_threads(), now_ns))
		start(http, transfer);
	else if (http->look_ns == INT64_MAX)
		http->look_ns = now_ns + LOOK_AGAIN_NS;
}

static void over(struct run_http *http, struct transfer *transfer,
		 int64_t now_ns)
{
	(void)http->curl.multi_remove_handle(http->multi, transfer->easy);
	if (!transfer_redirect(transfer, now_ns)) {
		end(http, transfer);
		return;
	}
	TAILQ_REMOVE(&http->running, transfer, link);
	transfer_looked_up(transfer, false);
	enter(http, transfer, now_ns);
}

static void collect(struct run_http *http, int64_t now_ns)
{
	struct transfer *transfer;
	CURLMsg *message;
	int left;

	while ((message = http->curl.multi_info_read(http->multi, &left))) {
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		/* It points into what over() takes apart. */
		(void)http->curl.easy_getinfo(message->easy_handle,
					      CURLINFO_PRIVATE, &transfer);
		transfer->code = code;
		over(http, transfer, now_ns);
	}
}

static void http_tick(struct runner *runner, int64_t now_ns)
{
	struct run_http *http = of(runner);

	if (now_ns >= http->timer_ns) {
		http->timer_ns = INT64_MAX;
		act(http, CURL_SOCKET_TIMEOUT, 0);
	}
	collect(http, now_ns);
	if (now_ns >= http->look_ns)
		look_at_waiting(http, now_ns);
	show_next(http);
}

/* Always taken: it may have ended all the same, as the next ones may. */
static void http_begin(struct runner *runner)
{
	struct run_http *http = of(runner);
	struct order *job = runner->job;
	struct transfer *transfer;

	transfer = transfer_new(&http->curl, &http->settings, runner->store,
				job, clock_wall_ms() / 1000);
	/* As with its report: without memory nothing is right any more. */
	require(transfer);
	transfer->began_ns = clock_mono_ns();
	runner->job = NULL;
	transfer->until_ns = until_ns(transfer, transfer->began_ns);
	TAILQ_INSERT_TAIL(&runner->others, job, link);
	http->count++;
	runner->busy = http->count >= http->settings.concurrency;
	enter(http, transfer, transfer->began_ns);
	show_next(http);
}

static struct transfer *find_in(const struct transfer_list *list,
				const struct order *job)
{
	struct transfer *transfer;

	TAILQ_FOREACH (transfer, list, link) {
		if (transfer->job == job)
			break;
	}
	return transfer;
}

/* At once: there is nothing that would need time to stop. */
static void http_cancel(struct runner *runner, const struct order *job,
			int64_t grace_ms, enum runner_reason reason,
			int64_t now_ns)
{
	struct run_http *http = of(runner);
	struct transfer *transfer;

	(void)grace_ms;
	(void)now_ns;
	transfer = find_in(&http->running, job);
	if (!transfer)
		transfer = find_in(&http->waiting, job);
	if (!transfer)
		return;
	if (reason == RUNNER_BY_TIMEOUT)
		transfer_fail(transfer, "TimedOut", true,
			      "its time was over, the request was given up");
	else
		transfer_fail(transfer, "Cancelled", true,
			      "it was cancelled, the request was given up");
	end(http, transfer);
}

static void http_report(struct runner *runner, struct json_out *out)
{
	struct run_http *http = of(runner);
	struct transfer *transfer = TAILQ_FIRST(&http->ended);
	struct verdict *verdict = &http->verdict;

	verdict_begin(verdict, runner->max_line);
	verdict->started_ms = runner->started_ms;
	verdict->finished_ms = clock_wall_ms();
	verdict->run_us = (clock_mono_ns() - transfer->began_ns) / 1000;
	transfer_end_judge(transfer, verdict);
	verdict_write(verdict, out, runner->job);
	TAILQ_REMOVE(&http->ended, transfer, link);
	transfer_free(transfer);
	order_free(runner->job);
	runner->job = NULL;
	runner->state = RUNNER_IDLE;
	http->count--;
	runner->busy = false;
	show_next(http);
}

/* ---- The rest of a runner ---- */

static void http_children(struct runner *runner)
{
	(void)runner;
}

static void http_fill(const struct runner *runner,
		      struct pollfd fds[RUNNER_FDS])
{
	fds[0].fd = ((const struct run_http *)runner)->epoll_fd;
}

/* Which have begun: should this process die, only they can be to blame. */
static void http_say(struct runner *runner, struct json_out *out,
		     int64_t now_ns)
{
	struct run_http *http = of(runner);
	struct transfer *transfer;

	(void)now_ns;
	/* The newest are last. */
	TAILQ_FOREACH_REVERSE(transfer, &http->running, transfer_list, link)
	{
		if (transfer->told)
			break;
		transfer->told = true;
		report_start(out, transfer->job);
	}
}

static int64_t http_due_ns(const struct runner *runner)
{
	const struct run_http *http = (const struct run_http *)runner;

	if (!TAILQ_EMPTY(&http->ended))
		return 0;
	return http->timer_ns < http->look_ns ? http->timer_ns : http->look_ns;
}

static const struct runner_kind run_http_kind = {
	.begin = http_begin,
	.cancel = http_cancel,
	.report = http_report,
	.children = http_children,
	.fill = http_fill,
	.readable = http_readable,
	.say = http_say,
	.due_ns = http_due_ns,
	.tick = http_tick,
};

/* ---- Birth ---- */

static void fit_descriptors(struct run_http *http)
{
	struct rlimit limit;
	rlim_t room;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	room = limit.rlim_cur > SPARE_FDS + KEPT_CONNECTIONS + TRANSFER_FDS
		       ? (limit.rlim_cur - SPARE_FDS - KEPT_CONNECTIONS) /
				 TRANSFER_FDS
		       : 1;
	if (room >= (rlim_t)http->settings.concurrency)
		return;
	log_info("fewer requests at once, open files are limited "
		 "concurrency=%llu",
		 (unsigned long long)room);
	http->settings.concurrency = (int)room;
}

static int make_multi(struct run_http *http)
{
	const struct curl *curl = &http->curl;

	http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (http->epoll_fd < 0)
		return -errno;
	http->multi = curl->multi_init();
	if (!http->multi ||
	    curl->multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_fd) ||
	    curl->multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http) ||
	    curl->multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer) ||
	    curl->multi_setopt(http->multi, CURLMOPT_TIMERDATA, http) ||
	    curl->multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
			       (long)KEPT_CONNECTIONS))
		return -ENOMEM;
	return 0;
}

int run_http_init(struct run_http *http, char **words)
{
	char why[CURL_WHY_BYTES];

	*http = (struct run_http){
		.runner = {.kind = &run_http_kind},
		.epoll_fd = -1,
		.timer_ns = INT64_MAX,
		.look_ns = INT64_MAX,
	};
	TAILQ_INIT(&http->waiting);
	TAILQ_INIT(&http->runner.others);
	TAILQ_INIT(&http->running);
	TAILQ_INIT(&http->ended);
	if (http_settings_read(words, &http->settings)) {
		log_error("the settings of the pool are not understood");
		return RUN_HTTP_E_UNFIT;
	}
	http->runner.handlers = handlers_read(&http->arena);
	if (!http->runner.handlers)
		return -ENOMEM;
	if (curl_load(&http->curl, why)) {
		log_error("libcurl cannot be used: %s", why);
		return RUN_HTTP_E_UNFIT;
	}
	fit_descriptors(http);
	http->runner.prefetch = http->settings.concurrency;
	return make_multi(http);
}

void run_http_fini(struct run_http *http)
{
	struct transfer *transfer;

	while ((transfer = TAILQ_FIRST(&http->running)) ||
	       (transfer = TAILQ_FIRST(&http->waiting)))
		end(http, transfer);
	while ((transfer = TAILQ_FIRST(&http->ended))) {
		TAILQ_REMOVE(&http->ended, transfer, link);
		if (transfer->job != http->runner.job)
			order_free(transfer->job);
		transfer_free(transfer);
	}
	order_free(http->runner.job);
	if (http->multi)
		(void)http->curl.multi_cleanup(http->multi);
	if (http->epoll_fd >= 0)
		close(http->epoll_fd);
	verdict_fini(&http->verdict);
	arena_fini(&http->arena);
}
