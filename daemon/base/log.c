#include "daemon/base/log.h"

#include "daemon/base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_BYTES 2048

static struct {
	const char *role;
	enum log_level most;
	bool journal; /* what reads our stderr adds the time by itself */
} log_state = {.role = "reeved", .most = LOG_INFO};

static const struct {
	const char *text;
	enum log_level level;
} log_levels[] = {
	{"error", LOG_ERROR},
	{"warning", LOG_WARNING},
	{"info", LOG_INFO},
	{"debug", LOG_DEBUG},
};

/* $JOURNAL_STREAM names device and inode of the journal's stream. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

void log_init(const char *role, enum log_level most)
{
	log_state.role = role;
	log_state.most = most;
	log_state.journal = stderr_is_journal();
}

static const char *level_name(enum log_level level)
{
	for (size_t i = 0; i < ARRAY_COUNT(log_levels); i++)
		if (log_levels[i].level == level)
			return log_levels[i].text;
	return "info";
}

bool log_level_parse(const char *text, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_COUNT(log_levels); i++) {
		if (strcmp(log_levels[i].text, text) != 0)
			continue;
		*ret = log_levels[i].level;
		return true;
	}
	return false;
}

static int log_head(char *line, size_t line_bytes, enum log_level level)
{
	int64_t now_ms = clock_wall_ms();
	time_t seconds = (time_t)(now_ms / 1000);
	char when[32] = "";
	struct tm utc;

	if (log_state.journal)
		return snprintf(line, line_bytes, "<%d>%s ", (int)level,
				log_state.role);
	if (gmtime_r(&seconds, &utc))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
	return snprintf(line, line_bytes, "%s.%03dZ %s %s ", when,
			(int)(now_ms % 1000), level_name(level),
			log_state.role);
}

/* One write a line, so that the lines of several processes do not mix. */
static void write_line(const char *line, size_t n)
{
	while (n > 0) {
		ssize_t written = write(STDERR_FILENO, line, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* there is nobody left to tell */
		line += written;
		n -= (size_t)written;
	}
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_BYTES];
	int saved = errno, head, body;
	size_t n;
	va_list args;

	if (level > log_state.most)
		return;
	head = log_head(line, sizeof(line) - 1, level);
	require(head > 0 && (size_t)head < sizeof(line) - 1);
	va_start(args, fmt);
	body = vsnprintf(line + head, sizeof(line) - 1 - (size_t)head, fmt,
			 args);
	va_end(args);
	n = (size_t)head + (body > 0 ? (size_t)body : 0);
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	for (size_t i = (size_t)head; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	write_line(line, n);
	errno = saved;
}
