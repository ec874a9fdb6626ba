#include "proto/arena.h"

#include <errno.h>
#include <stdio.h>

#define ARENA_ALIGN 16
#define ARENA_FIRST_BYTES 4096
#define ARENA_KEEP_BYTES (256 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t capacity;
	size_t used;
	size_t unused; /* keeps data aligned to ARENA_ALIGN */
	char data[];
};

static struct arena_block *block_new(struct arena *arena, size_t bytes)
{
	size_t capacity = ARENA_FIRST_BYTES;
	struct arena_block *block;

	/* Double, so that n allocations cost log n calls of malloc. */
	if (arena->blocks && arena->blocks->capacity < ARENA_KEEP_BYTES)
		capacity = arena->blocks->capacity * 2;
	else if (arena->blocks)
		capacity = ARENA_KEEP_BYTES;
	if (capacity < bytes)
		capacity = bytes;

	block = malloc(sizeof(*block) + capacity);
	if (!block)
		return NULL;

	block->capacity = capacity;
	block->used = 0;
	block->next = arena->blocks;
	arena->blocks = block;
	return block;
}

void *arena_room(struct arena *arena, size_t bytes)
{
	struct arena_block *block = arena->blocks;
	void *p;

	if (bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (!block || block->capacity - block->used < bytes) {
		block = block_new(arena, bytes);
		if (!block)
			return NULL;
	}

	p = block->data + block->used;
	block->used += bytes;
	arena->used_bytes += bytes;
	return p;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	void *p = arena_room(arena, bytes);

	return p ? memset(p, 0, bytes) : NULL;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total))
		return NULL;
	return arena_alloc(arena, total);
}

int arena_copy(struct arena *arena, struct slice from, struct slice *ret)
{
	char *p = arena_room(arena, from.n + 1);

	if (!p)
		return -ENOMEM;
	if (from.n)
		memcpy(p, from.p, from.n);
	p[from.n] = '\0';
	*ret = (struct slice){p, from.n};
	return 0;
}

static void blocks_free(struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
}

char *arena_vprint(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, format, args);
	return text;
}

char *arena_print(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprint(arena, format, args);
	va_end(args);
	return text;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	arena->used_bytes = 0;
	if (!block)
		return;
	blocks_free(block->next);
	block->next = NULL;
	block->used = 0;
	if (block->capacity > ARENA_KEEP_BYTES) {
		free(block);
		arena->blocks = NULL;
	}
}

void arena_fini(struct arena *arena)
{
	blocks_free(arena->blocks);
	*arena = (struct arena){0};
}
