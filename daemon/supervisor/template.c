#include "daemon/supervisor/template.h"

#include "daemon/base/log.h"
#include "daemon/supervisor/reap.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

int template_pair(int ret[2])
{
	/* Its end blocks: it has nothing else to do than to read. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return -errno;
	return 0;
}

void template_started(struct template *template, pid_t pid, int fd,
		      int64_t now_ns)
{
	require(template->state == TEMPLATE_NONE);
	*template = (struct template){
		.state = TEMPLATE_LOADING,
		.pid = pid,
		.fd = fd,
		.since_ns = now_ns,
		.born_ns = now_ns,
	};
}

static void hang_up(struct template *template)
{
	if (template->fd >= 0)
		close(template->fd);
	template->fd = -1;
}

int template_fork(struct template *template,
		  const struct template_message *message, int64_t now_ns)
{
	ssize_t n;

	require(template->state == TEMPLATE_SERVING);
	if (template->fd < 0)
		return TEMPLATE_E_END;
	do
		n = send(template->fd, message, sizeof(*message),
			 MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0) {
		if (template->pending++ == 0)
			template->asked_ns = now_ns;
		return 0;
	}
	if (errno == EAGAIN || errno == ENOBUFS)
		return TEMPLATE_E_FULL;
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		return TEMPLATE_E_END;
	return -errno;
}

/* The state says what it may say: anything else is nonsense. */
static bool account(struct template *template,
		    const struct template_message *message, int64_t now_ns)
{
	bool answer = message->op == TEMPLATE_FORKED ||
		      (message->op == TEMPLATE_FAILED && message->worker);

	if (answer) {
		if (template->pending == 0)
			return false;
		template->pending--;
		template->asked_ns = now_ns;
		return true;
	}
	if (template->state != TEMPLATE_LOADING)
		return false;
	if (message->op == TEMPLATE_READY) {
		template->state = TEMPLATE_SERVING;
		template->since_ns = now_ns;
		return true;
	}
	return message->op == TEMPLATE_FAILED;
}

int template_receive(struct template *template, struct template_message *ret,
		     int64_t now_ns)
{
	struct template_message message;
	ssize_t n;

	if (template->fd < 0)
		return TEMPLATE_E_EMPTY;
	do
		n = recv(template->fd, &message, sizeof(message),
			 MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return TEMPLATE_E_EMPTY;
	if (n != (ssize_t)sizeof(message) ||
	    !account(template, &message, now_ns)) {
		hang_up(template);
		return TEMPLATE_E_END;
	}
	message.text[sizeof(message.text) - 1] = '\0';
	*ret = message;
	return 0;
}

bool template_owes(const struct template *template)
{
	return template->pid && template->pending > 0;
}

int64_t template_deadline_ns(const struct template *template, int64_t ready_ms)
{
	if (template->killed)
		return 0;
	if (template->state == TEMPLATE_LOADING)
		return template->since_ns + ready_ms * INT64_C(1000000);
	if (template->state == TEMPLATE_ENDING)
		return template->since_ns + TEMPLATE_ENDING_NS;
	if (template->state == TEMPLATE_SERVING && template->pending > 0)
		return template->asked_ns + TEMPLATE_ANSWER_NS;
	return 0;
}

void template_end(struct template *template, int64_t now_ns)
{
	if (template->state == TEMPLATE_NONE ||
	    template->state == TEMPLATE_ENDING)
		return;
	hang_up(template);
	template->state = TEMPLATE_ENDING;
	template->since_ns = now_ns;
}

void template_kill(struct template *template)
{
	int r;

	if (template->state == TEMPLATE_NONE || template->killed)
		return;
	template->killed = true;
	r = reap_signal(template->pid, SIGKILL);
	if (r < 0 && r != -ESRCH)
		log_error("cannot end a template, continuing pid=%d "
			  "error=\"%s\"",
			  (int)template->pid, strerror(-r));
}

void template_died(struct template *template)
{
	hang_up(template);
	words_free(&template->words);
	*template = (struct template){.fd = -1};
}

void template_fini(struct template *template)
{
	template_died(template);
}
