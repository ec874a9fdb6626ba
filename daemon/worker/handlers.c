#include "daemon/worker/handlers.h"

const char *const *handlers_read(struct arena *arena)
{
	const char *names = getenv("REEVE_HANDLERS");
	size_t count = 2, i = 0;
	const char **list;
	char *text, *rest;
	struct slice copy;

	for (const char *p = names ? names : ""; *p; p++)
		count += *p == ' ';
	list = arena_array(arena, count, sizeof(*list));
	if (!list || arena_copy(arena, slice_of(names ? names : ""), &copy))
		return NULL;
	text = (char *)(uintptr_t)copy.p;
	for (; (text = strtok_r(text, " ", &rest)); text = NULL)
		list[i++] = text;
	list[i] = NULL;
	return list;
}
