/*
 * json_check(): the one walk over bytes that nobody has looked at yet. What it
 * lets through, json_in.c takes apart without looking for mistakes again.
 */

#include "proto/json_in.h"
#include "proto/json_text.h"
#include "proto/utf8.h"

struct checker {
	const char *begin;
	const char *p;
	const char *end;
	uint64_t objects; /* bit i: container i + 1 is an object */
	unsigned depth;
	struct json_fault *fault;
};

static int fault(struct checker *c, const char *at, int error,
		 const char *message)
{
	c->fault->offset = (size_t)(at - c->begin);
	c->fault->message = message;
	return error;
}

static int fault_here(struct checker *c, const char *message)
{
	if (c->p == c->end)
		return fault(c, c->p, JSON_E_SHORT, message);
	return fault(c, c->p, JSON_E_SYNTAX, message);
}

/* At a backslash. */
static int check_escape(struct checker *c)
{
	const char *at = c->p;
	int32_t code, low;

	if (c->end - at < 2)
		return fault(c, c->end, JSON_E_SHORT, "an escape ends early");
	if (at[1] != 'u') {
		if (at[1] == 0 || !strchr("\"\\/bfnrt", at[1]))
			return fault(c, at + 1, JSON_E_SYNTAX,
				     "no such escape");
		c->p = at + 2;
		return 0;
	}

	if (c->end - at < 6)
		return fault(c, c->end, JSON_E_SHORT, "an escape ends early");
	code = json_hex4(at + 2);
	if (code < 0)
		return fault(c, at + 2, JSON_E_SYNTAX,
			     "expected four hexadecimal digits");
	if (json_is_low(code))
		return fault(c, at, JSON_E_SYNTAX, "a lone surrogate");
	if (!json_is_high(code)) {
		c->p = at + 6;
		return 0;
	}

	low = -1;
	if (c->end - at >= 12 && at[6] == '\\' && at[7] == 'u')
		low = json_hex4(at + 8);
	if (!json_is_low(low))
		return fault(c, at, JSON_E_SYNTAX, "a lone surrogate");
	c->p = at + 12;
	return 0;
}

/* At the opening quote; leaves p behind the closing one. */
static int check_string(struct checker *c)
{
	c->p++;
	for (;;) {
		size_t n;
		int r;

		c->p += json_plain_bytes(c->p, c->end);
		if (c->p == c->end)
			return fault(c, c->p, JSON_E_SHORT,
				     "a string is not closed");
		if (*c->p == '"') {
			c->p++;
			return 0;
		}
		if (*c->p == '\\') {
			r = check_escape(c);
			if (r)
				return r;
			continue;
		}
		if ((unsigned char)*c->p < 0x20)
			return fault(c, c->p, JSON_E_SYNTAX,
				     "a control character in a string");
		n = utf8_bytes(c->p, c->end);
		if (n == 0)
			return fault(c, c->p, JSON_E_SYNTAX, "not UTF-8");
		c->p += n;
	}
}

static int check_digits(struct checker *c)
{
	if (c->p == c->end || !json_is_digit(*c->p))
		return fault_here(c, "expected a digit");
	while (c->p < c->end && json_is_digit(*c->p))
		c->p++;
	return 0;
}

static int check_number(struct checker *c)
{
	int r;

	if (*c->p == '-')
		c->p++;
	if (c->p < c->end && *c->p == '0') {
		c->p++;
		if (c->p < c->end && json_is_digit(*c->p))
			return fault_here(c, "a number with a leading zero");
	} else {
		r = check_digits(c);
		if (r)
			return r;
	}
	if (c->p < c->end && *c->p == '.') {
		c->p++;
		r = check_digits(c);
		if (r)
			return r;
	}
	if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
		c->p++;
		if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
			c->p++;
		return check_digits(c);
	}
	return 0;
}

static int check_word(struct checker *c, struct slice word)
{
	size_t left = (size_t)(c->end - c->p);

	for (size_t i = 0; i < word.n; i++) {
		if (i == left)
			return fault(c, c->end, JSON_E_SHORT,
				     "expected true, false or null");
		if (c->p[i] != word.p[i])
			return fault(c, c->p + i, JSON_E_SYNTAX,
				     "expected true, false or null");
	}
	c->p += word.n;
	return 0;
}

/* A string, number or word. */
static int check_scalar(struct checker *c)
{
	switch (*c->p) {
	case '"':
		return check_string(c);
	case 't':
		return check_word(c, SLICE("true"));
	case 'f':
		return check_word(c, SLICE("false"));
	case 'n':
		return check_word(c, SLICE("null"));
	default:
		if (*c->p == '-' || json_is_digit(*c->p))
			return check_number(c);
		return fault_here(c, "expected a value");
	}
}

static inline bool in_object(const struct checker *c)
{
	return c->objects >> (c->depth - 1) & 1;
}

/* At { or [. */
static int check_open(struct checker *c)
{
	uint64_t bit;

	if (c->depth == JSON_DEPTH_MAX)
		return fault(c, c->p, JSON_E_DEPTH, "nested too deep");
	bit = UINT64_C(1) << c->depth++;
	if (*c->p++ == '{')
		c->objects |= bit;
	else
		c->objects &= ~bit;
	return 0;
}

/* The name and colon of a member. */
static int check_key(struct checker *c)
{
	int r;

	c->p = json_skip_space(c->p, c->end);
	if (c->p == c->end || *c->p != '"')
		return fault_here(c, "expected a name in quotes");
	r = check_string(c);
	if (r)
		return r;
	c->p = json_skip_space(c->p, c->end);
	if (c->p == c->end || *c->p != ':')
		return fault_here(c, "expected a colon");
	c->p++;
	return 0;
}

/*
 * Behind a value: close what ends here. Leaves p where the next value begins,
 * or depth 0 when there is none.
 */
static int check_after(struct checker *c)
{
	while (c->depth) {
		c->p = json_skip_space(c->p, c->end);
		if (c->p == c->end)
			return fault_here(c, "a list or object is not closed");
		if (*c->p == ',') {
			c->p++;
			return in_object(c) ? check_key(c) : 0;
		}
		if (*c->p != (in_object(c) ? '}' : ']'))
			return fault_here(c, in_object(c) ? "expected , or }"
							  : "expected , or ]");
		c->p++;
		c->depth--;
	}
	return 0;
}

int json_check(struct slice text, struct json_fault *ret_fault)
{
	struct checker c = {
		.begin = text.p,
		.p = text.p,
		.end = slice_end(text),
		.fault = ret_fault,
	};
	int r;

	do {
		bool empty;

		c.p = json_skip_space(c.p, c.end);
		if (c.p == c.end)
			return fault_here(&c, "expected a value");
		if (*c.p != '{' && *c.p != '[') {
			r = check_scalar(&c);
			if (r)
				return r;
		} else {
			r = check_open(&c);
			if (r)
				return r;
			c.p = json_skip_space(c.p, c.end);
			empty = c.p < c.end &&
				*c.p == (in_object(&c) ? '}' : ']');
			if (!empty) {
				r = in_object(&c) ? check_key(&c) : 0;
				if (r)
					return r;
				continue;
			}
		}
		r = check_after(&c);
		if (r)
			return r;
	} while (c.depth);

	c.p = json_skip_space(c.p, c.end);
	if (c.p != c.end)
		return fault_here(&c, "something behind the value");
	return 0;
}
