#pragma once

/*
 * Render: a table for a terminal, or lines with tabs for a pipe.
 *
 * On a terminal it fits the width: wide columns that may be cut are cut first,
 * then columns are left out by rank. On a pipe nothing is cut or coloured and
 * there is no header.
 */

#include "client/tool.h"

#define RENDER_WIDE 100
#define RENDER_COLUMNS_MAX 24

enum render_colour {
	RENDER_PLAIN,
	RENDER_DIM,
	RENDER_RED,
	RENDER_GREEN,
	RENDER_YELLOW,
	RENDER_BLUE,
	RENDER_MAGENTA,
};

struct render_column {
	const char *title;
	bool right;   /* numbers */
	int rank;     /* 0 stays always; the highest goes first; RENDER_WIDE:
			 only shown when asked for */
	size_t least; /* may be cut down to so many columns; 0: never cut */
};

struct render_cell {
	char *text; /* owned */
	enum render_colour colour;
	bool is_number;
	int64_t number; /* what it is sorted by */
};

struct render {
	const struct render_column *columns;
	size_t column_count;
	struct render_cell *cells; /* row by row */
	size_t row_count;	   /* to print: may be lowered then */
	size_t filled, capacity;
	size_t shown[RENDER_COLUMNS_MAX]; /* columns, as they are to appear */
	size_t shown_count;
	size_t *order; /* owned; of the rows; NULL: as they came */
	bool failed;   /* out of memory */
};

/** render_init() - an empty table; @columns lives as long */
void render_init(struct render *render, const struct render_column *columns,
		 size_t count);
void render_fini(struct render *render);

/** render_hide() - do not show this column, which was to be shown */
void render_hide(struct render *render, size_t column);

/** render_row() - begin a row of empty cells */
void render_row(struct render *render);

/** render_cell() - set a cell of the last row; formatted as by printf() */
void render_cell(struct render *render, size_t column,
		 enum render_colour colour, const char *format, ...)
	printf_like(4, 5);

/** render_number() - a whole number as a cell */
void render_number(struct render *render, size_t column, int64_t number);

/** render_key() - sort the cell of the last row by @number, not its text */
void render_key(struct render *render, size_t column, int64_t number);

/** render_sort() - rows by @column, smallest first; equal ones stay */
void render_sort(struct render *render, size_t column, bool descending);

/** render_at() - the row that is shown as the @i-th */
size_t render_at(const struct render *render, size_t i);

/** render_csv() - to stdout, with a header; quoted as RFC 4180 says */
void render_csv(const struct render *render);

/** render_print() - to stdout; false: out of memory */
bool render_print(const struct render *render, const struct screen *screen);

/** render_begin() - escape sequence of a colour, "" without colours */
const char *render_begin(const struct screen *screen,
			 enum render_colour colour);
const char *render_end(const struct screen *screen);
