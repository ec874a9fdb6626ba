#include "client/table.h"

#include "client/field.h"
#include "client/say.h"
#include "client/suggest.h"
#include "proto/json_in.h"

#include <stdio.h>
#include <unistd.h>

#define TABLE_UNLIMITED_WIDTH 100000

static const struct arg_flag flags[] = {
	{"output", 'o', ARG_TEXT, offsetof(struct table_args, output), "FORMAT",
	 "table wide json ndjson tsv csv ids", 0, NULL},
	{"columns", 0, ARG_TEXT, offsetof(struct table_args, columns), "LIST",
	 "which columns, in this order: id,name", 0, NULL},
	{"sort", 0, ARG_TEXT, offsetof(struct table_args, sort), "COLUMN",
	 "by this column; -COLUMN: the largest first", 0, NULL},
	{"limit", 0, ARG_INT, offsetof(struct table_args, limit), "N",
	 "at most N rows", 1, NULL},
};

const struct arg_table table_args_table = {flags, ARRAY_COUNT(flags)};

static const char *const formats[] = {"table", "wide", "json", "ndjson",
				      "tsv",   "csv",  "ids"};

static int read_format(struct table *table)
{
	struct tool *tool = table->tool;
	const char *text = table->args->output;
	struct suggest suggest;
	char hint[96] = "One of: table wide json ndjson tsv csv ids";

	table->format = tool->json	     ? TABLE_JSON
			: tool->out.terminal ? TABLE_HUMAN
					     : TABLE_TSV;
	if (!text)
		return 0;
	suggest_init(&suggest, text, strlen(text));
	for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
		suggest_try(&suggest, formats[i]);
		if (strcmp(text, formats[i]) != 0)
			continue;
		table->format = (enum table_format)i;
		if (tool->json && table->format != TABLE_JSON)
			return say_usage(tool, "Leave one of them out",
					 "--json and -o %s exclude each other",
					 text);
		tool->json |= table->format == TABLE_JSON;
		return 0;
	}
	if (suggest.best)
		snprintf(hint, sizeof(hint), "Did you mean -o %s?",
			 suggest.best);
	return say_usage(tool, hint, "there is no output format '%s'", text);
}

/* A column by its title, in any case; the count of columns: there is none. */
static size_t find_column(const struct render *render, const char *name,
			  size_t n)
{
	size_t i;

	for (i = 0; i < render->column_count; i++) {
		const char *title = render->columns[i].title;

		if (strlen(title) == n && strncasecmp(title, name, n) == 0)
			break;
	}
	return i;
}

static int no_column(const struct table *table, const char *name, size_t size)
{
	const struct render *render = &table->render;
	char hint[512] = "There are:";
	size_t n = strlen(hint);

	for (size_t i = 0; i < render->column_count; i++) {
		char word[32];
		size_t k;

		for (k = 0; render->columns[i].title[k] && k + 1 < sizeof(word);
		     k++)
			word[k] = (char)(render->columns[i].title[k] | 0x20);
		word[k] = '\0';
		n += (size_t)snprintf(hint + n, sizeof(hint) - n, " %s", word);
		require(n < sizeof(hint));
	}
	return say_usage(table->tool, hint, "there is no column '%.*s'",
			 (int)size, name);
}

static int read_columns(struct table *table)
{
	struct render *render = &table->render;
	const char *at = table->args->columns;

	if (table->format == TABLE_WIDE) {
		render->shown_count = render->column_count;
		for (size_t i = 0; i < render->column_count; i++)
			render->shown[i] = i;
	}
	if (!at)
		return 0;
	for (render->shown_count = 0; *at || at == table->args->columns;) {
		size_t n = strcspn(at, ",");
		size_t column = find_column(render, at, n);

		if (column == render->column_count)
			return no_column(table, at, n);
		if (render->shown_count == RENDER_COLUMNS_MAX)
			return say_usage(table->tool, "Leave some out",
					 "--columns takes at most %d of them",
					 RENDER_COLUMNS_MAX);
		render->shown[render->shown_count++] = column;
		at += n;
		at += *at == ',';
	}
	return 0;
}

static int check_sort(const struct table *table)
{
	const char *name = table->args->sort;

	if (!name)
		return 0;
	name += *name == '-';
	if (find_column(&table->render, name, strlen(name)) ==
	    table->render.column_count)
		return no_column(table, name, strlen(name));
	return 0;
}

int table_init(struct table *table, struct tool *tool,
	       const struct table_args *args,
	       const struct render_column *columns, size_t count,
	       const char *id)
{
	int result;

	*table = (struct table){.tool = tool, .args = args, .id = id};
	render_init(&table->render, columns, count);
	result = read_format(table);
	if (result == 0)
		result = read_columns(table);
	if (result == 0)
		result = check_sort(table);
	if (table_is_human(table) && !tool->out.terminal) {
		tool->out.terminal = true;
		tool->out.width = TABLE_UNLIMITED_WIDTH;
	} else if (!table_is_human(table)) {
		tool->out.terminal = tool->out.colour = false;
	}
	return result;
}

void table_fini(struct table *table)
{
	render_fini(&table->render);
	free(table->items);
	*table = (struct table){0};
}

void table_row(struct table *table, struct slice item)
{
	size_t count = table->render.row_count;

	render_row(&table->render);
	if (table->render.failed)
		return;
	if (count == table->capacity) {
		size_t capacity = count ? count * 2 : 64;
		struct slice *items = realloc(table->items,
					      capacity * sizeof(*items));

		if (!items) {
			table->render.failed = true;
			return;
		}
		table->items = items;
		table->capacity = capacity;
	}
	table->items[count] = item;
}

bool table_is_human(const struct table *table)
{
	return table->format == TABLE_HUMAN || table->format == TABLE_WIDE;
}

static void print_items(const struct table *table, const char *between)
{
	for (size_t i = 0; i < table->render.row_count; i++) {
		struct slice item = table->items[render_at(&table->render, i)];

		if (i > 0)
			fputs(between, stdout);
		fwrite(item.p, 1, item.n, stdout);
	}
}

static void print_ids(const struct table *table)
{
	struct arena arena = {0};

	for (size_t i = 0; i < table->render.row_count; i++) {
		struct slice item = table->items[render_at(&table->render, i)];
		struct slice value;

		if (!json_find(item, table->id, &value))
			continue;
		if (json_kind(value) == JSON_STRING)
			puts(field_text(&arena, item, table->id));
		else
			printf("%.*s\n", (int)value.n, value.p);
	}
	arena_fini(&arena);
}

/* ls asks for no more than that; of the others the first are shown. */
static size_t row_limit(const struct table *table)
{
	size_t count = table->render.row_count;
	size_t limit = (size_t)table->args->limit;

	return limit && limit < count ? limit : count;
}

int table_print(struct table *table, const char *member, const char *more)
{
	struct render *render = &table->render;
	const char *sort = table->args->sort;

	if (sort) {
		const char *name = sort + (*sort == '-');

		render_sort(render, find_column(render, name, strlen(name)),
			    *sort == '-');
	}
	if (render->failed)
		return say_memory(table->tool);
	render->row_count = row_limit(table);
	switch (table->format) {
	case TABLE_JSON:
		printf("{\"v\":1,\"%s\":[", member);
		print_items(table, ",");
		printf("]%s}\n", more);
		return 0;
	case TABLE_NDJSON:
		print_items(table, "\n");
		if (render->row_count > 0)
			putchar('\n');
		return 0;
	case TABLE_IDS:
		print_ids(table);
		return 0;
	case TABLE_CSV:
		render_csv(render);
		return 0;
	case TABLE_HUMAN:
	case TABLE_WIDE:
	case TABLE_TSV:
	default:
		break;
	}
	if (render->row_count == 0)
		return 0;
	return render_print(render, &table->tool->out)
		       ? 0
		       : say_memory(table->tool);
}
