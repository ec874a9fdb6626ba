#include "client/render.h"

#include "client/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define RENDER_CELL_BYTES 4096
#define RENDER_GAP 2

void render_init(struct render *render, const struct render_column *columns,
		 size_t count)
{
	require(count > 0 && count <= RENDER_COLUMNS_MAX);
	*render = (struct render){.columns = columns, .column_count = count};
	for (size_t i = 0; i < count; i++) {
		if (columns[i].rank < RENDER_WIDE)
			render->shown[render->shown_count++] = i;
	}
}

void render_fini(struct render *render)
{
	for (size_t i = 0; i < render->filled * render->column_count; i++)
		free(render->cells[i].text);
	free(render->cells);
	free(render->order);
	*render = (struct render){0};
}

void render_hide(struct render *render, size_t column)
{
	size_t n = 0;

	for (size_t i = 0; i < render->shown_count; i++) {
		if (render->shown[i] != column)
			render->shown[n++] = render->shown[i];
	}
	render->shown_count = n;
}

void render_row(struct render *render)
{
	size_t bytes = render->column_count * sizeof(*render->cells);

	if (render->failed)
		return;
	if (render->row_count == render->capacity) {
		size_t capacity = render->capacity ? render->capacity * 2 : 32;
		struct render_cell *cells = realloc(render->cells,
						    capacity * bytes);

		if (!cells) {
			render->failed = true;
			return;
		}
		render->cells = cells;
		render->capacity = capacity;
	}
	memset(render->cells + render->row_count * render->column_count, 0,
	       bytes);
	render->filled = ++render->row_count;
}

void render_cell(struct render *render, size_t column,
		 enum render_colour colour, const char *format, ...)
{
	struct render_cell *cell;
	va_list arguments;
	char *text;
	int bytes;

	if (render->failed)
		return;
	require(render->row_count > 0 && column < render->column_count);
	va_start(arguments, format);
	bytes = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (bytes < 0) {
		render->failed = true;
		return;
	}
	text_clean(text);
	cell = &render->cells[(render->row_count - 1) * render->column_count +
			      column];
	free(cell->text);
	cell->text = text;
	cell->colour = colour;
}

void render_number(struct render *render, size_t column, int64_t number)
{
	render_cell(render, column, RENDER_PLAIN, "%" PRId64, number);
	render_key(render, column, number);
}

void render_key(struct render *render, size_t column, int64_t number)
{
	struct render_cell *cell;

	if (render->failed)
		return;
	require(render->row_count > 0 && column < render->column_count);
	cell = &render->cells[(render->row_count - 1) * render->column_count +
			      column];
	cell->is_number = true;
	cell->number = number;
}

size_t render_at(const struct render *render, size_t i)
{
	return render->order ? render->order[i] : i;
}

struct sorting {
	const struct render *render;
	size_t column;
	bool descending;
};

static int compare(const void *a, const void *b, void *context)
{
	const struct sorting *sorting = context;
	const struct render *render = sorting->render;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	const struct render_cell *p =
		&render->cells[x * render->column_count + sorting->column];
	const struct render_cell *q =
		&render->cells[y * render->column_count + sorting->column];
	int order;

	if (p->is_number && q->is_number)
		order = (p->number > q->number) - (p->number < q->number);
	else if (p->is_number != q->is_number)
		order = p->is_number ? 1 : -1;
	else
		order = strcmp(p->text ? p->text : "", q->text ? q->text : "");
	if (sorting->descending)
		order = -order;
	return order ? order : (x > y) - (x < y);
}

void render_sort(struct render *render, size_t column, bool descending)
{
	struct sorting sorting = {render, column, descending};

	free(render->order);
	render->order = calloc(render->row_count + 1, sizeof(*render->order));
	if (!render->order) {
		render->failed = true;
		return;
	}
	for (size_t i = 0; i < render->row_count; i++)
		render->order[i] = i;
	qsort_r(render->order, render->row_count, sizeof(*render->order),
		compare, &sorting);
}

const char *render_begin(const struct screen *screen, enum render_colour colour)
{
	static const char *const codes[] = {
		"",	    "\033[2m",	"\033[31m", "\033[32m",
		"\033[33m", "\033[34m", "\033[35m",
	};

	return screen->colour ? codes[colour] : "";
}

const char *render_end(const struct screen *screen)
{
	return screen->colour ? "\033[0m" : "";
}

static const char *cell_text(const struct render *render, size_t row,
			     size_t column)
{
	const char *text =
		render->cells[row * render->column_count + column].text;

	return text ? text : "";
}

static void print_tabs(const struct render *render)
{
	for (size_t row = 0; row < render->row_count; row++) {
		for (size_t i = 0; i < render->shown_count; i++)
			printf("%s%s", i ? "\t" : "",
			       cell_text(render, render_at(render, row),
					 render->shown[i]));
		putchar('\n');
	}
}

static void print_csv_word(const char *text, bool first)
{
	if (!first)
		putchar(',');
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

void render_csv(const struct render *render)
{
	for (size_t i = 0; i < render->shown_count; i++)
		print_csv_word(render->columns[render->shown[i]].title, i == 0);
	fputs("\r\n", stdout);
	for (size_t row = 0; row < render->row_count; row++) {
		for (size_t i = 0; i < render->shown_count; i++)
			print_csv_word(cell_text(render, render_at(render, row),
						 render->shown[i]),
				       i == 0);
		fputs("\r\n", stdout);
	}
}

/* Widths as the cells want them; 0: left out, because all are empty. */
static void measure(const struct render *render, size_t *widths)
{
	for (size_t at = 0; at < render->shown_count; at++) {
		size_t i = render->shown[at];

		widths[i] = 0;
		for (size_t row = 0; row < render->row_count; row++) {
			size_t n = text_width(cell_text(render, row, i));

			if (n > widths[i])
				widths[i] = n;
		}
		if (widths[i] > 0 &&
		    widths[i] < text_width(render->columns[i].title))
			widths[i] = text_width(render->columns[i].title);
	}
}

static size_t total(const struct render *render, const size_t *widths)
{
	size_t sum = 0;

	for (size_t i = 0; i < render->column_count; i++)
		sum += widths[i] ? widths[i] + RENDER_GAP : 0;
	return sum;
}

/* The widest column that may be cut, the last of them; the count: none may. */
static size_t widest(const struct render *render, const size_t *widths)
{
	size_t found = render->column_count;

	for (size_t i = 0; i < render->column_count; i++) {
		size_t least = render->columns[i].least;

		if (least > 0 && widths[i] > least &&
		    (found == render->column_count ||
		     widths[i] >= widths[found]))
			found = i;
	}
	return found;
}

/* Cut what may be cut, as far as needed, and always the widest: a note of two
 * words stays whole beside a name of a thousand. */
static void shrink(const struct render *render, size_t *widths, size_t room)
{
	size_t sum = total(render, widths);
	size_t i;

	for (; sum > room; sum--) {
		i = widest(render, widths);
		if (i == render->column_count)
			return;
		widths[i]--;
	}
}

/* The terminal is very narrow: what may not be left out is cut, then. */
static void squeeze(const struct render *render, size_t *widths, size_t room)
{
	size_t sum = total(render, widths);

	for (size_t i = render->column_count; i-- > 0 && sum > room;) {
		size_t over = sum - room;

		if (widths[i] < 2)
			continue;
		if (over > widths[i] - 1)
			over = widths[i] - 1;
		widths[i] -= over;
		sum -= over;
	}
}

/* Leave out the column of the highest rank; false: none may go. */
static bool leave_out(const struct render *render, size_t *widths)
{
	size_t worst = render->column_count;
	int rank = 0;

	for (size_t i = 0; i < render->column_count; i++) {
		if (widths[i] && render->columns[i].rank > rank) {
			rank = render->columns[i].rank;
			worst = i;
		}
	}
	if (worst == render->column_count)
		return false;
	widths[worst] = 0;
	return true;
}

static void fit(const struct render *render, size_t *widths, size_t room)
{
	size_t wanted[RENDER_COLUMNS_MAX];

	memcpy(wanted, widths, sizeof(wanted));
	for (;;) {
		shrink(render, widths, room);
		if (total(render, widths) <= room)
			return;
		if (!leave_out(render, widths)) {
			squeeze(render, widths, room);
			return;
		}
		/* With one column less the others may be wider again. */
		for (size_t i = 0; i < render->column_count; i++) {
			if (widths[i])
				widths[i] = wanted[i];
		}
	}
}

static void print_cell(const struct screen *screen,
		       const struct render_column *column, size_t width,
		       const char *text, enum render_colour colour, bool last)
{
	char cut[RENDER_CELL_BYTES];
	size_t used;
	int pad;

	text_fit(text, width, screen->unicode, cut, sizeof(cut));
	used = text_width(cut);
	pad = used < width ? (int)(width - used) : 0;
	if (column->right)
		printf("%*s", pad, "");
	printf("%s%s%s", render_begin(screen, colour), cut,
	       colour ? render_end(screen) : "");
	if (!column->right && !last)
		printf("%*s", pad, "");
	if (!last)
		printf("%*s", RENDER_GAP, "");
}

static void print_line(const struct render *render, const struct screen *screen,
		       const size_t *widths, const struct render_cell *cells)
{
	size_t last = 0;

	for (size_t at = 0; at < render->shown_count; at++) {
		if (widths[render->shown[at]])
			last = render->shown[at];
	}
	for (size_t at = 0; at < render->shown_count; at++) {
		size_t i = render->shown[at];
		const char *text = render->columns[i].title;
		enum render_colour colour = RENDER_DIM;

		if (widths[i] == 0)
			continue;
		if (cells) {
			text = cells[i].text ? cells[i].text : "";
			colour = cells[i].colour;
		}
		print_cell(screen, &render->columns[i], widths[i], text, colour,
			   i == last);
	}
	putchar('\n');
}

bool render_print(const struct render *render, const struct screen *screen)
{
	size_t widths[RENDER_COLUMNS_MAX] = {0};

	if (render->failed)
		return false;
	if (!screen->terminal) {
		print_tabs(render);
		return true;
	}
	measure(render, widths);
	fit(render, widths, (size_t)screen->width + RENDER_GAP);
	print_line(render, screen, widths, NULL);
	for (size_t row = 0; row < render->row_count; row++)
		print_line(render, screen, widths,
			   render->cells + render_at(render, row) *
						   render->column_count);
	return true;
}
