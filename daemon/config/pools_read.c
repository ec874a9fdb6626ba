#include "daemon/config/pools_read.h"

#include "daemon/config/layers.h"
#include "daemon/config/pools_http.h"
#include "proto/limits.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
	struct settings *settings;
	struct pool_config *pool;
};

static const struct named_entry *said(const struct reading *reading,
				      enum named_key key)
{
	return named_get(&reading->settings->named, key, reading->pool->name);
}

/* @entry NULL: what is missing belongs to the first word of its pool. */
static void wrong(const struct reading *reading,
		  const struct named_entry *entry, const char *what)
{
	const struct named *named = &reading->settings->named;
	char text[400];

	for (size_t i = 0; !entry; i++) {
		if (named_of(named->list[i].key, "pools.") &&
		    strcmp(named->list[i].name, reading->pool->name) == 0)
			entry = &named->list[i];
	}
	snprintf(text, sizeof(text), "pool '%s': %s", reading->pool->name,
		 what);
	layers_problem_at(reading->settings, entry, text);
}

/* It may come: the pool waits for it, and the others do not. */
static void not_yet(const struct reading *reading,
		    const struct named_entry *entry, const char *what)
{
	char text[400];

	snprintf(text, sizeof(text), "pool '%s': %s; the pool waits for it",
		 reading->pool->name, what);
	layers_warning_at(reading->settings, entry, text);
}

/* What a file says was read once already; what is not said is the default. */
static struct named_value value(const struct reading *reading,
				enum named_key key)
{
	const struct named_entry *entry = said(reading, key);
	const struct named_row *row = &named_rows[key];
	const char *text = entry ? entry->items[0] : row->fallback;
	char fault[NAMED_FAULT_BYTES];
	struct named_value ret;

	require(named_read(row, text, &ret, fault));
	return ret;
}

/* ---- run ---- */

/* @mode: of access(). 0, or a positive errno, as execve() would say. */
static int try_file(const char *path, int mode)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return access(path, mode) < 0 ? errno : 0;
}

/* A name without a slash is looked for where a shell would. */
static bool is_in_path(const char *name)
{
	const char *at = getenv("PATH");
	char path[CONFIG_PATH_BYTES];

	if (!at || !*at)
		at = "/usr/local/bin:/usr/bin:/bin";
	while (*at) {
		size_t n = strcspn(at, ":");

		snprintf(path, sizeof(path), "%.*s/%s", (int)n, at, name);
		if (n && try_file(path, X_OK) == 0)
			return true;
		at += n + (at[n] == ':');
	}
	return false;
}

/* "./x" and "../x" are meant from where the file is that says so. */
static int resolve(const struct reading *reading,
		   const struct named_entry *entry, const char *text,
		   char **ret)
{
	const char *file = reading->settings->files[entry->file];
	const char *slash = strrchr(file, '/');

	if (strncmp(text, "./", 2) != 0 && strncmp(text, "../", 3) != 0)
		*ret = strdup(text);
	else if (asprintf(ret, "%.*s/%s", (int)(slash - file), file,
			  text + (text[1] == '/' ? 2 : 0)) < 0)
		*ret = NULL;
	return *ret ? 0 : -ENOMEM;
}

static int copy_run(struct reading *reading, const struct named_entry *entry)
{
	struct pool_config *pool = reading->pool;
	size_t n = 0;

	while (entry->items[n])
		n++;
	pool->run = calloc(n + 1, sizeof(*pool->run));
	if (!pool->run)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (resolve(reading, entry, entry->items[i], &pool->run[i]))
			return -ENOMEM;
	}
	return 0;
}

static void check_run(struct reading *reading, const struct named_entry *entry)
{
	const char *first = reading->pool->run[0];
	bool plugin = reading->pool->kind == POOL_PLUGIN;
	char text[300];
	int number;

	require(first); /* what a file says of a list is never empty */
	if (first[0] == '/') {
		number = try_file(first, plugin ? R_OK : X_OK);
		if (!number)
			return;
		snprintf(text, sizeof(text),
			 "run: '%.150s' cannot be %s now: %s", first,
			 plugin ? "loaded" : "started", strerror(number));
		not_yet(reading, entry, text);
	} else if (plugin || strchr(first, '/')) {
		snprintf(text, sizeof(text),
			 "run: '%.150s': give the absolute path of %s, or one "
			 "that begins with ./ and is seen from this file",
			 first, plugin ? "a shared object" : "a program");
		wrong(reading, entry, text);
	} else if (!is_in_path(first)) {
		snprintf(text, sizeof(text),
			 "run: there is no program '%.150s' in PATH now",
			 first);
		not_yet(reading, entry, text);
	}
}

static int read_run(struct reading *reading)
{
	const struct named_entry *entry = said(reading, NAMED_POOL_RUN);
	int r;

	if (!entry) {
		wrong(reading, NULL,
		      "it has no 'run': give the program and its arguments, "
		      "like run: [python3, /srv/thumbs.py]");
		return 0;
	}
	r = copy_run(reading, entry);
	if (!r)
		check_run(reading, entry);
	return r;
}

/* ---- handles ---- */

/* No blank: what serves them is told of them with blanks between. */
static bool is_handler(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > LIMIT_NAME_BYTES || strcmp(name, "exec") == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return false;
	}
	return true;
}

static void check_handler(struct reading *reading,
			  const struct named_entry *entry, const char *name)
{
	const struct pool_config *other =
		pools_config_server(&reading->settings->pools, slice_of(name));
	char text[300];

	if (other == reading->pool) {
		snprintf(text, sizeof(text), "handles: '%.100s' is there twice",
			 name);
		wrong(reading, entry, text);
	} else if (other) {
		snprintf(text, sizeof(text),
			 "handles: '%.100s' is served by pool '%s' already",
			 name, other->name);
		wrong(reading, entry, text);
	} else if (!is_handler(name)) {
		snprintf(text, sizeof(text),
			 "handles: '%.100s' is no name for a handler: 1 to %d "
			 "bytes without blanks and control characters, and not "
			 "exec",
			 name, LIMIT_NAME_BYTES);
		wrong(reading, entry, text);
	}
}

static int take_own_handler(struct reading *reading)
{
	struct pool_config *pool = reading->pool;
	const struct pool_config *other = pools_config_server(
		&reading->settings->pools, SLICE(POOL_HTTP_NAME));
	char text[200];

	if (other) {
		snprintf(text, sizeof(text),
			 "handles: '" POOL_HTTP_NAME "' is served by pool '%s' "
			 "already: give others",
			 other->name);
		wrong(reading, NULL, text);
	}
	pool->handles = calloc(2, sizeof(*pool->handles));
	if (!pool->handles)
		return -ENOMEM;
	pool->handles[0] = strdup(POOL_HTTP_NAME);
	return pool->handles[0] ? 0 : -ENOMEM;
}

static int read_handles(struct reading *reading)
{
	const struct named_entry *entry = said(reading, NAMED_POOL_HANDLES);
	struct pool_config *pool = reading->pool;
	size_t n = 0;

	if (!entry && pool->kind == POOL_HTTP)
		return take_own_handler(reading);
	if (!entry) {
		wrong(reading, NULL,
		      "it has no 'handles': give the names that jobs call it "
		      "by, like handles: [thumb]");
		return 0;
	}
	while (entry->items[n])
		n++;
	pool->handles = calloc(n + 1, sizeof(*pool->handles));
	if (!pool->handles)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		check_handler(reading, entry, entry->items[i]);
		pool->handles[i] = strdup(entry->items[i]);
		if (!pool->handles[i])
			return -ENOMEM;
	}
	return 0;
}

/* ---- The rest ---- */

/* One that is called so and runs nothing of somebody's is ours. */
static bool is_own_http(const struct reading *reading)
{
	return strcmp(reading->pool->name, POOL_HTTP_NAME) == 0 &&
	       !said(reading, NAMED_POOL_KIND) &&
	       !said(reading, NAMED_POOL_RUN);
}

static void read_kind(struct reading *reading)
{
	static const enum pool_kind kinds[] = {POOL_PLUGIN, POOL_WORKER,
					       POOL_LINES, POOL_HTTP};
	struct pool_config *pool = reading->pool;
	const struct named_entry *preload = said(reading, NAMED_POOL_PRELOAD);

	pool->kind = is_own_http(reading)
			     ? POOL_HTTP
			     : kinds[value(reading, NAMED_POOL_KIND).word];
	if (pool->kind == POOL_HTTP)
		return;
	pools_http_none(reading->settings, pool);
	pool->preload = value(reading, NAMED_POOL_PRELOAD).word;
	if (pool->preload && pool->kind == POOL_LINES)
		wrong(reading, preload,
		      "preload: a filter cannot be forked; take kind worker");
	if (pool->kind == POOL_PLUGIN && preload && !pool->preload)
		wrong(reading, preload,
		      "preload: a plugin is always loaded once and forked");
	if (pool->kind == POOL_PLUGIN)
		pool->preload = true;
}

static void read_numbers(struct reading *reading)
{
	struct pool_config *pool = reading->pool;
	struct named_value workers = value(reading, NAMED_POOL_WORKERS);

	pool->workers_min = (int)workers.min;
	pool->workers_max = (int)workers.max;
	pool->idle_ms = value(reading, NAMED_POOL_IDLE).min;
	pool->ready_ms = value(reading, NAMED_POOL_READY).min;
	pool->ping_ms = value(reading, NAMED_POOL_PING).min;
	pool->retire_jobs = value(reading, NAMED_POOL_RETIRE_JOBS).min;
	pool->retire_age_ms = value(reading, NAMED_POOL_RETIRE_AGE).min;
	pool->retire_kib = value(reading, NAMED_POOL_RETIRE_MEMORY).min / 1024;
	pool->retire_jitter =
		(double)value(reading, NAMED_POOL_RETIRE_JITTER).min / 1000;
	pool->broken = value(reading, NAMED_POOL_BROKEN).word
			       ? POOL_BROKEN_FAIL
			       : POOL_BROKEN_WAIT;
	if (pool->kind != POOL_HTTP)
		return;
	if (!said(reading, NAMED_POOL_WORKERS)) {
		pool->workers_min = 0;
		pool->workers_max = 1;
	}
	if (!said(reading, NAMED_POOL_IDLE))
		pool->idle_ms = 60000;
}

static int read_pool(struct settings *settings, const char *name)
{
	struct pools_config *pools = &settings->pools;
	struct reading reading = {.settings = settings};
	int r;

	reading.pool = &pools->list[pools->count++];
	snprintf(reading.pool->name, sizeof(reading.pool->name), "%.63s", name);
	read_kind(&reading);
	read_numbers(&reading);
	r = reading.pool->kind == POOL_HTTP
		    ? pools_http_read(settings, reading.pool)
		    : read_run(&reading);
	return r ? r : read_handles(&reading);
}

static bool is_known(const struct pools_config *pools, const char *name)
{
	for (size_t i = 0; i < pools->count; i++) {
		if (strcmp(pools->list[i].name, name) == 0)
			return true;
	}
	return false;
}

int pools_read(struct settings *settings)
{
	struct pools_config *pools = &settings->pools;
	const struct named *named = &settings->named;
	int r = 0;

	pools->list = calloc(POOLS_MAX, sizeof(*pools->list));
	if (!pools->list)
		return -ENOMEM;
	for (size_t i = 0; !r && i < named->count; i++) {
		const struct named_entry *entry = &named->list[i];

		if (!named_of(entry->key, "pools.") ||
		    is_known(pools, entry->name))
			continue;
		/* Number 0 is exec. */
		if (pools->count == POOLS_MAX - 1) {
			layers_problem_at(settings, entry,
					  "there are more than 63 pools");
			break;
		}
		r = read_pool(settings, entry->name);
	}
#ifdef REEVE_HTTP
	/* Unless somebody else has its name, or serves its handler. */
	if (!r && !is_known(pools, POOL_HTTP_NAME) &&
	    !pools_config_server(pools, SLICE(POOL_HTTP_NAME)) &&
	    pools->count < POOLS_MAX - 1)
		r = read_pool(settings, POOL_HTTP_NAME);
#endif
	return r;
}
