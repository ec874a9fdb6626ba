#pragma once

/*
 * Arena: many small allocations with one life, freed in one go.
 *
 * A batch of the broker, a decoded message and an answer of the store each own
 * one. Nothing in it is freed singly. Not thread-safe: it is handed over, never
 * shared.
 */

#include <stdarg.h>

#include "proto/base.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first; NULL when empty */
	size_t used_bytes;	    /* handed out, for limits */
};

/**
 * arena_alloc() - zeroed memory, aligned to 16 bytes
 * @arena:	zeroed or used before
 * @bytes:	0 is allowed and gives a valid pointer
 *
 * Return: the memory, owned by the arena; NULL when there is none left.
 */
must_check void *arena_alloc(struct arena *arena, size_t bytes);

/** arena_room() - the same, not zeroed */
must_check void *arena_room(struct arena *arena, size_t bytes);

/** arena_array() - arena_alloc() of count * bytes; NULL also on overflow */
must_check void *arena_array(struct arena *arena, size_t count, size_t bytes);

/**
 * arena_copy() - a copy of @from that lives as long as the arena
 * @ret:	set on success; always followed by a NUL that is not counted
 *
 * Return: 0 or -ENOMEM.
 */
must_check int arena_copy(struct arena *arena, struct slice from,
			  struct slice *ret);

/**
 * arena_print() - a formatted text that lives as long as the arena, of any size
 *
 * Return: the text, owned by the arena; NULL when there is no memory left.
 */
must_check char *arena_print(struct arena *arena, const char *format, ...)
	printf_like(2, 3);
must_check char *arena_vprint(struct arena *arena, const char *format,
			      va_list args) printf_like(2, 0);

/**
 * arena_reset() - forget everything, keep the newest block for reuse
 *
 * One block (at most 256 KiB) stays allocated, so that a loop over batches does
 * not go to malloc for each.
 */
void arena_reset(struct arena *arena);

/** arena_fini() - free everything; the arena may be used again */
void arena_fini(struct arena *arena);
