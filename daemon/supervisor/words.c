#include "daemon/supervisor/words.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_BACK 6 /* lines */
/* At once: whoever writes without end must not keep us, nor fill memory. */
#define PASS_PIECES 1024
#define BEHIND_BYTES (64 << 20)

struct words *words_new(void)
{
	struct words *words = calloc(1, sizeof(*words));

	if (!words)
		return NULL;
	words->fd = memfd_create("stderr", MFD_CLOEXEC);
	if (words->fd >= 0 && fcntl(words->fd, F_SETFL, O_APPEND) == 0)
		return words;
	if (words->fd >= 0)
		close(words->fd);
	free(words);
	return NULL;
}

static void keep(struct words *words, const char *p, size_t n)
{
	size_t old;

	if (n > sizeof(words->last)) {
		p += n - sizeof(words->last);
		n = sizeof(words->last);
	}
	old = sizeof(words->last) - n;
	if (words->n > old) {
		memmove(words->last, words->last + words->n - old, old);
		words->n = old;
	}
	memcpy(words->last + words->n, p, n);
	words->n += n;
}

static void say(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t written = write(STDERR_FILENO, p, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* there is nobody left to tell */
		p += written;
		n -= (size_t)written;
	}
}

static void skip_ahead(struct words *words)
{
	char text[96];
	struct stat st;
	int n;

	if (fstat(words->fd, &st) < 0 ||
	    st.st_size - words->passed <= BEHIND_BYTES)
		return;
	n = snprintf(text, sizeof(text),
		     "reeved: %lld bytes that a worker wrote here are left "
		     "out\n",
		     (long long)(st.st_size - words->passed));
	words->passed = st.st_size;
	say(text, (size_t)n);
}

void words_pass(struct words *words)
{
	char piece[4096];
	off_t page = (off_t)sysconf(_SC_PAGESIZE), from;

	if (!words)
		return;
	from = words->passed;
	skip_ahead(words);
	for (int i = 0; i < PASS_PIECES; i++) {
		ssize_t n = pread(words->fd, piece, sizeof(piece),
				  words->passed);

		if (n <= 0)
			break;
		words->passed += n;
		keep(words, piece, (size_t)n);
		say(piece, (size_t)n);
	}
	/* Whole pages; where it cannot be done they only cost memory. */
	if (words->passed / page > from / page &&
	    fallocate(words->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		      words->passed / page * page) < 0)
		errno = 0;
}

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

static struct slice between(const char *from, const char *to)
{
	return (struct slice){from, (size_t)(to - from)};
}

/* Carets below a line of code, rules and the like. */
static bool has_words(struct slice line)
{
	for (size_t i = 0; i < line.n; i++)
		if (isalnum((unsigned char)line.p[i]) || line.p[i] & 0x80)
			return true;
	return false;
}

/* The name of an exception, or what Go and Rust call it. */
static bool names_error(struct slice line)
{
	static const char *const words[] = {"Error", "Exception", "panic"};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (memmem(line.p, line.n, words[i], strlen(words[i])))
			return true;
	return false;
}

/* Without what our own log has in front: time, level, role. */
static struct slice without_head(struct slice line)
{
	static const char *const levels[] = {"error ", "warning "};
	const char *end = line.p + line.n, *at = memchr(line.p, ' ', line.n);

	if (!at || at[-1] != 'Z' || !isdigit((unsigned char)line.p[0]))
		return line;
	at++;
	for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
		size_t n = strlen(levels[i]);

		if ((size_t)(end - at) <= n || memcmp(at, levels[i], n) != 0)
			continue;
		at = memchr(at + n, ' ', (size_t)(end - at) - n);
		return at ? between(at + 1, end) : line;
	}
	return line;
}

static bool is_ours(struct slice line)
{
	return without_head(line).p != line.p;
}

/* Off @text: its last line, without blanks at the end. False: none is left. */
static bool last_line(struct slice *text, struct slice *ret)
{
	const char *start;

	while (text->n > 0 && is_blank(text->p[text->n - 1]))
		text->n--;
	if (!text->n)
		return false;
	start = memrchr(text->p, '\n', text->n);
	start = start ? start + 1 : text->p;
	*ret = between(start, text->p + text->n);
	text->n = (size_t)(start - text->p);
	return true;
}

/*
 * Of the lines that are not indented, as code and frames of traces are, the
 * last that names an error, if it is one of the last few; else the last one.
 * Of a filter's, its own before those of the worker that runs it.
 */
static struct slice telling_line(struct slice text, bool filter)
{
	struct slice line, found = {NULL, 0}, other = {NULL, 0};

	for (int i = 0; i < LOOK_BACK && last_line(&text, &line);) {
		if (!has_words(line))
			continue;
		if (is_blank(line.p[0]) || (filter && is_ours(line))) {
			other = other.n ? other : line;
			continue;
		}
		if (names_error(line))
			return line;
		found = found.n ? found : line;
		i++;
	}
	return found.n ? found : other;
}

void words_quote(const struct words *words, bool filter, char *ret, size_t size)
{
	struct slice line = {NULL, 0};
	size_t used = 0;

	if (words)
		line = telling_line((struct slice){words->last, words->n},
				    filter);
	if (line.n)
		line = without_head(line);
	for (size_t i = 0; i < line.n && used + 1 < size; i++) {
		char c = is_blank(line.p[i]) ? ' ' : line.p[i];

		if (c != ' ' || (used && ret[used - 1] != ' '))
			ret[used++] = c;
	}
	ret[used] = '\0';
}

void words_free(struct words **words)
{
	if (!*words)
		return;
	words_pass(*words);
	close((*words)->fd);
	free(*words);
	*words = NULL;
}
