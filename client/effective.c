#include "client/effective.h"

#include "client/autostart.h"
#include "client/field.h"
#include "proto/json_in.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define SAID_BYTES ((size_t)1 << 20)

void effective_text(struct slice problem, struct arena *arena,
		    char ret[EFFECTIVE_TEXT_BYTES])
{
	const char *file = field_text(arena, problem, "file");
	int64_t line = field_int(problem, "line");
	char place[EFFECTIVE_PATH_BYTES + 64] = "";

	if (file[0] && line > 0)
		snprintf(place, sizeof(place), "%s:%" PRId64 ":%" PRId64 ": ",
			 file, line, field_int(problem, "column"));
	else if (file[0])
		snprintf(place, sizeof(place), "%s: ", file);
	snprintf(ret, EFFECTIVE_TEXT_BYTES, "%.250s%.250s", place,
		 field_text(arena, problem, "message"));
}

static void take_setting(struct effective *ret, struct slice setting,
			 struct arena *arena)
{
	const char *key = field_text(arena, setting, "key");
	const char *value = field_text(arena, setting, "value");
	char *at = NULL;

	if (strcmp(key, "listen.socket") == 0)
		at = ret->socket;
	else if (strcmp(key, "listen.path") == 0)
		at = ret->runtime_dir;
	else if (strcmp(key, "store.path") == 0)
		at = ret->state_dir;
	if (at)
		snprintf(at, EFFECTIVE_PATH_BYTES, "%s", value);
}

static bool read_answer(struct effective *ret, struct slice said)
{
	struct json_fault fault;
	struct arena arena = {0};
	struct json_iter iter;
	struct slice item;

	while (said.n > 0 && strchr("\n ", said.p[said.n - 1]))
		said.n--;
	if (json_check(said, &fault) != 0)
		return false;
	iter = json_enter(field_list(said, "problems"));
	if (json_item(&iter, &item))
		effective_text(item, &arena, ret->problem);
	iter = json_enter(field_list(said, "warnings"));
	while (json_item(&iter, &item))
		if (ret->warnings++ == 0)
			effective_text(item, &arena, ret->warning);
	iter = json_enter(field_list(said, "settings"));
	while (json_item(&iter, &item))
		take_setting(ret, item, &arena);
	iter = json_enter(field_list(said, "files"));
	while (json_item(&iter, &item))
		ret->files++;
	arena_fini(&arena);
	return ret->problem[0] || ret->socket[0];
}

bool effective_load(struct effective *ret)
{
	char *said = malloc(SAID_BYTES);
	bool is;

	*ret = (struct effective){0};
	is = said && autostart_ask(said, SAID_BYTES) &&
	     read_answer(ret, slice_of(said));
	free(said);
	return is;
}
