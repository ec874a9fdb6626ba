#include "daemon/config/value.h"

#include "daemon/base/quantity.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *text;
	enum log_level level;
} levels[] = {
	{"error", LOG_ERROR},
	{"warning", LOG_WARNING},
	{"info", LOG_INFO},
	{"debug", LOG_DEBUG},
};

static int refuse(char fault[VALUE_FAULT_BYTES], const char *fmt, ...)
	printf_like(2, 3);

static int refuse(char fault[VALUE_FAULT_BYTES], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(fault, VALUE_FAULT_BYTES, fmt, args);
	va_end(args);
	return CONFIG_E_USAGE;
}

static const void *place(const struct config *config,
			 const struct table_row *row)
{
	return (const char *)config + row->offset;
}

static int set_path(char *ret, const char *text, const char *here,
		    char fault[VALUE_FAULT_BYTES])
{
	size_t n = strlen(text);

	if (n == 0)
		return refuse(fault, "is empty: give a path, or auto");
	if (strcmp(text, "auto") == 0) {
		ret[0] = '\0';
		return 0;
	}
	while (n > 1 && text[n - 1] == '/')
		n--;
	if (text[0] == '/')
		here = "";
	if (strlen(here) + n + 2 > CONFIG_PATH_BYTES)
		return refuse(fault, "is longer than %d bytes",
			      CONFIG_PATH_BYTES - 1);
	snprintf(ret, CONFIG_PATH_BYTES, "%s%s%.*s", here, here[0] ? "/" : "",
		 (int)n, text);
	return 0;
}

/* A number with the largest unit that leaves no rest. */
static void scaled_text(int64_t n, int64_t base, char *ret, size_t bytes)
{
	const char *unit = "KMGT";
	char letter[2] = "";

	while (n && n % base == 0 && *unit) {
		n /= base;
		letter[0] = *unit++;
	}
	snprintf(ret, bytes, "%" PRId64 "%s", n, letter);
}

static void duration_text(int64_t ms, char *ret, size_t bytes)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
		{"d", 86400000}, {"h", 3600000}, {"m", 60000},
		{"s", 1000},	 {"ms", 1},
	};
	size_t i = 0;

	while (ms % units[i].ms)
		i++;
	if (ms == 0)
		i = 3;
	snprintf(ret, bytes, "%" PRId64 "%s", ms / units[i].ms, units[i].name);
}

static void number_text(const struct table_row *row, int64_t n, char *ret,
			size_t bytes)
{
	switch (row->kind) {
	case TABLE_DURATION:
		duration_text(n, ret, bytes);
		return;
	case TABLE_BYTES:
		scaled_text(n, 1024, ret, bytes);
		return;
	case TABLE_COUNT:
		scaled_text(n, 1000, ret, bytes);
		return;
	case TABLE_INT:
	case TABLE_PATH:
	case TABLE_LEVEL:
	case TABLE_SWITCH:
		break;
	}
	snprintf(ret, bytes, "%" PRId64, n);
}

static bool read_number(const struct table_row *row, const char *text,
			int64_t *ret)
{
	if (row->kind == TABLE_DURATION)
		return quantity_duration_ms(text, ret);
	if (row->kind == TABLE_BYTES)
		return quantity_bytes(text, ret);
	return quantity_count(text, ret);
}

static int set_number(struct config *config, const struct table_row *row,
		      const char *text, char fault[VALUE_FAULT_BYTES])
{
	void *at = (char *)config + row->offset;
	char least[32], most[32];
	const char *kind = "number";
	int64_t n;

	if (row->word && strcmp(text, row->word) == 0) {
		if (row->kind == TABLE_INT)
			*(int *)at = 0;
		else
			*(int64_t *)at = 0;
		return 0;
	}
	if (!read_number(row, text, &n) || n < row->min || n > row->max) {
		number_text(row, row->min, least, sizeof(least));
		number_text(row, row->max, most, sizeof(most));
		if (row->kind == TABLE_DURATION)
			kind = "time";
		if (row->kind == TABLE_BYTES)
			kind = "size";
		return refuse(fault, "give a %s from %s to %s%s%s", kind, least,
			      most, row->word ? " or " : ", like ",
			      row->fallback);
	}
	if (row->kind == TABLE_INT)
		*(int *)at = (int)n;
	else
		*(int64_t *)at = n;
	return 0;
}

static int set_level(enum log_level *ret, const char *text,
		     char fault[VALUE_FAULT_BYTES])
{
	for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
		if (strcmp(levels[i].text, text) != 0)
			continue;
		*ret = levels[i].level;
		return 0;
	}
	return refuse(fault, "give error, warning, info or debug");
}

int value_set(struct config *config, const struct table_row *row,
	      const char *text, const char *here,
	      char ret_fault[VALUE_FAULT_BYTES])
{
	void *at = (char *)config + row->offset;

	switch (row->kind) {
	case TABLE_PATH:
		return set_path(at, text, here, ret_fault);
	case TABLE_LEVEL:
		return set_level(at, text, ret_fault);
	case TABLE_SWITCH:
		if (strcmp(text, "auto") != 0 && strcmp(text, "off") != 0)
			return refuse(ret_fault, "give auto or off");
		*(bool *)at = text[0] == 'a';
		return 0;
	case TABLE_INT:
	case TABLE_COUNT:
	case TABLE_BYTES:
	case TABLE_DURATION:
		break;
	}
	return set_number(config, row, text, ret_fault);
}

static int64_t number(const struct config *config, const struct table_row *row)
{
	const void *at = place(config, row);

	return row->kind == TABLE_INT ? *(const int *)at : *(const int64_t *)at;
}

void value_text(const struct config *config, const struct table_row *row,
		char *ret, size_t bytes)
{
	const void *at = place(config, row);
	const char *text = at;

	switch (row->kind) {
	case TABLE_PATH:
		if (!text[0])
			text = row->word;
		break;
	case TABLE_LEVEL:
		for (size_t i = 0; i < ARRAY_COUNT(levels); i++)
			if (levels[i].level == *(const enum log_level *)at)
				text = levels[i].text;
		break;
	case TABLE_SWITCH:
		text = *(const bool *)at ? "auto" : "off";
		break;
	case TABLE_INT:
	case TABLE_COUNT:
	case TABLE_BYTES:
	case TABLE_DURATION:
		number_text(row, number(config, row), ret, bytes);
		return;
	}
	snprintf(ret, bytes, "%s", text);
}

bool value_equal(const struct config *a, const struct config *b,
		 const struct table_row *row)
{
	switch (row->kind) {
	case TABLE_PATH:
		return strcmp(place(a, row), place(b, row)) == 0;
	case TABLE_LEVEL:
		return *(const enum log_level *)place(a, row) ==
		       *(const enum log_level *)place(b, row);
	case TABLE_SWITCH:
		return *(const bool *)place(a, row) ==
		       *(const bool *)place(b, row);
	case TABLE_INT:
	case TABLE_COUNT:
	case TABLE_BYTES:
	case TABLE_DURATION:
		break;
	}
	return number(a, row) == number(b, row);
}

void value_copy(struct config *to, const struct config *from,
		const struct table_row *row)
{
	static const size_t bytes[] = {
		[TABLE_PATH] = CONFIG_PATH_BYTES,
		[TABLE_INT] = sizeof(int),
		[TABLE_COUNT] = sizeof(int64_t),
		[TABLE_BYTES] = sizeof(int64_t),
		[TABLE_DURATION] = sizeof(int64_t),
		[TABLE_LEVEL] = sizeof(enum log_level),
		[TABLE_SWITCH] = sizeof(bool),
	};

	memcpy((char *)to + row->offset, place(from, row), bytes[row->kind]);
}

int64_t value_number(const struct config *config, const struct table_row *row)
{
	require(row->live);
	if (row->kind == TABLE_LEVEL)
		return *(const enum log_level *)place(config, row);
	return number(config, row);
}

bool value_put_number(struct config *config, const struct table_row *row,
		      int64_t n)
{
	void *at = (char *)config + row->offset;

	if (!row->live)
		return false;
	if (row->kind == TABLE_LEVEL) {
		for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
			if ((int64_t)levels[i].level != n)
				continue;
			*(enum log_level *)at = levels[i].level;
			return true;
		}
		return false;
	}
	if (n < row->min || n > row->max)
		return false;
	/* No int among them. */
	*(int64_t *)at = n;
	return true;
}
