#pragma once

/*
 * The vocabulary that every file of reeve shares: slices of bytes, owning
 * locals, results that must not be dropped, and checks that stay on.
 *
 * Not for helpers: whatever does something has a module of its own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The caller has to look at the result. */
#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * AUTO(x_free) struct x *x = NULL; frees x on every way out; TAKE(x) gives it
 * away and leaves NULL. The free function takes NULL.
 */
#define AUTO(free_function) __attribute__((cleanup(free_function##_at)))
#define AUTO_DEFINE(type, free_function)                                       \
	__attribute__((unused)) static inline void free_function##_at(         \
		type *at)                                                      \
	{                                                                      \
		free_function(*at);                                            \
	}
#define TAKE(pointer)                                                          \
	(__extension__({                                                       \
		__typeof__(pointer) taken_ = (pointer);                        \
		(pointer) = NULL;                                              \
		taken_;                                                        \
	}))

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * require(): a fact that only a mistake of reeve's own can break. It stays on
 * in release builds: stop, be restarted, recover. A peer's bytes are data and
 * never reach it.
 */
__attribute__((noreturn, cold)) void require_failed(const char *fact,
						    const char *file, int line);
#define require(fact)                                                          \
	do {                                                                   \
		if (__builtin_expect(!(fact), 0))                              \
			require_failed(#fact, __FILE__, __LINE__);             \
	} while (0)

/* Bytes that somebody else owns; not terminated, may hold NUL. */
struct slice {
	const char *p;
	size_t n;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

/* Behind its last byte; {0} may be walked too. */
static inline const char *slice_end(struct slice a)
{
	return a.n ? a.p + a.n : a.p;
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
	return slice_equal(a, slice_of(text));
}

static inline void free_at(void *at)
{
	free(*(void **)at);
}
