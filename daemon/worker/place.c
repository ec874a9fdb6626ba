#include "daemon/worker/place.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/json_in.h"
#include "proto/utf8.h"

#define CLEAN_COUNT 6
#define NAME_BYTES 96 /* that a message shows */

static const struct {
	const char *name;
	int resource;
} limit_names[PLACE_LIMITS_MAX] = {
	{"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC},
	{"cpu", RLIMIT_CPU},	   {"as", RLIMIT_AS},
	{"fsize", RLIMIT_FSIZE},   {"core", RLIMIT_CORE},
	{"stack", RLIMIT_STACK},   {"memlock", RLIMIT_MEMLOCK},
	{"data", RLIMIT_DATA},
};

const char *place_limit_name(int resource)
{
	for (size_t i = 0; i < ARRAY_COUNT(limit_names); i++) {
		if (limit_names[i].resource == resource)
			return limit_names[i].name;
	}
	return "?";
}

/* The first fault stays. */
static void fault(struct place *place, const char *what, struct slice name)
{
	if (place->fault[0])
		return;
	snprintf(place->fault, sizeof(place->fault), "%s '%.*s%s'", what,
		 (int)utf8_cut(name, NAME_BYTES), name.p ? name.p : "",
		 name.n > NAME_BYTES ? UTF8_ELLIPSIS : "");
}

/* A terminated string of the arena; a fault when it cannot be one. */
static int text_member(struct place *place, struct slice value,
		       const char *what, const char **ret)
{
	struct slice text;
	int r = json_string(&place->arena, value, &text);

	if (r < 0)
		return r;
	if (r > 0 || memchr(text.p, 0, text.n)) {
		fault(place, what, r ? value : text);
		return 0;
	}
	r = arena_copy(&place->arena, text, &text);
	if (r)
		return r;
	*ret = text.p;
	return 0;
}

/* What reeve sets for each job does not come from the submitter. */
static bool is_ours(struct slice name)
{
	static const char *const ours[PLACE_ENV_SPARE] = {
		"REEVE_JOB",   "REEVE_ATTEMPT", "REEVE_TOKEN",
		"REEVE_GROUP", "REEVE_SOCKET",	"REEVE_PROGRESS_FD",
	};

	for (size_t i = 0; i < ARRAY_COUNT(ours); i++) {
		if (slice_is(name, ours[i]))
			return true;
	}
	return name.n > strlen(COMMAND_OF) &&
	       memcmp(name.p, COMMAND_OF, strlen(COMMAND_OF)) == 0;
}

static int env_put(struct place *place, struct slice name, struct slice value,
		   size_t defaults)
{
	char *entry = arena_alloc(&place->arena, name.n + value.n + 2);

	if (!entry)
		return -ENOMEM;
	memcpy(entry, name.p, name.n);
	entry[name.n] = '=';
	if (value.n)
		memcpy(entry + name.n + 1, value.p, value.n);
	if (slice_is(name, "PATH"))
		place->path = entry + name.n + 1;
	/* What is listed wins over what a clean environment has anyway. */
	for (size_t i = 0; i < defaults; i++) {
		if (strncmp(place->env[i], entry, name.n + 1) == 0) {
			place->env[i] = entry;
			return 0;
		}
	}
	place->env[place->env_count++] = entry;
	return 0;
}

static int env_member(struct place *place, struct slice raw_key,
		      struct slice raw_value, size_t defaults)
{
	/* A key comes without its quotes; json_string() wants them. */
	struct slice quoted = {raw_key.p - 1, raw_key.n + 2};
	struct slice name, value;
	int r = json_string(&place->arena, quoted, &name);

	if (r == 0)
		r = json_string(&place->arena, raw_value, &value);
	if (r < 0)
		return r;
	if (r > 0 || !name.n || memchr(name.p, '=', name.n) ||
	    memchr(name.p, 0, name.n) || memchr(value.p, 0, value.n)) {
		fault(place, "this cannot be in an environment:", raw_key);
		return 0;
	}
	return is_ours(name) ? 0 : env_put(place, name, value, defaults);
}

/* PATH HOME USER LOGNAME SHELL LANG, from the account, not from the daemon. */
static int env_clean(struct place *place)
{
	struct passwd account, *found = NULL;
	const char *lang = getenv("LANG");
	char text[4096];

	if (getpwuid_r(getuid(), &account, text, sizeof(text), &found) ||
	    !found) {
		static char nobody[] = "nobody", top[] = "/", sh[] = "/bin/sh";

		account.pw_name = nobody;
		account.pw_dir = top;
		account.pw_shell = sh;
	}
	const struct {
		const char *name, *value;
	} entries[CLEAN_COUNT] = {
		{"PATH", PLACE_PATH},
		{"HOME", account.pw_dir},
		{"USER", account.pw_name},
		{"LOGNAME", account.pw_name},
		{"SHELL", account.pw_shell},
		{"LANG", lang && *lang ? lang : "C.UTF-8"},
	};

	for (size_t i = 0; i < CLEAN_COUNT; i++) {
		int r = env_put(place, slice_of(entries[i].name),
				slice_of(entries[i].value), 0);

		if (r)
			return r;
	}
	return 0;
}

static int read_env(struct place *place, struct slice env, bool clean)
{
	bool listed = env.p && json_kind(env) == JSON_OBJECT;
	size_t count = CLEAN_COUNT + PLACE_ENV_SPARE + 1;
	struct slice key, value;
	struct json_iter iter;
	int r = 0;

	if (listed)
		count += json_count(env);
	place->env = arena_array(&place->arena, count, sizeof(*place->env));
	if (!place->env)
		return -ENOMEM;
	if (clean)
		r = env_clean(place);
	if (r || !listed)
		return r;
	iter = json_enter(env);
	while (r == 0 && json_member(&iter, &key, &value))
		r = env_member(place, key, value, clean ? CLEAN_COUNT : 0);
	return r;
}

static void read_limit(struct place *place, struct slice key,
		       struct slice value)
{
	int64_t n;

	for (size_t i = 0; i < ARRAY_COUNT(limit_names); i++) {
		if (!json_key_is(key, limit_names[i].name))
			continue;
		if (json_int(value, &n) || n < -1 ||
		    place->limit_count == PLACE_LIMITS_MAX) {
			fault(place, "no such limit:", key);
			return;
		}
		place->limits[place->limit_count++] = (struct place_limit){
			.resource = limit_names[i].resource, .value = n};
		return;
	}
	fault(place, "there is no limit named", key);
}

static void read_small(struct place *place, struct slice key,
		       struct slice value)
{
	int64_t n;

	if (json_key_is(key, "umask")) {
		if (json_int(value, &n) || n < 0 || n > 0777)
			fault(place, "this is no umask:", value);
		else
			place->umask = (int)n;
	} else if (json_key_is(key, "nice")) {
		if (json_int(value, &n) || n < -20 || n > 19) {
			fault(place, "this is no nice value:", value);
		} else {
			place->nice = (int)n;
			place->has_nice = true;
		}
	}
}

static int read_place(struct place *place, struct slice object)
{
	struct slice key, value, mode = {0}, env = {0};
	struct json_iter iter;
	bool clean;
	int r;

	if (json_kind(object) != JSON_OBJECT)
		return read_env(place, env, true);
	iter = json_enter(object);
	while (json_member(&iter, &key, &value)) {
		struct json_iter limits;

		if (json_kind(value) == JSON_NULL)
			continue;
		if (json_key_is(key, "cwd")) {
			r = text_member(place, value,
					"this is no directory:", &place->cwd);
			if (r)
				return r;
		} else if (json_key_is(key, "env")) {
			env = value;
		} else if (json_key_is(key, "env_mode")) {
			mode = value;
		} else if (json_key_is(key, "limits") &&
			   json_kind(value) == JSON_OBJECT) {
			struct slice name, limit;

			limits = json_enter(value);
			while (json_member(&limits, &name, &limit))
				read_limit(place, name, limit);
		} else {
			read_small(place, key, value);
		}
	}
	/* Nothing said: captured, if there is something that was captured. */
	clean = mode.p ? slice_equal(mode, SLICE("\"clean\"")) : !env.p;
	return read_env(place, env, clean);
}

int place_new(struct place **ret, int64_t id, struct slice value)
{
	struct place *place = calloc(1, sizeof(*place));
	int r;

	if (!place)
		return -ENOMEM;
	place->references = 1;
	place->id = id;
	place->cwd = "/";
	place->path = PLACE_PATH;
	place->umask = -1;
	r = read_place(place, value);
	if (r) {
		place_unref(place);
		return r;
	}
	*ret = place;
	return 0;
}

void place_unref(struct place *place)
{
	if (!place || --place->references > 0)
		return;
	arena_fini(&place->arena);
	free(place);
}

void places_init(struct places *places)
{
	TAILQ_INIT(&places->list);
	places->count = 0;
}

static void drop(struct places *places, struct place *place)
{
	TAILQ_REMOVE(&places->list, place, link);
	places->count--;
	place_unref(place);
}

void places_fini(struct places *places)
{
	while (!TAILQ_EMPTY(&places->list))
		drop(places, TAILQ_FIRST(&places->list));
}

static struct place *find(struct places *places, int64_t id)
{
	struct place *place;

	TAILQ_FOREACH (place, &places->list, link) {
		if (place->id == id)
			return place;
	}
	return NULL;
}

int places_add(struct places *places, int64_t id, struct slice value)
{
	struct place *place, *old = find(places, id);
	int r = place_new(&place, id, value);

	if (r)
		return r;
	if (old)
		drop(places, old);
	else if (places->count == PLACES_MAX)
		drop(places, TAILQ_LAST(&places->list, place_list));
	TAILQ_INSERT_HEAD(&places->list, place, link);
	places->count++;
	return 0;
}

struct place *places_get(struct places *places, int64_t id)
{
	struct place *place = find(places, id);

	if (place)
		place->references++;
	return place;
}
