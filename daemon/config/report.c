#include "daemon/config/report.h"

#include "daemon/config/value.h"

#include <stdio.h>

static void write_value(struct json_out *out, const char *name,
			const struct config *config,
			const struct table_row *row)
{
	char text[CONFIG_PATH_BYTES];

	value_text(config, row, text, sizeof(text));
	json_out_member_text(out, name, text);
}

static void write_origin(struct json_out *out, const struct settings *settings,
			 enum table_key key)
{
	char text[SETTINGS_ORIGIN_BYTES];

	settings_origin(settings, key, text);
	json_out_member_text(out, "origin", text);
}

static const struct settings *holder(const struct report_force *force,
				     const struct table_row *row)
{
	return row->live ? force->last : force->first;
}

static void write_setting(struct json_out *out,
			  const struct report_force *force, enum table_key key)
{
	const struct table_row *row = &table_rows[key];
	const struct settings *now = holder(force, row);

	json_out_object(out);
	json_out_member_text(out, "key", row->key);
	write_value(out, "value", &now->config, row);
	json_out_member_text(out, "default", row->fallback);
	json_out_member_text(out, "layer",
			     settings_layer_word(now->sources[key].layer));
	write_origin(out, now, key);
	json_out_member_bool(out, "live", row->live);
	if (!value_equal(&now->config, &force->last->config, row))
		write_value(out, "pending", &force->last->config, row);
	json_out_object_end(out);
}

/* ---- Keys below a name: in force from the reload that brought them ---- */

static void write_named_key(struct json_out *out, const char *member,
			    enum named_key of, const char *name)
{
	const char *key = named_rows[of].key;
	const char *star = strchr(key, '*');
	char text[NAMED_NAME_BYTES + 64];

	snprintf(text, sizeof(text), "%.*s%s%s", (int)(star ? star - key : 0),
		 key, name, star ? star + 1 : key);
	if (member)
		json_out_member_text(out, member, text);
	else
		json_out_string(out, slice_of(text));
}

/* A pool is there as a whole, or it is not: then its keys have no defaults. */
static bool is_missing(const struct settings *settings, enum named_key key,
		       const char *name)
{
	if (!named_of(key, "pools.") || !name[0])
		return false;
	for (size_t i = 0; i < settings->named.count; i++) {
		const struct named_entry *entry = &settings->named.list[i];

		if (named_of(entry->key, "pools.") &&
		    strcmp(entry->name, name) == 0)
			return false;
	}
	return true;
}

static void write_named_value(struct json_out *out, const char *member,
			      const struct named_entry *entry,
			      enum named_key key)
{
	char text[1024];

	if (entry)
		named_text(entry, text, sizeof(text));
	else
		snprintf(text, sizeof(text), "%s", named_unsaid(key));
	json_out_member_text(out, member, text);
}

/* @entry NULL: no file says it. */
static void write_named_origin(struct json_out *out,
			       const struct settings *settings,
			       const struct named_entry *entry)
{
	char text[SETTINGS_ORIGIN_BYTES] = "default";

	if (entry)
		snprintf(text, sizeof(text), "%s:%d",
			 settings->files[entry->file], entry->line);
	json_out_member_text(out, "origin", text);
}

static void write_named(struct json_out *out, const struct settings *settings,
			enum named_key key, const struct named_entry *entry)
{
	enum settings_layer layer = entry ? (enum settings_layer)entry->layer
					  : SETTINGS_DEFAULT;

	json_out_object(out);
	write_named_key(out, "key", key, entry ? entry->name : "");
	write_named_value(out, "value", entry, key);
	write_named_value(out, "default", NULL, key);
	json_out_member_text(out, "layer", settings_layer_word(layer));
	write_named_origin(out, settings, entry);
	json_out_member_bool(out, "live", true);
	json_out_object_end(out);
}

/*
 * What differs between two sets: all of @to that is not so in @from, then what
 * only @from has. @each: told of both sides, one may be NULL. Return: how many.
 */
static size_t each_named(struct json_out *out, const struct settings *from,
			 const struct settings *to,
			 void (*each)(struct json_out *out,
				      const struct settings *old,
				      const struct settings *new,
				      const struct named_entry *was,
				      const struct named_entry *is))
{
	size_t count = 0;

	for (size_t i = 0; i < to->named.count; i++) {
		const struct named_entry *is = &to->named.list[i];
		const struct named_entry *was = named_get(&from->named, is->key,
							  is->name);

		if (named_equal(was, is))
			continue;
		each(out, from, to, was, is);
		count++;
	}
	for (size_t i = 0; i < from->named.count; i++) {
		const struct named_entry *was = &from->named.list[i];

		if (named_get(&to->named, was->key, was->name))
			continue;
		each(out, from, to, was, NULL);
		count++;
	}
	return count;
}

static void write_changed_key(struct json_out *out, const struct settings *old,
			      const struct settings *new,
			      const struct named_entry *was,
			      const struct named_entry *is)
{
	(void)old;
	(void)new;
	write_named_key(out, NULL, is ? is->key : was->key,
			is ? is->name : was->name);
}

/* @settings: which hold @entry, or do not */
static void write_side(struct json_out *out, const char *member,
		       const struct settings *settings,
		       const struct named_entry *entry,
		       const struct named_entry *any)
{
	if (!entry && is_missing(settings, any->key, any->name))
		json_out_member_text(out, member, "(none)");
	else
		write_named_value(out, member, entry, any->key);
}

static void write_named_change(struct json_out *out, const struct settings *old,
			       const struct settings *new,
			       const struct named_entry *was,
			       const struct named_entry *is)
{
	const struct named_entry *any = is ? is : was;

	json_out_object(out);
	write_named_key(out, "key", any->key, any->name);
	write_side(out, "from", old, was, any);
	write_side(out, "to", new, is, any);
	if (!is && is_missing(new, any->key, any->name))
		json_out_member_text(out, "origin", "removed");
	else
		write_named_origin(out, new, is);
	json_out_member_bool(out, "live", true);
	json_out_object_end(out);
}

void report_settings(struct json_out *out, const struct report_force *force)
{
	const struct settings *last = force->last;

	json_out_key(out, "files");
	json_out_array(out);
	for (size_t i = 0; i < last->file_count; i++)
		json_out_string(out, slice_of(last->files[i]));
	json_out_array_end(out);
	json_out_key(out, "settings");
	json_out_array(out);
	for (int key = 0; key < TABLE_KEYS; key++)
		write_setting(out, force, (enum table_key)key);
	/* What has no name is there, whether a file says it or not. */
	for (int key = 0; key < NAMED_KEYS; key++) {
		if (!strchr(named_rows[key].key, '*'))
			write_named(out, last, (enum named_key)key,
				    named_get(&last->named, (enum named_key)key,
					      ""));
	}
	for (size_t i = 0; i < last->named.count; i++) {
		const struct named_entry *entry = &last->named.list[i];

		if (entry->name[0])
			write_named(out, last, entry->key, entry);
	}
	json_out_array_end(out);
}

static void write_problems(struct json_out *out, const char *member,
			   const struct settings *settings,
			   const struct settings_problem *list, size_t count)
{
	json_out_key(out, member);
	json_out_array(out);
	for (size_t i = 0; i < count && i < SETTINGS_PROBLEMS_MAX; i++) {
		const struct settings_problem *problem = &list[i];

		json_out_object(out);
		if (problem->file >= 0)
			json_out_member_text(out, "file",
					     settings->files[problem->file]);
		if (problem->line) {
			json_out_member_int(out, "line", problem->line);
			json_out_member_int(out, "column", problem->column);
		}
		json_out_member_text(out, "message", problem->message);
		json_out_object_end(out);
	}
	json_out_array_end(out);
}

void report_problems(struct json_out *out, const struct settings *settings)
{
	write_problems(out, "problems", settings, settings->problems,
		       settings->problem_count);
}

void report_warnings(struct json_out *out, const struct settings *settings)
{
	write_problems(out, "warnings", settings, settings->warnings,
		       settings->warning_count);
}

static bool differs(const struct report_force *force,
		    const struct settings *new, const struct table_row *row)
{
	return !value_equal(&holder(force, row)->config, &new->config, row);
}

static void write_keys(struct json_out *out, const char *name,
		       const struct report_force *force,
		       const struct settings *new, bool live)
{
	json_out_key(out, name);
	json_out_array(out);
	for (size_t i = 0; i < TABLE_KEYS; i++)
		if (table_rows[i].live == live &&
		    differs(force, new, &table_rows[i]))
			json_out_string(out, slice_of(table_rows[i].key));
	if (live)
		each_named(out, force->last, new, write_changed_key);
	json_out_array_end(out);
}

size_t report_changes(struct json_out *out, const struct report_force *force,
		      const struct settings *new)
{
	size_t count = 0;

	write_keys(out, "changed", force, new, true);
	write_keys(out, "needs_restart", force, new, false);
	json_out_key(out, "changes");
	json_out_array(out);
	for (int key = 0; key < TABLE_KEYS; key++) {
		const struct table_row *row = &table_rows[key];

		if (!differs(force, new, row))
			continue;
		count++;
		json_out_object(out);
		json_out_member_text(out, "key", row->key);
		write_value(out, "from", &holder(force, row)->config, row);
		write_value(out, "to", &new->config, row);
		write_origin(out, new, (enum table_key)key);
		json_out_member_bool(out, "live", row->live);
		json_out_object_end(out);
	}
	count += each_named(out, force->last, new, write_named_change);
	json_out_array_end(out);
	report_warnings(out, new);
	return count;
}

void report_error(struct json_out *out, const struct settings *settings)
{
	const struct settings_problem *first = &settings->problems[0];
	char text[CONFIG_PATH_BYTES + 512];
	size_t n;

	require(settings->problem_count > 0);
	json_out_member_text(out, "file",
			     first->file < 0 ? ""
					     : settings->files[first->file]);
	json_out_member_int(out, "line", first->line);
	json_out_member_int(out, "column", first->column);
	settings_problem_text(settings, first, text, sizeof(text));
	n = strlen(text);
	if (settings->problem_count > 1)
		snprintf(text + n, sizeof(text) - n, " (and %zu more)",
			 settings->problem_count - 1);
	json_out_member_text(out, "message", text);
	report_problems(out, settings);
}
