#include "daemon/worker/transfer.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/worker/http_address.h"
#include "daemon/worker/http_sign.h"
#include "daemon/worker/transfer_proxy.h"
#include "daemon/worker/transfer_redirect.h"
#include "proto/json_in.h"

#define ANSWER_ROOM_BYTES 4096

void transfer_fail(struct transfer *transfer, const char *type, bool again,
		   const char *message)
{
	transfer->type = type;
	transfer->again = again;
	snprintf(transfer->message, sizeof(transfer->message), "%s", message);
}

void transfer_looked_up(struct transfer *transfer, bool found)
{
	struct http_names *names = TAKE(transfer->names);

	if (names && found)
		http_names_found(names, transfer->host, clock_mono_ns());
	else if (names)
		http_names_give_up(names);
}

/* ---- Where it may go ---- */

/* A test has no public address: it says which one is to count as such. */
static bool is_test_public(const char *address)
{
#ifdef REEVE_TEST_HOOKS
	const char *public = getenv("REEVE_TEST_HTTP_PUBLIC");

	return public && strcmp(public, address) == 0;
#else
	(void)address;
	return false;
#endif
}

static bool is_allowed(struct transfer *transfer, const char *address,
		       const char *private)
{
	if (!private || transfer->allow_private || transfer->proxied ||
	    is_test_public(address))
		return true;
	transfer->refused = private;
	return false;
}

/* Behind the name server, before the first packet. */
static curl_socket_t on_socket(void *data, curlsocktype purpose,
			       struct curl_sockaddr *address)
{
	struct transfer *transfer = data;
	char text[NI_MAXHOST] = "";

	(void)purpose;
	transfer_looked_up(transfer, true);
	(void)getnameinfo(&address->addr, address->addrlen, text, sizeof(text),
			  NULL, 0, NI_NUMERICHOST);
	if (!is_allowed(transfer, text,
			http_address_private(&address->addr, address->addrlen)))
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
		      address->protocol);
}

/* Also on a connection that another job has opened. */
static int on_request(void *data, char *peer, char *local, int peer_port,
		      int local_port)
{
	struct transfer *transfer = data;

	transfer_looked_up(transfer, true);
	(void)local;
	(void)peer_port;
	(void)local_port;
	return is_allowed(transfer, peer, http_address_text(peer))
		       ? CURL_PREREQFUNC_OK
		       : CURL_PREREQFUNC_ABORT;
}

/* ---- What comes ---- */

static bool make_room(struct transfer *transfer, size_t bytes)
{
	size_t room = transfer->body_room ? transfer->body_room
					  : ANSWER_ROOM_BYTES;
	char *body;

	while (room < bytes)
		room *= 2;
	if (room == transfer->body_room)
		return true;
	body = realloc(transfer->body, room);
	if (!body)
		return false;
	transfer->body = body;
	transfer->body_room = room;
	return true;
}

/* Not all of it taken: libcurl ends the transfer at once. */
static size_t on_body(char *bytes, size_t one, size_t count, void *data)
{
	struct transfer *transfer = data;
	size_t left = transfer->settings->max_answer - transfer->body_bytes;
	size_t n = count < left ? count : left;

	(void)one;
	/* Nobody reads what a redirect says beside where it leads. */
	if (transfer_redirects(transfer))
		return count;
	transfer->bytes += (int64_t)count;
	if (n && make_room(transfer, transfer->body_bytes + n)) {
		memcpy(transfer->body + transfer->body_bytes, bytes, n);
		transfer->body_bytes += n;
	} else if (n) {
		return 0;
	}
	transfer->truncated = n < count;
	return n;
}

/* Libcurl keeps all that come behind a body, and would for as long as they do.
 */
static size_t on_header(char *bytes, size_t one, size_t count, void *data)
{
	struct transfer *transfer = data;

	(void)bytes;
	(void)one;
	transfer->header_bytes += count;
	if (transfer->header_bytes <= TRANSFER_HEADER_BYTES)
		return count;
	transfer->truncated = true;
	return 0;
}

/* ---- Setting up ---- */

/* As if it were checked each time: a refused option fails the job. */
#define SET(option, value)                                                     \
	do {                                                                   \
		if (curl->easy_setopt(easy, (option), (value)) != CURLE_OK)    \
			return false;                                          \
	} while (0)

static bool add_line(struct transfer *transfer, const char *line)
{
	struct curl_slist *list;

	if (!line)
		return false;
	list = transfer->curl->slist_append(transfer->headers, line);
	if (list)
		transfer->headers = list;
	return list;
}

/* One that the job does not say itself. @format NULL: not sent at all. */
static bool add_own(struct transfer *transfer, const char *name,
		    const char *value)
{
	if (http_args_header(&transfer->args, name))
		return true;
	return add_line(transfer,
			arena_print(&transfer->arena, "%s:%s%s", name,
				    value ? " " : "", value ? value : ""));
}

static bool add_number(struct transfer *transfer, const char *name,
		       int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	return add_own(transfer, name, text);
}

/* Of the job and not of the attempt; other stores have a job 17, too. */
static bool add_key(struct transfer *transfer, const char *store)
{
	char text[80];

	snprintf(text, sizeof(text), "reeve-%s-%" PRId64, store,
		 transfer->job->id);
	return add_own(transfer, "Idempotency-Key", text);
}

static bool add_headers(struct transfer *transfer, const char *store)
{
	const struct http_args *args = &transfer->args;
	const struct order *job = transfer->job;

	for (size_t i = 0; i < args->header_count; i++) {
		const struct http_header *header = &args->headers[i];

		/* "Name;" is how libcurl spells one without a value. */
		if (!add_line(transfer,
			      arena_print(&transfer->arena, "%s%s%s",
					  header->name,
					  header->value[0] ? ": " : ";",
					  header->value)))
			return false;
	}
	return add_own(transfer, "User-Agent", "reeve/" REEVE_VERSION) &&
	       add_own(transfer, "Content-Type", args->type) &&
	       add_own(transfer, "Expect", NULL) && add_key(transfer, store) &&
	       add_number(transfer, "X-Reeve-Job", job->id) &&
	       add_number(transfer, "X-Reeve-Attempt", job->attempt);
}

static bool set_method(struct transfer *transfer)
{
	const struct http_args *args = &transfer->args;
	const struct curl *curl = transfer->curl;
	CURL *easy = transfer->easy;
	bool post = strcmp(args->method, "POST") == 0;
	bool sends = args->body.p || post || strcmp(args->method, "PUT") == 0 ||
		     strcmp(args->method, "PATCH") == 0;

	if (sends) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)args->body.n);
		SET(CURLOPT_POSTFIELDS, args->body.p ? args->body.p : "");
	} else if (strcmp(args->method, "HEAD") == 0) {
		SET(CURLOPT_NOBODY, 1L);
		return true;
	} else {
		SET(CURLOPT_HTTPGET, 1L);
	}
	if (!post && (sends || strcmp(args->method, "GET") != 0))
		SET(CURLOPT_CUSTOMREQUEST, args->method);
	else
		SET(CURLOPT_CUSTOMREQUEST, NULL);
	return true;
}

bool transfer_aim(struct transfer *transfer, int64_t timeout_ms)
{
	const struct curl *curl = transfer->curl;
	CURL *easy = transfer->easy;

	SET(CURLOPT_URL, transfer->args.url);
	SET(CURLOPT_HTTPHEADER, transfer->headers);
	SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
	return set_method(transfer) && transfer_proxy(transfer);
}

static bool set_limits(struct transfer *transfer)
{
	const struct http_args *args = &transfer->args;
	const struct curl *curl = transfer->curl;
	CURL *easy = transfer->easy;

	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOSIGNAL, 1L);
	/* Nobody waits for a name server once it is over. */
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_SSL_VERIFYPEER, args->insecure ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, args->insecure ? 0L : 2L);
	/* As curl(1) has it, for a proxy, too. */
	if (getenv("SSL_CERT_FILE")) {
		SET(CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
		SET(CURLOPT_PROXY_CAINFO, getenv("SSL_CERT_FILE"));
	}
	if (getenv("SSL_CERT_DIR")) {
		SET(CURLOPT_CAPATH, getenv("SSL_CERT_DIR"));
		SET(CURLOPT_PROXY_CAPATH, getenv("SSL_CERT_DIR"));
	}
	return true;
}

static bool set_up(struct transfer *transfer)
{
	const struct curl *curl = transfer->curl;
	CURL *easy = transfer->easy;

	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_ERRORBUFFER, transfer->error);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
	SET(CURLOPT_OPENSOCKETDATA, transfer);
	SET(CURLOPT_PREREQFUNCTION, on_request);
	SET(CURLOPT_PREREQDATA, transfer);
	return set_limits(transfer) &&
	       transfer_aim(transfer, transfer->args.timeout_ms);
}

/* Return: false without memory; else it may have failed. */
static bool sign(struct transfer *transfer, int64_t now_s)
{
	const char *name = transfer->args.secret;
	const char *path = http_settings_secret(transfer->settings, name);
	char value[HTTP_SIGN_BYTES], room[HTTP_SIGN_SECRET_BYTES + 2];
	char message[160];
	struct slice secret;
	int r;

	if (!path) {
		snprintf(message, sizeof(message),
			 "secret: the pool has none of the name '%.60s'", name);
		transfer_fail(transfer, "BadRequest", false, message);
		return true;
	}
	r = http_sign_secret(path, room, &secret);
	if (r == 0)
		http_sign(secret, now_s, transfer->args.body, value);
	explicit_bzero(room, sizeof(room));
	if (r == 0)
		return add_own(transfer, "X-Reeve-Signature", value);
	/* Somebody may mend it. */
	snprintf(message, sizeof(message),
		 "secret: the file of '%.60s' cannot be used: %s", name,
		 r < 0 ? strerror(-r) : "give it 1 to 4096 bytes");
	transfer_fail(transfer, "BadRequest", true, message);
	return true;
}

/* Return: false without memory. */
static bool prepare(struct transfer *transfer, const char *store, int64_t now_s)
{
	struct http_args *args = &transfer->args;
	char fault[HTTP_ARGS_FAULT_BYTES];
	struct slice json = SLICE("{}");
	int r;

	if (transfer->job->spec.n)
		(void)json_find(transfer->job->spec, "args", &json);
	r = http_args_read(&transfer->arena, json, args, fault);
	if (r < 0)
		return false;
	if (r == 0 && args->insecure && args->callback &&
	    !transfer->settings->insecure_callbacks) {
		snprintf(fault, sizeof(fault),
			 "insecure: not for callbacks, as long as "
			 "insecure_callbacks of the pool says no");
		r = HTTP_ARGS_E_BAD;
	}
	if (r) {
		transfer_fail(transfer, "BadRequest", false, fault);
		return true;
	}
	if (!add_headers(transfer, store) ||
	    (args->secret && !sign(transfer, now_s)))
		return false;
	if (transfer->type)
		return true;
	transfer->easy = transfer->curl->easy_init();
	if (!transfer->easy || !set_up(transfer))
		transfer_fail(transfer, "ConnectionFailed", true,
			      "libcurl takes no transfer");
	return true;
}

/* Others' jobs are not to reach what only this machine can. */
static bool may_go_inside(const struct http_settings *settings,
			  const struct order *job)
{
	if (settings->allow_private != HTTP_PRIVATE_AUTO)
		return settings->allow_private == HTTP_PRIVATE_YES;
	return job->uid <= 0 || job->uid == (int64_t)geteuid();
}

struct transfer *transfer_new(const struct curl *curl,
			      const struct http_settings *settings,
			      const char *store, struct order *job,
			      int64_t now_s)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));

	if (!transfer)
		return NULL;
	transfer->curl = curl;
	transfer->settings = settings;
	transfer->job = job;
	transfer->allow_private = may_go_inside(settings, job);
	if (prepare(transfer, store, now_s))
		return transfer;
	transfer_free(transfer);
	return NULL;
}

void transfer_free(struct transfer *transfer)
{
	if (!transfer)
		return;
	if (transfer->easy)
		transfer->curl->easy_cleanup(transfer->easy);
	transfer->curl->slist_free_all(transfer->headers);
	arena_fini(&transfer->arena);
	free(transfer->body);
	free(transfer);
}
