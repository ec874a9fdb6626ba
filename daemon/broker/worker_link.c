#include "daemon/broker/worker_link.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/given.h"
#include "daemon/broker/outcome.h"
#include "daemon/broker/state.h"
#include "daemon/broker/unwilling.h"
#include "daemon/broker/worker_log.h"
#include "proto/json_in.h"
#include "proto/limits.h"

static void bad_line(struct worker_link *link, const char *what)
{
	log_warning("worker said something wrong, connection closed "
		    "worker=%lld pid=%d what=%s",
		    (long long)(link->worker ? link->worker->id : 0),
		    (int)link->peer_pid, what);
	if (link->worker)
		link->worker->heard = false; /* it goes on, unheard */
	worker_link_free(link);
}

static bool read_hex(struct slice text, uint8_t *ret, size_t bytes)
{
	if (text.n != bytes * 2)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;

		if (digit < 0)
			return false;
		ret[i / 2] = (uint8_t)(i % 2 ? ret[i / 2] | digit : digit << 4);
	}
	return true;
}

static int64_t find_int(struct slice object, const char *name)
{
	struct slice value;
	int64_t n;

	return json_find(object, name, &value) && json_int(value, &n) == 0 ? n
									   : 0;
}

/* Return: false when the link was closed. */
static bool on_ready(struct worker_link *link, struct slice line)
{
	struct slice value, text;
	int64_t pid, prefetch;

	if (link->ready || !json_find(line, "secret", &value) ||
	    json_string(&link->arena, value, &text) ||
	    !read_hex(text, link->secret, sizeof(link->secret))) {
		bad_line(link, "ready");
		return false;
	}
	link->stated_id = find_int(line, "worker");
	pid = find_int(line, "pid");
	/* The kernel says who it is; what it states only has to agree. */
	if (pid != link->peer_pid) {
		bad_line(link, "pid");
		return false;
	}
	if (json_find(line, "leaving", &value) &&
	    json_bool(value, &link->leaving)) {
		bad_line(link, "leaving");
		return false;
	}
	if ((json_find(line, "holding", &value) &&
	     arena_copy(&link->arena, value, &link->holding)) ||
	    (json_find(line, "handlers", &value) &&
	     arena_copy(&link->arena, value, &link->handlers))) {
		bad_line(link, "out of memory");
		return false;
	}
	prefetch = find_int(line, "prefetch");
	if (prefetch > SCHED_CONCURRENT_MAX)
		prefetch = SCHED_CONCURRENT_MAX;
	link->prefetch = prefetch < 1 ? 1 : (uint32_t)prefetch;
	link->ready = true;
	return worker_link_parked(link);
}

/*
 * What is said of a token is said of its job, or nobody would ever hear of that
 * one's end: who confuses them is of no use. Return: false when it is gone.
 */
static bool is_its_job(struct worker_link *link, int64_t job, int64_t token)
{
	const struct given *given = given_find(link->worker, token);

	if (!given || given->sched.id == job)
		return true;
	fleet_signal(link->broker, link->worker, SIGKILL);
	bad_line(link, "a job with the token of another");
	return false;
}

/*
 * A result, or a failure: an outcome of the batch that gathers. @deep: too
 * deep to be checked.
 */
static bool on_end(struct worker_link *link, struct slice line, bool deep)
{
	struct broker *broker = link->broker;
	struct batch *batch = broker->gathering;
	struct store_outcome outcome;
	int64_t run_us;
	bool patient;
	size_t i;

	if (deep ? outcome_too_deep(line, &batch->arena, &outcome, &run_us)
		 : outcome_parse(line, &batch->arena, &outcome, &run_us)) {
		bad_line(link, deep ? "nested too deep" : "done or fail");
		return false;
	}
	if (!is_its_job(link, outcome.job, outcome.token))
		return false;
	if (batch_add_outcome(batch, link->worker->id, &i)) {
		bad_line(link, "out of memory");
		return false;
	}
	given_judge(link->worker, &outcome);
	batch->store.outcomes[i] = outcome;
	batch->queued_bytes += line.n;
	patient = direct_ended(broker, link->worker, &outcome);
	given_result(broker, link->worker, outcome.token, run_us * 1000,
		     outcome.cpu_us);
	if (patient || given_is_enough(link->worker))
		batch_patient(batch, clock_mono_ns());
	cycle_kick(broker);
	return true;
}

static bool on_put_back(struct worker_link *link, struct slice list)
{
	struct json_iter iter = json_enter(list);
	struct slice item;

	while (json_item(&iter, &item)) {
		struct batch *batch = link->broker->gathering;
		int64_t token = find_int(item, "token");
		const struct given *given;
		size_t i;

		if (!is_its_job(link, find_int(item, "job"), token))
			return false;
		if (batch_add_outcome(batch, link->worker->id, &i)) {
			bad_line(link, "out of memory");
			return false;
		}
		batch->store.outcomes[i].job = find_int(item, "job");
		batch->store.outcomes[i].token = token;
		batch->store.outcomes[i].kind = STORE_PUT_BACK;
		given = given_find(link->worker, token);
		if (given)
			unwilling_put_back(link->broker, link->worker, given,
					   clock_mono_ns());
		given_result(link->broker, link->worker, token, -1, 0);
	}
	cycle_kick(link->broker);
	return true;
}

static bool on_progress(struct worker_link *link, struct slice line)
{
	struct given *given = given_find(link->worker, find_int(line, "token"));
	struct arena arena = {0};
	struct advance_word word;
	int r;

	/* It may have ended, or been given to another one. */
	if (!given)
		return true;
	advance_read(line, &arena, &word);
	r = given_advances(link->broker, given, &word);
	arena_fini(&arena);
	if (r == 0)
		return true;
	bad_line(link, "out of memory");
	return false;
}

/* One statement. Return: false when the link is gone. */
static bool on_line(struct worker_link *link, struct slice text)
{
	struct json_fault fault;
	struct json_iter iter;
	struct slice line, key, value;
	int r;

	r = json_check(text, &fault);
	if (r == JSON_E_DEPTH && link->worker)
		return on_end(link, text, true);
	if (r) {
		bad_line(link, "not JSON");
		return false;
	}
	line = json_trim(text);
	iter = json_enter(line);
	if (json_kind(line) != JSON_OBJECT ||
	    !json_member(&iter, &key, &value)) {
		bad_line(link, "not a statement");
		return false;
	}
	if (json_key_is(key, "ready"))
		return on_ready(link, line);
	if (!link->worker) {
		bad_line(link, "a statement before ready was accepted");
		return false;
	}
	if (json_key_is(key, "done") || json_key_is(key, "fail"))
		return on_end(link, line, false);
	if (json_key_is(key, "put_back"))
		return on_put_back(link, value);
	if (json_key_is(key, "start")) {
		given_begun(link->broker, link->worker,
			    find_int(line, "token"));
		return true;
	}
	if (json_key_is(key, "leaving")) {
		fleet_leaving(link->broker, link->worker);
		if (!json_find(line, "idle", &value) ||
		    !json_bool(value, &link->worker->resigned))
			return true;
		bad_line(link, "idle");
		return false;
	}
	if (json_key_is(key, "progress"))
		return on_progress(link, line);
	if (json_key_is(key, "log")) {
		worker_log_say(link->worker, line, value,
			       link->broker->config->log_level,
			       clock_mono_ns());
		return true;
	}
	if (json_key_is(key, "bye")) {
		fleet_leaving(link->broker, link->worker);
		return true;
	}
	/* pong, beat: it was heard. */
	return true;
}

static void on_readable(struct sock *sock)
{
	struct worker_link *link = sock->owner;

	link->silent = 0;
	/* A parked link is read on when it is known who it is. */
	while (!link->ready || link->worker) {
		struct slice message;
		size_t consumed = 0;
		int r = frame_next(&link->frame, sock_in(sock), &message,
				   &consumed);

		if (r == FRAME_E_MORE) {
			sock_consume(sock, consumed);
			break;
		}
		if (r) {
			bad_line(link, "framing");
			return;
		}
		if (!on_line(link, message))
			return;
		sock_consume(sock, consumed);
	}
	/* What a parked one said before it died is not read yet. */
	if (sock->eof && (link->worker || !link->ready))
		worker_link_free(link);
}

static void on_drained(struct sock *sock)
{
	(void)sock;
}

static void on_broken(struct sock *sock)
{
	struct worker_link *link = sock->owner;

	if (!sock_last_words(sock) && link->worker)
		link->worker->heard = false;
	on_readable(sock);
}

static const struct sock_events link_events = {
	.readable = on_readable,
	.drained = on_drained,
	.broken = on_broken,
};

void worker_link_accept(struct broker *broker, int fd)
{
	struct worker_link *link;
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 ||
	    (peer.uid != geteuid() && peer.uid != 0)) {
		log_warning("stranger at the workers' socket, closed uid=%u",
			    (unsigned)peer.uid);
		close(fd);
		return;
	}
	link = calloc(1, sizeof(*link));
	if (!link)
		close(fd);
	if (!link ||
	    sock_init(&link->sock, &broker->socks, fd, &link_events, link)) {
		free(link);
		log_error("no memory for a worker's connection, closed");
		return;
	}
	link->sock.trusted = true;
	link->broker = broker;
	link->peer_pid = peer.pid;
	link->since_ns = clock_mono_ns();
	frame_init(&link->frame, FRAME_NEWLINE, LIMIT_MESSAGE_BYTES);
	TAILQ_INSERT_TAIL(&broker->fleet.links, link, link);
}

void worker_link_free(struct worker_link *link)
{
	struct worker *worker = link->worker;
	struct broker *broker = link->broker;

	TAILQ_REMOVE(&broker->fleet.links, link, link);
	sock_fini(&link->sock);
	arena_fini(&link->arena);
	free(link);
	if (worker) {
		worker->link = NULL;
		fleet_away(broker, worker);
	}
}

static void say_hello(struct worker_link *link)
{
	const struct config *config = link->broker->config;
	struct json_out *out = sock_out(&link->sock);

	json_out_object(out);
	json_out_member_int(out, "hello", 1);
	json_out_member_text(out, "socket", config->socket);
	json_out_member_int(out, "max_line", LIMIT_MESSAGE_BYTES);
	json_out_member_int(out, "grace_ms", config->grace_ms);
	json_out_member_int(out, "output_bytes", config->output_bytes);
	json_out_member_int(out, "log_level", config->log_level);
	json_out_member_text(out, "store",
			     store_identity(link->broker->write_store));
	json_out_object_end(out);
	json_out_byte(out, '\n');
}

void worker_link_settings(struct worker_link *link)
{
	if (link->worker)
		say_hello(link);
}

bool worker_link_parked(struct worker_link *link)
{
	if (!link->ready || link->worker)
		return true;
	link->worker = fleet_ready(link->broker, link);
	if (link->refused) {
		worker_link_free(link);
		return false;
	}
	/* Whoever is not known yet is not read on: its buffer stays small. */
	sock_pause(&link->sock, !link->worker);
	if (!link->worker)
		return true;
	say_hello(link);
	given_resume(link->worker);
	given_disown(link->worker, link->holding);
	if (link->worker->drained)
		worker_link_drain(link);
	/* What it said behind `ready` waits in the buffer, or that it is gone. */
	if (link->sock.in_n || link->sock.eof)
		event_active(link->sock.read_event, EV_READ, 1);
	return true;
}

/* Tell a context once a connection. */
static void say_context(struct worker_link *link, int64_t id, struct slice text)
{
	struct json_out *out = sock_out(&link->sock);

	for (size_t i = 0; i < ARRAY_COUNT(link->contexts); i++) {
		if (link->contexts[i] == id)
			return;
	}
	link->contexts[link->context_count++ % ARRAY_COUNT(link->contexts)] =
		id;
	json_out_object(out);
	json_out_member_int(out, "context", id);
	json_out_member_raw(out, "value", text);
	json_out_object_end(out);
	json_out_byte(out, '\n');
}

void worker_link_job(struct worker_link *link, const struct lane *lane,
		     const struct store_claim *claim, struct parcel *parcel)
{
	struct json_out *out;
	size_t from;

	if (claim->context)
		say_context(link, claim->context, claim->context_text);
	out = sock_out(&link->sock);
	from = out->n;
	json_out_object(out);
	json_out_member_int(out, "job", claim->job);
	json_out_member_int(out, "attempt", claim->attempt);
	json_out_member_int(out, "token", claim->token);
	json_out_member_int(out, "group", claim->group);
	json_out_member_int(out, "context", claim->context);
	json_out_member_int(out, "timeout_ms", claim->timeout_ms);
	json_out_member_int(out, "grace_ms", claim->grace_ms);
	json_out_member_text(out, "orphans",
			     claim->orphans_keep ? "keep" : "kill");
	if (!pools_is_exec(lane->handler)) {
		json_out_member_string(out, "handler", lane->handler);
		json_out_member_string(out, "queue", lane->queue);
		/* Root may do what the daemon may. */
		if (claim->uid && claim->uid != geteuid())
			json_out_member_int(out, "uid", claim->uid);
	}
	json_out_member_raw(out, "spec", claim->spec);
	json_out_object_end(out);
	json_out_byte(out, '\n');
	/* Without them the worker will say so, and the job fails. */
	if (parcel && sock_load(&link->sock, from, parcel))
		log_error("no memory to send descriptors, the job fails "
			  "job=%lld",
			  (long long)claim->job);
}

void worker_link_settled(struct worker_link *link, int64_t token)
{
	struct json_out *out = sock_out_later(&link->sock);

	if (!link->settling) {
		json_out_object(out);
		json_out_key(out, "settled");
		json_out_array(out);
		link->settling = true;
	}
	json_out_int(out, token);
}

void worker_link_settle_end(struct worker_link *link)
{
	struct json_out *out = sock_out_later(&link->sock);

	if (!link->settling)
		return;
	link->settling = false;
	json_out_array_end(out);
	json_out_object_end(out);
	json_out_byte(out, '\n');
}

void worker_link_cancel(struct worker_link *link, int64_t job, int64_t token,
			int64_t grace_ms, bool timeout)
{
	struct json_out *out = sock_out(&link->sock);

	json_out_object(out);
	json_out_member_int(out, "cancel", job);
	json_out_member_int(out, "token", token);
	if (grace_ms >= 0)
		json_out_member_int(out, "grace_ms", grace_ms);
	json_out_member_text(out, "reason", timeout ? "timeout" : "client");
	json_out_object_end(out);
	json_out_byte(out, '\n');
}

void worker_link_drain(struct worker_link *link)
{
	struct json_out *out = sock_out(&link->sock);

	json_out_object(out);
	json_out_member_bool(out, "drain", true);
	json_out_object_end(out);
	json_out_byte(out, '\n');
}

void worker_link_ping(struct worker_link *link)
{
	struct json_out *out = sock_out(&link->sock);

	json_out_object(out);
	json_out_member_int(out, "ping", link->silent);
	json_out_object_end(out);
	json_out_byte(out, '\n');
}

void worker_link_recall(struct worker_link *link, int64_t job, int64_t token)
{
	struct json_out *out = sock_out(&link->sock);

	json_out_object(out);
	json_out_key(out, "recall");
	json_out_array(out);
	json_out_object(out);
	json_out_member_int(out, "job", job);
	json_out_member_int(out, "token", token);
	json_out_object_end(out);
	json_out_array_end(out);
	json_out_object_end(out);
	json_out_byte(out, '\n');
}
