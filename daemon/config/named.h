#pragma once

/*
 * Named: keys below a name that the file chooses, like `pools.thumbs.run`, and
 * what queues share with `defaults`. Only files have them. What a later layer
 * says of a key of a name outdoes what an earlier one said; the names of all
 * layers are there together.
 */

#include "daemon/config/named_rows.h"
#include "proto/limits.h"

#define NAMED_NAME_BYTES (LIMIT_NAME_BYTES + 1)
#define NAMED_ITEMS_MAX 256

/* One key of one name, as the files say it. */
struct named_entry {
	enum named_key key;
	char name[NAMED_NAME_BYTES]; /* "": the key has no star */
	char **items;		     /* NULL behind; one but for lists; owned */
	int layer, file, line, column;
};

struct named {
	struct named_entry *list;
	size_t count, room;
};

struct named_value {
	int64_t min, max; /* of NAMED_RANGE; else both are the number */
	size_t word;	  /* of `words`: which */
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

/* In a path it stands for a dot of a name. */
#define NAMED_DOT '\x1f'

/**
 * named_name_good() - may it stand where the key has its star?
 *
 * Of pools: letters, digits, '_', '-', at most 63. Of queues: as by the
 * protocol, LIMIT_NAME_BYTES without control characters, but for NAMED_DOT.
 */
bool named_name_good(const char *key, struct slice name);

/** named_name_rule() - what is allowed for the names below a section */
const char *named_name_rule(struct slice section);

/** named_of() - is it a row of this section: "pools.", "queues."? */
bool named_of(enum named_key key, const char *section);

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
