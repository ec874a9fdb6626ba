#include "daemon/config/layers.h"

#include "daemon/config/document.h"
#include "daemon/config/value.h"
#include "proto/near.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FRAGMENTS_MAX (SETTINGS_FILES_MAX - 2)

/* What is being read. */
struct layers {
	struct settings *settings;
	const struct settings_ask *ask;
	const char *explicit_file; /* of --config; NULL: not given */
	enum settings_layer layer;
	int file;
	int error; /* -ENOMEM */
};

static void keep(struct settings_problem *list, size_t *count, int file,
		 struct document_place place, const char *message)
{
	struct settings_problem *kept = &list[*count];

	if ((*count)++ >= SETTINGS_PROBLEMS_MAX)
		return;
	*kept = (struct settings_problem){
		.file = file, .line = place.line, .column = place.column};
	snprintf(kept->message, sizeof(kept->message), "%s", message);
}

static void keep_problem(struct settings *settings, int file,
			 struct document_place place, const char *message)
{
	keep(settings->problems, &settings->problem_count, file, place,
	     message);
}

void layers_problem(struct settings *settings, const char *fmt, ...)
{
	const struct document_place nowhere = {0, 0};
	char text[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	keep_problem(settings, -1, nowhere, text);
}

void layers_problem_at(struct settings *settings,
		       const struct named_entry *entry, const char *message)
{
	keep_problem(settings, entry->file,
		     (struct document_place){entry->line, entry->column},
		     message);
}

void layers_warning_at(struct settings *settings,
		       const struct named_entry *entry, const char *message)
{
	keep(settings->warnings, &settings->warning_count, entry->file,
	     (struct document_place){entry->line, entry->column}, message);
}

const char *layers_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *user;

	if (home && *home == '/')
		return home;
	user = getpwuid(geteuid());
	return user ? user->pw_dir : NULL;
}

/* One value of the layer that is being read; @name: as it was written. */
static void set(struct layers *layers, const struct table_row *row,
		const char *name, const char *text, struct document_place place)
{
	struct settings *settings = layers->settings;
	char fault[VALUE_FAULT_BYTES], message[400];
	bool in_file = layers->file >= 0;

	if (in_file && row->kind == TABLE_PATH && text[0] != '/' &&
	    strcmp(text, "auto") != 0)
		snprintf(fault, sizeof(fault),
			 "give an absolute path, or auto");
	else if (value_set(&settings->config, row, text, layers->ask->here,
			   fault) == 0) {
		settings->sources[row - table_rows] = (struct settings_source){
			layers->layer, layers->file, place.line};
		return;
	}
	snprintf(message, sizeof(message), "%s '%.100s': %s", name, text,
		 fault);
	keep_problem(settings, layers->file, place, message);
}

static void on_value(void *context, const struct table_row *row,
		     const char *text, struct document_place place)
{
	set(context, row, row->key, text, place);
}

static void on_named(void *context, const struct named_row *row,
		     struct slice name, char **items,
		     struct document_place place)
{
	struct layers *layers = context;
	const char *star = strchr(row->key, '*');
	char fault[NAMED_FAULT_BYTES], message[400];
	struct named_value value;
	struct named_entry entry = {
		.key = (enum named_key)(row - named_rows),
		.items = items,
		.layer = (int)layers->layer,
		.file = layers->file,
		.line = place.line,
		.column = place.column,
	};

	for (char **item = items; *item; item++) {
		if (named_read(row, *item, &value, fault))
			continue;
		snprintf(message, sizeof(message), "%s '%.100s': %s",
			 star ? star + 2 : row->key, *item, fault);
		keep_problem(layers->settings, layers->file, place, message);
		return;
	}
	snprintf(entry.name, sizeof(entry.name), "%.*s", (int)name.n, name.p);
	if (named_set(&layers->settings->named, &entry))
		layers->error = -ENOMEM;
}

static void on_problem(void *context, struct document_place place,
		       const char *message)
{
	struct layers *layers = context;

	keep_problem(layers->settings, layers->file, place, message);
}

static void file_problem(struct layers *layers, const char *message)
{
	on_problem(layers, (struct document_place){0, 0}, message);
}

/* Why an open file is not read; NULL: it is fit. */
static const char *unfit(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "belongs to somebody else: chown it to root or to the "
		       "user of the daemon";
	if (st->st_mode & 0002)
		return "can be written by everybody: chmod o-w it";
	if (st->st_size > DOCUMENT_BYTES_MAX)
		return "is longer than 64K";
	return NULL;
}

/* Return: bytes, or negative errno. */
static ssize_t read_all(int fd, char *ret, size_t bytes)
{
	size_t n = 0;

	while (n < bytes) {
		ssize_t got = read(fd, ret + n, bytes - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

static int read_open(struct layers *layers, int fd)
{
	const struct document_hooks hooks = {layers, on_value, on_named,
					     on_problem};
	AUTO(free) char *text = malloc(DOCUMENT_BYTES_MAX);
	const char *why;
	char message[128];
	struct stat st;
	ssize_t n;

	if (!text)
		return -ENOMEM;
	n = fstat(fd, &st) < 0 ? -errno : 0;
	why = n ? NULL : unfit(&st);
	if (why) {
		file_problem(layers, why);
		return 0;
	}
	if (!n)
		n = read_all(fd, text, DOCUMENT_BYTES_MAX);
	if (n < 0) {
		snprintf(message, sizeof(message), "cannot be read: %s",
			 strerror((int)-n));
		file_problem(layers, message);
		return 0;
	}
	n = document_read((struct slice){text, (size_t)n}, &hooks);
	return n ? (int)n : layers->error;
}

static int read_file(struct layers *layers, const char *path, bool must_be)
{
	struct settings *settings = layers->settings;
	/* Not blocking: a FIFO would wait for somebody to write. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int number = errno, r;
	char message[128];

	if (fd < 0 && !must_be && (number == ENOENT || number == ENOTDIR))
		return 0;
	require(settings->file_count < SETTINGS_FILES_MAX);
	layers->file = (int)settings->file_count;
	settings->files[settings->file_count] = strdup(path);
	if (!settings->files[settings->file_count++]) {
		if (fd >= 0)
			close(fd);
		settings->file_count--;
		return -ENOMEM;
	}
	if (fd < 0) {
		snprintf(message, sizeof(message), "cannot be read: %s",
			 strerror(number));
		file_problem(layers, message);
		return 0;
	}
	r = read_open(layers, fd);
	close(fd);
	return r;
}

static int is_fragment(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 5 &&
	       strcmp(entry->d_name + n - 5, ".yaml") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_fragments(struct layers *layers, const char *folder)
{
	char path[CONFIG_PATH_BYTES];
	struct dirent **entries;
	int count, r = 0;

	layers->layer = SETTINGS_FRAGMENT;
	snprintf(path, sizeof(path), "%.4000s/conf.d", folder);
	count = scandir(path, &entries, is_fragment, by_bytes);
	if (count < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (count < 0 && errno == ENOMEM)
		return -ENOMEM;
	if (count < 0) {
		layers_problem(layers->settings, "%s cannot be read: %s", path,
			       strerror(errno));
		return 0;
	}
	if (count > FRAGMENTS_MAX)
		layers_problem(layers->settings,
			       "%s holds %d files: at most %d are read", path,
			       count, FRAGMENTS_MAX);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%.3800s/conf.d/%s", folder,
			 entries[i]->d_name);
		if (!r && i < FRAGMENTS_MAX)
			r = read_file(layers, path, true);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* --config, $REEVE_CONFIG, $XDG_CONFIG_HOME/reeve/, ~/.config/reeve/ */
static int read_user(struct layers *layers)
{
	const char *path = layers->explicit_file;
	const char *home = getenv("XDG_CONFIG_HOME"), *below = "";
	char text[CONFIG_PATH_BYTES];
	int n;

	layers->layer = SETTINGS_USER;
	if (!path)
		path = getenv("REEVE_CONFIG");
	if (path && *path) {
		n = snprintf(text, sizeof(text), "%s%s%s",
			     path[0] == '/' ? "" : layers->ask->here,
			     path[0] == '/' ? "" : "/", path);
		if (n < (int)sizeof(text))
			return read_file(layers, text, true);
		layers_problem(layers->settings,
			       "the path of the configuration is too long");
		return 0;
	}
	if (!home || *home != '/') {
		home = layers_home();
		below = "/.config";
	}
	if (!home)
		return 0;
	n = snprintf(text, sizeof(text), "%s%s/reeve/reeve.yaml", home, below);
	return n < (int)sizeof(text) ? read_file(layers, text, false) : 0;
}

static int read_files(struct layers *layers)
{
	const char *folder = layers->ask->folder;
	char path[CONFIG_PATH_BYTES];
	int r;

	if (!folder)
		return 0;
	layers->layer = SETTINGS_SYSTEM;
	snprintf(path, sizeof(path), "%.4000s/reeve.yaml", folder);
	r = read_file(layers, path, false);
	if (!r)
		r = read_fragments(layers, folder);
	if (!r)
		r = read_user(layers);
	layers->file = -1;
	return r;
}

static void read_environment(struct layers *layers)
{
	layers->layer = SETTINGS_ENVIRONMENT;
	for (size_t i = 0; i < TABLE_KEYS; i++) {
		const struct table_row *row = &table_rows[i];
		const char *text = row->variable ? getenv(row->variable) : NULL;

		if (text && *text)
			set(layers, row, row->variable, text,
			    (struct document_place){0, 0});
	}
}

/* The row of a flag; NULL: there is none. */
static const struct table_row *find_flag(struct slice name)
{
	for (size_t i = 0; i < TABLE_KEYS; i++)
		if (slice_is(name, table_rows[i].flag))
			return &table_rows[i];
	return NULL;
}

static int unknown_flag(struct settings *settings, struct slice name)
{
	size_t least = NEAR_BYTES_MAX;
	const char *best = NULL;

	for (size_t i = 0; i < TABLE_KEYS; i++) {
		const char *flag = table_rows[i].flag;
		size_t distance = near_distance(name, slice_of(flag));

		if (distance < least && near_enough(distance, name.n)) {
			least = distance;
			best = flag;
		}
	}
	if (best)
		layers_problem(
			settings, "unknown flag '%.*s': did you mean %s?",
			(int)(name.n < 200 ? name.n : 200), name.p, best);
	else
		layers_problem(settings,
			       "unknown flag '%.*s': 'reeved --help' lists "
			       "them",
			       (int)(name.n < 200 ? name.n : 200), name.p);
	return CONFIG_E_USAGE;
}

/* What only flags can say. Return: 1 when it is none of these. */
static int special_flag(struct layers *layers, struct slice name,
			const char *value)
{
	struct settings *settings = layers->settings;

	if (slice_is(name, "--help"))
		return CONFIG_E_HELP;
	if (slice_is(name, "--version"))
		return CONFIG_E_VERSION;
	if (slice_is(name, "--check") && value && strcmp(value, "json") != 0) {
		layers_problem(settings,
			       "--check '%.200s': give json, or "
			       "nothing",
			       value);
		return CONFIG_E_USAGE;
	}
	if (slice_is(name, "--check"))
		settings->task = value ? SETTINGS_CHECK_JSON : SETTINGS_CHECK;
	else if (value) {
		layers_problem(settings, "--daemon takes no value");
		return CONFIG_E_USAGE;
	} else
		settings->config.daemonize = true;
	return 0;
}

static bool is_special(struct slice name)
{
	return slice_is(name, "--help") || slice_is(name, "--version") ||
	       slice_is(name, "--check") || slice_is(name, "--daemon");
}

/*
 * Looked at twice: before the files, for what the flags say about them, and
 * behind them, when the @apply of values is due.
 */
static int read_flags(struct layers *layers, bool apply)
{
	const struct settings_ask *ask = layers->ask;
	struct settings *settings = layers->settings;

	layers->layer = SETTINGS_FLAG;
	for (int i = 0; i < ask->argc; i++) {
		const char *arg = ask->argv[i];
		struct slice name = {arg, strcspn(arg, "=")};
		const char *value = arg[name.n] ? arg + name.n + 1 : NULL;
		const struct table_row *row = find_flag(name);
		bool names_file = slice_is(name, "--config");

		if (is_special(name)) {
			int r = special_flag(layers, name, value);

			if (r)
				return r;
			continue;
		}
		if (!row && !names_file)
			return unknown_flag(settings, name);
		if (row && !row->value && value) {
			layers_problem(settings, "%s takes no value",
				       row->flag);
			return CONFIG_E_USAGE;
		}
		if ((names_file || row->value) && !value) {
			if (i + 1 == ask->argc) {
				layers_problem(settings, "%s needs a value",
					       arg);
				return CONFIG_E_USAGE;
			}
			value = ask->argv[++i];
		}
		if (names_file)
			layers->explicit_file = value;
		else if (apply)
			set(layers, row, row->flag, value ? value : "off",
			    (struct document_place){0, 0});
	}
	if (layers->explicit_file && !*layers->explicit_file) {
		layers_problem(settings, "--config is empty: give a file");
		return CONFIG_E_USAGE;
	}
	return 0;
}

int layers_read(struct settings *settings, const struct settings_ask *ask)
{
	struct layers layers = {.settings = settings, .ask = ask, .file = -1};
	int r = read_flags(&layers, false);

	if (r)
		return r;
	layers.layer = SETTINGS_DEFAULT;
	for (size_t i = 0; i < TABLE_KEYS; i++)
		set(&layers, &table_rows[i], table_rows[i].key,
		    table_rows[i].fallback, (struct document_place){0, 0});
	r = read_files(&layers);
	if (r)
		return r;
	read_environment(&layers);
	return read_flags(&layers, true);
}
