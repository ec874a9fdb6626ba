#include "daemon/config/named.h"

#include "daemon/base/quantity.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>

#define DAY_MS INT64_C(86400000)

const struct named_row named_rows[NAMED_KEYS] = {
	[NAMED_POOL_KIND] = {"pools.*.kind", NAMED_WORD, 0, 0, "worker",
			     "plugin worker lines", "worker"},
	[NAMED_POOL_RUN] = {"pools.*.run", NAMED_LIST, 0, 0, NULL, NULL,
			    "[/usr/lib/thumbs/worker.py]"},
	[NAMED_POOL_HANDLES] = {"pools.*.handles", NAMED_LIST, 0, 0, NULL, NULL,
				"[thumb]"},
	[NAMED_POOL_WORKERS] = {"pools.*.workers", NAMED_RANGE, 0, 4096,
				"1..cpus", NULL, "2..8"},
	[NAMED_POOL_PRELOAD] = {"pools.*.preload", NAMED_WORD, 0, 0, "false",
				"false true", "true"},
	[NAMED_POOL_IDLE] = {"pools.*.idle", NAMED_DURATION, 0, 365 * DAY_MS,
			     "30s", NULL, "30s"},
	[NAMED_POOL_READY] = {"pools.*.ready", NAMED_DURATION, 100, DAY_MS,
			      "10s", NULL, "10s"},
	[NAMED_POOL_PING] = {"pools.*.ping", NAMED_DURATION, 1000, DAY_MS,
			     "10s", NULL, "10s"},
	[NAMED_POOL_RETIRE_JOBS] = {"pools.*.retire.jobs", NAMED_COUNT, 0,
				    INT64_C(1) << 53, "0", NULL, "5000"},
	[NAMED_POOL_RETIRE_AGE] = {"pools.*.retire.age", NAMED_DURATION, 0,
				   36500 * DAY_MS, "0s", NULL, "6h"},
	[NAMED_POOL_RETIRE_MEMORY] = {"pools.*.retire.memory", NAMED_BYTES, 0,
				      INT64_C(1) << 50, "0", NULL, "300M"},
	[NAMED_POOL_RETIRE_JITTER] = {"pools.*.retire.jitter", NAMED_SHARE, 0,
				      900, "10%", NULL, "10%"},
	[NAMED_POOL_BROKEN] = {"pools.*.broken", NAMED_WORD, 0, 0, "wait",
			       "wait fail", "wait"},
};

/* ---- Keys ---- */

/* What is below the pools that are there anyway is not for here. */
static bool is_reserved(struct slice name)
{
	return slice_is(name, "exec");
}

/*
 * @path against the front of @key, dot by dot. Return: where @key goes on, at a
 * dot or at its end; NULL: it is another one.
 */
static const char *front(const char *key, struct slice path,
			 struct slice *ret_name)
{
	size_t i = 0;

	*ret_name = (struct slice){NULL, 0};
	while (i < path.n && *key) {
		size_t n = 0;

		if (*key != '*') {
			if (*key++ != path.p[i++])
				return NULL;
			continue;
		}
		while (i + n < path.n && path.p[i + n] != '.')
			n++;
		*ret_name = (struct slice){path.p + i, n};
		if (!named_name_good(*ret_name) || is_reserved(*ret_name))
			return NULL;
		i += n;
		key++;
	}
	return i == path.n && (*key == '.' || !*key) ? key : NULL;
}

const struct named_row *named_match(struct slice path, struct slice *ret_name)
{
	for (size_t i = 0; i < NAMED_KEYS; i++) {
		const char *rest = front(named_rows[i].key, path, ret_name);

		if (rest && !*rest)
			return &named_rows[i];
	}
	return NULL;
}

bool named_is_section(struct slice path)
{
	struct slice name;

	for (size_t i = 0; path.n && i < NAMED_KEYS; i++) {
		const char *rest = front(named_rows[i].key, path, &name);

		if (rest && *rest)
			return true;
	}
	return false;
}

bool named_takes_name(struct slice path)
{
	struct slice name;

	for (size_t i = 0; path.n && i < NAMED_KEYS; i++) {
		const char *rest = front(named_rows[i].key, path, &name);

		if (rest && strncmp(rest, ".*", 2) == 0)
			return true;
	}
	return false;
}

struct slice named_child(struct slice section, size_t i)
{
	struct slice last = {NULL, 0}, name;

	for (size_t row = 0; section.n && row < NAMED_KEYS; row++) {
		const char *rest = front(named_rows[row].key, section, &name);
		struct slice child;

		if (!rest || !*rest || rest[1] == '*')
			continue;
		child = (struct slice){rest + 1, strcspn(rest + 1, ".")};
		if (slice_equal(child, last))
			continue;
		if (i-- == 0)
			return child;
		last = child;
	}
	return (struct slice){NULL, 0};
}

bool named_name_good(struct slice name)
{
	if (!name.n || name.n >= NAMED_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return true;
}

/* ---- Entries ---- */

static void items_free(char **items)
{
	for (char **item = items; item && *item; item++)
		free(*item);
	free(items);
}

static int items_copy(char *const *items, char ***ret)
{
	size_t n = 0;
	char **copy;

	while (items[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(items[i]);
		if (!copy[i]) {
			items_free(copy);
			return -ENOMEM;
		}
	}
	*ret = copy;
	return copy ? 0 : -ENOMEM;
}

static struct named_entry *find(const struct named *named, enum named_key key,
				const char *name)
{
	for (size_t i = 0; i < named->count; i++) {
		if (named->list[i].key == key &&
		    strcmp(named->list[i].name, name) == 0)
			return &named->list[i];
	}
	return NULL;
}

int named_set(struct named *named, const struct named_entry *entry)
{
	struct named_entry *to = find(named, entry->key, entry->name);
	char **items;

	if (!to && named->count == named->room) {
		size_t room = named->room ? named->room * 2 : 16;
		void *p = reallocarray(named->list, room, sizeof(*to));

		if (!p)
			return -ENOMEM;
		named->list = p;
		named->room = room;
	}
	if (items_copy(entry->items, &items))
		return -ENOMEM;
	if (to)
		items_free(to->items);
	else
		to = &named->list[named->count++];
	*to = *entry;
	to->items = items;
	return 0;
}

const struct named_entry *named_get(const struct named *named,
				    enum named_key key, const char *name)
{
	return find(named, key, name);
}

void named_fini(struct named *named)
{
	for (size_t i = 0; i < named->count; i++)
		items_free(named->list[i].items);
	free(named->list);
	*named = (struct named){0};
}

/* ---- Values ---- */

static int64_t processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1
							   : CPU_COUNT(&set);
}

static bool read_count(const char *text, int64_t *ret)
{
	if (strcmp(text, "cpus") != 0)
		return quantity_count(text, ret);
	*ret = processors();
	return true;
}

static bool read_range(const char *text, struct named_value *ret)
{
	const char *dots = strstr(text, "..");
	char first[24];

	if (!dots) {
		ret->min = 0;
		return read_count(text, &ret->max) &&
		       read_count(text, &ret->min);
	}
	if ((size_t)(dots - text) >= sizeof(first))
		return false;
	snprintf(first, sizeof(first), "%.*s", (int)(dots - text), text);
	return read_count(first, &ret->min) &&
	       read_count(dots + 2, &ret->max) && ret->min <= ret->max;
}

/* "10%" or "0.1", in thousandths. */
static bool read_share(const char *text, int64_t *ret)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || !(n >= 0 && n <= 100) ||
	    (*end && strcmp(end, "%") != 0))
		return false;
	*ret = (int64_t)(n * (*end ? 10 : 1000) + 0.5);
	return true;
}

static bool read_word(const char *words, const char *text, size_t *ret)
{
	size_t at = 0;

	while (*words) {
		size_t n = strcspn(words, " ");

		if (slice_is((struct slice){words, n}, text)) {
			*ret = at;
			return true;
		}
		at++;
		words += n;
		words += strspn(words, " ");
	}
	return false;
}

static bool read_number(const struct named_row *row, const char *text,
			struct named_value *ret)
{
	bool good = false;

	switch (row->kind) {
	case NAMED_WORD:
		return read_word(row->words, text, &ret->word);
	case NAMED_LIST:
		return true;
	case NAMED_RANGE:
		return read_range(text, ret) && ret->min >= row->min &&
		       ret->max <= row->max && ret->max >= 1;
	case NAMED_COUNT:
		good = quantity_count(text, &ret->min);
		break;
	case NAMED_BYTES:
		good = quantity_bytes(text, &ret->min);
		break;
	case NAMED_DURATION:
		good = quantity_duration_ms(text, &ret->min);
		break;
	case NAMED_SHARE:
		good = read_share(text, &ret->min);
		break;
	}
	ret->max = ret->min;
	return good && ret->min >= row->min && ret->min <= row->max;
}

bool named_read(const struct named_row *row, const char *text,
		struct named_value *ret, char ret_fault[NAMED_FAULT_BYTES])
{
	static const char *const kinds[] = {
		[NAMED_WORD] = "one of: ",
		[NAMED_LIST] = "a text",
		[NAMED_RANGE] = "how many, at least and at most, up to 4096",
		[NAMED_COUNT] = "a number",
		[NAMED_BYTES] = "a size",
		[NAMED_DURATION] = "a time",
		[NAMED_SHARE] = "a share up to 90%",
	};

	*ret = (struct named_value){0};
	if (read_number(row, text, ret))
		return true;
	snprintf(ret_fault, NAMED_FAULT_BYTES, "give %s%s, like %s",
		 kinds[row->kind], row->words ? row->words : "", row->like);
	return false;
}

void named_text(const struct named_entry *entry, char *ret, size_t bytes)
{
	size_t n = 0;

	if (named_rows[entry->key].kind != NAMED_LIST) {
		snprintf(ret, bytes, "%s", entry->items[0]);
		return;
	}
	n += (size_t)snprintf(ret, bytes, "[");
	for (char **item = entry->items; *item && n + 2 < bytes; item++)
		n += (size_t)snprintf(ret + n, bytes - n, "%s%s",
				      item == entry->items ? "" : ", ", *item);
	if (n + 2 < bytes)
		snprintf(ret + n, bytes - n, "]");
}

bool named_equal(const struct named_entry *a, const struct named_entry *b)
{
	size_t i = 0;

	if (!a || !b)
		return a == b;
	while (a->items[i] && b->items[i] &&
	       strcmp(a->items[i], b->items[i]) == 0)
		i++;
	return !a->items[i] && !b->items[i];
}
