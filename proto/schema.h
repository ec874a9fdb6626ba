#pragma once

/*
 * Field tables: the C side of the interface files. A type is a table of fields;
 * schema_decode() fills a C struct from checked JSON by that table and refuses
 * what is not in it, with the path of the field. tests/unit/test_idl.c compares
 * every table with proto/org.reeve.*.varlink, so they cannot drift.
 *
 * A decoded struct starts with `uint64_t has`: bit i is set when field i of
 * the table was present and not null. Fields that were absent keep the value
 * that the struct had before.
 *
 *	kind		member in the struct
 *	SCHEMA_BOOL	bool
 *	SCHEMA_INT	int64_t
 *	SCHEMA_FLOAT	double
 *	SCHEMA_STRING	struct slice, decoded
 *	SCHEMA_OBJECT	struct slice, raw JSON object; `any`: or any other value
 *	SCHEMA_ENUM	int, index into the type's words
 *	SCHEMA_STRUCT	struct slice, raw; already checked against its table;
 *			decode it in a step of its own. With `raw` the caller's
 *			step is the only one: do not leave it out
 *	SCHEMA_LIST	struct slice, raw array; items checked against `item`
 *			and `type`, except for structs: the caller decodes each
 *	SCHEMA_MAP	struct slice, raw object; values checked against `item`
 *
 * A field without a member in the struct (offset SCHEMA_UNBUILT) is known to
 * the interface but not built yet: present, it is refused as such.
 */

#include "proto/arena.h"
#include "proto/base.h"

enum schema_kind {
	SCHEMA_BOOL,
	SCHEMA_INT,
	SCHEMA_FLOAT,
	SCHEMA_STRING,
	SCHEMA_OBJECT,
	SCHEMA_ENUM,
	SCHEMA_STRUCT,
	SCHEMA_LIST,
	SCHEMA_MAP,
};

#define SCHEMA_UNBUILT SIZE_MAX

struct schema_type;

struct schema_field {
	const char *name;
	enum schema_kind kind;
	enum schema_kind item;		/* of SCHEMA_LIST and SCHEMA_MAP */
	bool optional;			/* ?type in the interface file */
	bool raw, any;			/* see above */
	const struct schema_type *type; /* of SCHEMA_STRUCT and SCHEMA_ENUM,
					   or of such items */
	size_t offset;			/* in the decoded struct */
	int64_t min, max; /* of SCHEMA_INT, both 0: no bounds; of strings and
			     objects: max is the most bytes; of lists and maps:
			     the most items; 0: no limit. Items of a list of
			     integers with a min: from 1 to 2^53 - 1 */
};

struct schema_type {
	const char *name; /* "Spec"; NULL for parameters and anonymous enums */
	const struct schema_field *fields; /* of a struct */
	size_t field_count;		   /* at most 64 */
	const char *const *words;	   /* of an enum, in the file's order */
	size_t word_count;
};

/* One method of an interface. What it does is the broker's business. */
struct schema_method {
	const char *interface;	      /* "org.reeve.jobs" */
	const char *name;	      /* "Submit" */
	const struct schema_type *in; /* NULL: no parameters */
	const struct schema_type *out;
	bool built; /* false: MethodNotImplemented */
};

enum {
	SCHEMA_E_UNKNOWN = 1, /* no such field */
	SCHEMA_E_KIND,	      /* another type */
	SCHEMA_E_MISSING,     /* a required field is absent */
	SCHEMA_E_RANGE,	      /* a number out of bounds, a string too long */
	SCHEMA_E_WORD,	      /* not one of the words */
	SCHEMA_E_DUPLICATE,   /* the same field twice */
	SCHEMA_E_UNBUILT,     /* known, but this version does not do it */
	SCHEMA_E_CONFLICT,    /* excluded by another field */
};

struct schema_fault {
	char path[128];	   /* "jobs[3].argv[0]", cut if longer */
	char message[192]; /* "expected a string, got a number" */
};

/**
 * schema_decode() - fill @ret from @object by the table
 * @arena:	takes decoded strings that held escapes
 * @object:	checked JSON; null or absent ({0}) counts as {}
 * @path:	put before the field's name in a fault; "" at the top
 * @ret:	the struct that the table describes, zeroed or with defaults
 *
 * Return: 0, SCHEMA_E_*, or -ENOMEM.
 */
must_check int schema_decode(const struct schema_type *type,
			     struct arena *arena, struct slice object,
			     const char *path, void *ret,
			     struct schema_fault *ret_fault);

/**
 * schema_check() - does @object follow the table, all the way down?
 * As schema_decode(), but nothing is stored, items of lists of structs are
 * checked too, and unbuilt fields are allowed: this is what a reply must pass.
 * Return: 0, SCHEMA_E_* except SCHEMA_E_UNBUILT, or -ENOMEM.
 */
must_check int schema_check(const struct schema_type *type, struct arena *arena,
			    struct slice object, const char *path,
			    struct schema_fault *ret_fault);
