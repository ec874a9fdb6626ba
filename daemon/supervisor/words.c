#include "daemon/supervisor/words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUOTE_LINES 3
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

/* Where the line that ends before @end begins. */
static size_t line_start(const char *text, size_t end)
{
	while (end > 0 && text[end - 1] != '\n')
		end--;
	return end;
}

void words_quote(const struct words *words, char *ret, size_t size)
{
	size_t end = words ? words->n : 0, start, used = 0;

	ret[0] = '\0';
	while (end > 0 && is_blank(words->last[end - 1]))
		end--;
	start = end;
	for (int i = 0; i < QUOTE_LINES && start > 0; i++) {
		size_t before = i ? start - 1 : start;

		before = line_start(words->last, before);
		/* The last one is cut if it must be, others are whole. */
		if (i && end - before >= size)
			break;
		start = before;
	}
	if (end - start >= size)
		start = end - (size - 1);
	/* Breaks, and what surrounds them, become one. */
	for (size_t at = start; at < end && used + 1 < size; at++) {
		char c = words->last[at];

		if (is_blank(c) && (!used || ret[used - 1] == ' '))
			continue;
		if (c == '\n' && used + 2 < size)
			ret[used++] = ';';
		ret[used++] = is_blank(c) ? ' ' : c;
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
