#include "daemon/base/title.h"

#include <stdio.h>

static char *room;
static size_t room_bytes;

void title_init(int argc, char **argv)
{
	room = argc > 0 ? argv[0] : NULL;
	room_bytes = 0;
	/* The kernel puts them behind each other; trust it as far as they do. */
	for (int i = 0; i < argc && argv[i] == room + room_bytes; i++)
		room_bytes += strlen(argv[i]) + 1;
}

void title_set(const char *role, const char *name)
{
	char text[256] = "";
	int n = snprintf(text, sizeof(text), "reeved%c%s%c%s", '\0', role, '\0',
			 name);
	size_t bytes = n < 0 ? 0 : (size_t)n;

	if (bytes >= sizeof(text))
		bytes = sizeof(text) - 1;
	/* The last byte stays 0: else the kernel looks for more behind it. */
	if (bytes >= room_bytes)
		bytes = room_bytes ? room_bytes - 1 : 0;
	if (!bytes)
		return;
	memset(room, 0, room_bytes);
	memcpy(room, text, bytes);
}
