#include "client/term.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l\033[?7l\033[2J"
#define LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"
#define SYNC_BEGIN "\033[?2026h"
#define SYNC_END "\033[?2026l"

static struct termios before, raw;
static volatile sig_atomic_t taken;
static volatile sig_atomic_t stale; /* what stands there is not what we drew */
static char *shown[TERM_ROWS_MAX];

/* Called by signal handlers, too: only what is allowed there. */
static void say(const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(STDOUT_FILENO, text, bytes);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return;
		if (n > 0) {
			text += n;
			bytes -= (size_t)n;
		}
	}
}

static void take(void)
{
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	say(ENTER, sizeof(ENTER) - 1);
	taken = stale = 1;
}

static void give_back(void)
{
	if (!taken)
		return;
	taken = 0;
	say(SYNC_END LEAVE, sizeof(SYNC_END LEAVE) - 1);
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static void on_end(int number)
{
	give_back();
	signal(number, SIG_DFL);
	raise(number);
}

static void on_stop(int number)
{
	int saved = errno;

	(void)number;
	give_back();
	raise(SIGSTOP);
	take();
	errno = saved;
}

static void on_resize(int number)
{
	(void)number;
	stale = 1;
}

bool term_open(void)
{
	static const int ends[] = {SIGINT,  SIGTERM, SIGHUP, SIGQUIT, SIGPIPE,
				   SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
	struct sigaction action = {.sa_handler = on_end};

	if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1 ||
	    tcgetattr(STDIN_FILENO, &before) != 0)
		return false;
	raw = before;
	/* ISIG stays: Ctrl-C and Ctrl-Z do what they do everywhere. */
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	atexit(term_close);
	for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
		sigaction(ends[i], &action, NULL);
	action.sa_handler = on_stop;
	sigaction(SIGTSTP, &action, NULL);
	action.sa_handler = on_resize;
	sigaction(SIGWINCH, &action, NULL);
	take();
	return true;
}

void term_close(void)
{
	give_back();
	for (size_t i = 0; i < TERM_ROWS_MAX; i++)
		free(TAKE(shown[i]));
}

void term_size(size_t *ret_rows, size_t *ret_columns)
{
	struct winsize size = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 ||
	    size.ws_col == 0) {
		size.ws_row = 24;
		size.ws_col = 80;
	}
	*ret_rows = size.ws_row < TERM_ROWS_MAX ? size.ws_row : TERM_ROWS_MAX;
	*ret_columns = size.ws_col;
}

/* The next byte; TERM_KEY_NONE or TERM_KEY_END. */
static int next_byte(int timeout_ms, int other)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = other, .events = POLLIN}};
	unsigned char byte;
	ssize_t n;

	if (poll(fds, 2, timeout_ms) <= 0 || !fds[0].revents)
		return TERM_KEY_NONE;
	n = read(STDIN_FILENO, &byte, 1);
	if (n == 1)
		return byte ? byte : TERM_KEY_NONE;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return TERM_KEY_NONE;
	return TERM_KEY_END;
}

int term_key(int timeout_ms, int other)
{
	int key = next_byte(timeout_ms, other);
	int next;

	if (key != '\033')
		return key;
	/* The rest of a key's sequence comes at once, or it was Escape. */
	next = next_byte(30, -1);
	if (next != '[' && next != 'O')
		return TERM_KEY_ESCAPE;
	do
		next = next_byte(30, -1);
	while (next > 0 && (next < '@' || next > '~'));
	if (next == 'A')
		return TERM_KEY_UP;
	return next == 'B' ? TERM_KEY_DOWN : TERM_KEY_NONE;
}

static void keep(size_t row, const char *line)
{
	free(shown[row]);
	shown[row] = line ? strdup(line) : NULL;
}

void term_draw(char *const *lines, size_t count)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	bool changed = stale, whole = stale;

	if (!out)
		return;
	stale = 0;
	fputs(SYNC_BEGIN, out);
	if (whole)
		fputs("\033[0m\033[2J", out);
	for (size_t row = 0; row < TERM_ROWS_MAX; row++) {
		const char *line = row < count ? lines[row] : NULL;
		const char *old = whole ? NULL : shown[row];

		if (strcmp(line ? line : "", old ? old : "") != 0) {
			/* First: behind a full line it takes its end. */
			fprintf(out, "\033[%zu;1H\033[0m\033[K%s\033[0m",
				row + 1, line ? line : "");
			changed = true;
		}
		keep(row, line);
	}
	fputs(SYNC_END, out);
	if (fclose(out) == 0 && changed)
		say(text, bytes);
	free(text);
}
