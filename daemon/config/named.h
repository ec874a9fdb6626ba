#pragma once

/*
 * Named: keys below a name that the file chooses, like `pools.thumbs.run`.
 * Only files have them. What a later layer says of a key of a name outdoes what
 * an earlier one said; the names of all layers are there together.
 */

#include "proto/base.h"

/* The name stands for the star. Keys of one section stand together. */
enum named_key {
	NAMED_POOL_KIND,
	NAMED_POOL_RUN,
	NAMED_POOL_HANDLES,
	NAMED_POOL_WORKERS,
	NAMED_POOL_PRELOAD,
	NAMED_POOL_IDLE,
	NAMED_POOL_READY,
	NAMED_POOL_PING,
	NAMED_POOL_RETIRE_JOBS,
	NAMED_POOL_RETIRE_AGE,
	NAMED_POOL_RETIRE_MEMORY,
	NAMED_POOL_RETIRE_JITTER,
	NAMED_POOL_BROKEN,
	NAMED_KEYS,
};

enum named_kind {
	NAMED_WORD,	/* one of `words` */
	NAMED_LIST,	/* texts; a single one may stand alone */
	NAMED_RANGE,	/* MIN..MAX, or N for both; "cpus" for a number */
	NAMED_COUNT,	/* with K, M, G, T of 1000 */
	NAMED_BYTES,	/* with K, M, G, T of 1024 */
	NAMED_DURATION, /* milliseconds */
	NAMED_SHARE,	/* 10% or 0.1, as thousandths */
};

struct named_row {
	const char *key; /* "pools.*.kind" */
	enum named_kind kind;
	int64_t min, max;     /* of numbers, in their unit */
	const char *fallback; /* as people write it; NULL: it must be given */
	const char *words;    /* of NAMED_WORD, "wait fail"; else NULL */
	const char *like;     /* an example, for messages */
};

extern const struct named_row named_rows[NAMED_KEYS];

#define NAMED_NAME_BYTES 64
#define NAMED_ITEMS_MAX 256

/* One key of one name, as the files say it. */
struct named_entry {
	enum named_key key;
	char name[NAMED_NAME_BYTES];
	char **items; /* NULL behind; one but for lists; owned */
	int layer, file, line, column;
};

struct named {
	struct named_entry *list;
	size_t count, room;
};

struct named_value {
	int64_t min, max; /* of NAMED_RANGE; else both are the number */
	size_t word;	  /* of NAMED_WORD: its place in `words` */
};

/**
 * named_match() - the row of a whole key, and the name in it
 * @path:	"pools.thumbs.run"
 *
 * Return: NULL: it is none.
 */
const struct named_row *named_match(struct slice path, struct slice *ret_name);

/** named_is_section() - is it "pools", "pools.NAME" or "pools.NAME.retire"? */
bool named_is_section(struct slice path);

/** named_takes_name() - is it "pools": does any name stand below it? */
bool named_takes_name(struct slice path);

/** named_child() - as table_child(); nothing where any name stands */
struct slice named_child(struct slice section, size_t i);

/** named_name_good() - letters, digits, '_', '-'; at most 63 */
bool named_name_good(struct slice name);
#define NAMED_NAME_RULE "a name is of letters, digits, '-' and '_', at most 63"

/**
 * named_set() - what a file says; copied
 * @entry:	its items are the caller's
 *
 * Return: 0 or -ENOMEM.
 */
must_check int named_set(struct named *named, const struct named_entry *entry);

/** named_get() - NULL: no file says it */
const struct named_entry *named_get(const struct named *named,
				    enum named_key key, const char *name);

/** named_read() - a value by its row; false: @ret_fault says what is allowed */
#define NAMED_FAULT_BYTES 256
must_check bool named_read(const struct named_row *row, const char *text,
			   struct named_value *ret,
			   char ret_fault[NAMED_FAULT_BYTES]);

/** named_text() - an entry's value as it may stand in a file: "[a, b]" */
void named_text(const struct named_entry *entry, char *ret, size_t bytes);

/** named_equal() - do both say the same? Either may be NULL */
bool named_equal(const struct named_entry *a, const struct named_entry *b);

void named_fini(struct named *named);
