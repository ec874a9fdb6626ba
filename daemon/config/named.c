#include "daemon/config/named.h"

#include "daemon/base/quantity.h"
#include "daemon/config/pools.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>

/* ---- Keys ---- */

static bool is_below(const char *key, const char *section)
{
	return strncmp(key, section, strlen(section)) == 0;
}

/*
 * @path against the front of @key, dot by dot. Return: where @key goes on, at a
 * dot or at its end; NULL: it is another one.
 */
static const char *front(const char *key, struct slice path,
			 struct slice *ret_name)
{
	const char *whole = key;
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
		if (!named_name_good(whole, *ret_name))
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

	for (size_t row = 0; row < NAMED_KEYS; row++) {
		const char *key = named_rows[row].key;
		const char *rest = section.n ? front(key, section, &name) : key;
		struct slice child;

		if (!rest || (section.n && (!*rest || *++rest == '*')))
			continue;
		child = (struct slice){rest, strcspn(rest, ".")};
		if (slice_equal(child, last))
			continue;
		if (i-- == 0)
			return child;
		last = child;
	}
	return (struct slice){NULL, 0};
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* What is below the pools that are there anyway is not for here. */
static bool pool_name_good(struct slice name)
{
	if (!name.n || name.n >= POOL_NAME_BYTES || slice_is(name, "exec"))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (!is_word(name.p[i]))
			return false;
	}
	return true;
}

static bool queue_name_good(struct slice name)
{
	if (!name.n || name.n > LIMIT_NAME_BYTES)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if ((c < 0x20 && c != NAMED_DOT) || c == 0x7f)
			return false;
	}
	return true;
}

bool named_name_good(const char *key, struct slice name)
{
	return is_below(key, "queues.") ? queue_name_good(name)
					: pool_name_good(name);
}

const char *named_name_rule(struct slice section)
{
	return slice_is(section, "queues")
		       ? "a name is of 1 to 255 bytes without control "
			 "characters"
		       : "a name is of letters, digits, '-' and '_', at most "
			 "63";
}

bool named_of(enum named_key key, const char *section)
{
	return is_below(named_rows[key].key, section);
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

/* As `--backoff` has it. @ret->word: is it a range? */
static bool read_backoff(const struct named_row *row, const char *text,
			 struct named_value *ret)
{
	const char *dots = strstr(text, "..");
	char first[24];

	ret->word = dots != NULL;
	if (!dots)
		dots = text + strlen(text);
	if ((size_t)(dots - text) >= sizeof(first))
		return false;
	snprintf(first, sizeof(first), "%.*s", (int)(dots - text), text);
	if (!quantity_duration_ms(first, &ret->min))
		return false;
	ret->max = ret->min;
	if (ret->word && !quantity_duration_ms(dots + 2, &ret->max))
		return false;
	return ret->min >= row->min && ret->min <= ret->max &&
	       ret->max <= row->max;
}

static bool read_signed(const char *text, int64_t *ret)
{
	bool minus = *text == '-';

	if (!quantity_count(text + minus, ret))
		return false;
	*ret = minus ? -*ret : *ret;
	return true;
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
	case NAMED_CALLBACKS: /* was looked at when it was read */
		return true;
	case NAMED_LIST:
		return !row->words || read_word(row->words, text, &ret->word);
	case NAMED_RANGE:
		return read_range(text, ret) && ret->min >= row->min &&
		       ret->max <= row->max && ret->max >= 1;
	case NAMED_NUMBER:
		good = read_signed(text, &ret->min);
		break;
	case NAMED_COUNT:
		good = quantity_count(text, &ret->min);
		break;
	case NAMED_BYTES:
		good = quantity_bytes(text, &ret->min);
		break;
	case NAMED_DURATION:
		good = quantity_duration_ms(text, &ret->min) ||
		       (row->words && read_word(row->words, text, &ret->word));
		break;
	case NAMED_BACKOFF:
		return read_backoff(row, text, ret);
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
		[NAMED_WORD] = "one of",
		[NAMED_LIST] = "one or more of",
		[NAMED_CALLBACKS] = "a list of callbacks",
		[NAMED_RANGE] = "how many, at least and at most, up to 4096",
		[NAMED_NUMBER] = "a number",
		[NAMED_COUNT] = "a number",
		[NAMED_BYTES] = "a size",
		[NAMED_DURATION] = "a time",
		[NAMED_BACKOFF] = "a time, or two with .. in between",
		[NAMED_SHARE] = "a share",
	};
	char range[64] = "";
	const char *before = row->kind == NAMED_DURATION ? " or " : ": ";

	*ret = (struct named_value){0};
	if (read_number(row, text, ret))
		return true;
	if (row->kind == NAMED_NUMBER)
		snprintf(range, sizeof(range), " from %" PRId64 " to %" PRId64,
			 row->min, row->max);
	if (row->kind == NAMED_SHARE)
		snprintf(range, sizeof(range), " up to %" PRId64 "%%",
			 row->max / 10);
	snprintf(ret_fault, NAMED_FAULT_BYTES, "give %s%s%s, like %s",
		 kinds[row->kind], row->words ? before : range,
		 row->words ? row->words : "", row->like);
	return false;
}

void named_text(const struct named_entry *entry, char *ret, size_t bytes)
{
	size_t n = 0;

	if (named_rows[entry->key].kind != NAMED_LIST &&
	    named_rows[entry->key].kind != NAMED_CALLBACKS) {
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
