#include "proto/share.h"

#include <strings.h>

/* More would only be noise: a double has 15 digits for certain. */
#define SHARE_DIGITS 15

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct slice trim(struct slice text)
{
	while (text.n && is_blank(text.p[0])) {
		text.p++;
		text.n--;
	}
	while (text.n && is_blank(text.p[text.n - 1]))
		text.n--;
	return text;
}

struct number {
	double value;
	bool point; /* it has one */
};

/* Return: how many bytes of @text it takes; 0: there is none. */
static size_t read_number(struct slice text, size_t from, struct number *ret)
{
	struct number number = {0};
	double scale = 1;
	size_t digits = 0, i = from;

	for (; i < text.n; i++) {
		char c = text.p[i];

		if (c == '.' && !number.point) {
			number.point = true;
			continue;
		}
		if (c < '0' || c > '9')
			break;
		if (++digits > SHARE_DIGITS)
			return 0;
		number.value = number.value * 10 + (c - '0');
		if (number.point)
			scale *= 10;
	}
	number.value /= scale;
	*ret = number;
	return digits ? i - from : 0;
}

/* Where the note begins behind a share that ends at @i; 0: it is none. */
static size_t behind(struct slice text, size_t i)
{
	if (i < text.n && (text.p[i] == ':' || text.p[i] == ','))
		i++;
	if (i == text.n)
		return i;
	return is_blank(text.p[i]) ? i + 1 : 0;
}

bool share_read(struct slice text, double *ret, struct slice *ret_note)
{
	struct number number, whole = {.value = 1};
	bool counts = false, alone = false;
	size_t i, n, note;

	text = trim(text);
	*ret_note = text;
	i = read_number(text, 0, &number);
	if (!i)
		return false;
	if (i < text.n && text.p[i] == '/') {
		n = read_number(text, i + 1, &whole);
		if (!n)
			return false;
		i += 1 + n;
		counts = true;
	} else if (i < text.n && text.p[i] == '%') {
		whole.value = 100;
		i++;
	} else {
		alone = !number.point;
	}
	note = behind(text, i);
	if (!note || (alone && i < text.n) || whole.value <= 0 ||
	    number.value > whole.value)
		return false;
	*ret = number.value / whole.value;
	if (!counts)
		*ret_note = trim((struct slice){text.p + note, text.n - note});
	return true;
}

/* What is printed by who divides by nothing; @text is one word. */
static bool is_no_number(struct slice text)
{
	static const char *const names[] = {"nan", "infinity", "inf"};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		size_t n = strlen(names[i]);

		if (text.n < n || strncasecmp(text.p, names[i], n) != 0)
			continue;
		return text.n == n || text.p[n] == '%' || text.p[n] == '/';
	}
	return false;
}

static bool is_of_number(struct slice text, size_t i)
{
	char c = text.p[i], before = i ? text.p[i - 1] : '/';

	if ((c >= '0' && c <= '9') || strchr(".,/%", c))
		return true;
	if (c == 'e' || c == 'E')
		return before >= '0' && before <= '9';
	return (c == '-' || c == '+') && strchr("/eE", before);
}

struct slice share_meant(struct slice text)
{
	struct slice word = trim(text), rest;
	bool counts = false;
	size_t i = 0;

	while (i < word.n && !is_blank(word.p[i]))
		i++;
	word.n = i;
	if (word.n && (word.p[word.n - 1] == ':' || word.p[word.n - 1] == ','))
		word.n--;
	rest = word;
	if (rest.n && (*rest.p == '-' || *rest.p == '+'))
		rest = (struct slice){rest.p + 1, rest.n - 1};
	if (is_no_number(rest))
		return word;
	for (i = 0; i < word.n; i++) {
		char c = word.p[i];

		if (!c || !is_of_number(word, i))
			return (struct slice){0};
		counts = counts || (c >= '0' && c <= '9') || c == '%';
	}
	return counts ? word : (struct slice){0};
}
