#include "daemon/store/sqlite_recent.h"

#include <errno.h>

/* More than two workers of short jobs have at a time; neighbours never meet. */
#define RECENT_ROWS 2048

int recent_init(struct recent *recent)
{
	recent->rows = calloc(RECENT_ROWS, sizeof(*recent->rows));
	return recent->rows ? 0 : -ENOMEM;
}

void recent_fini(struct recent *recent)
{
	free(recent->rows);
	*recent = (struct recent){0};
}

static struct live *row_at(const struct recent *recent, int64_t id)
{
	return &recent->rows[(uint64_t)id % RECENT_ROWS];
}

void recent_put(struct recent *recent, const struct live *live)
{
	require(live->facts.state == STATE_RUNNING && live->token);
	*row_at(recent, live->id) = *live;
	/* Never read back with a row. */
	row_at(recent, live->id)->expire_ms = 0;
}

const struct live *recent_find(const struct recent *recent, int64_t id)
{
	const struct live *row = row_at(recent, id);

	return row->id == id ? row : NULL;
}

void recent_forget(struct recent *recent, int64_t id)
{
	struct live *row = row_at(recent, id);

	if (row->id == id)
		row->id = 0;
}

void recent_clear(struct recent *recent)
{
	for (size_t i = 0; i < RECENT_ROWS; i++)
		recent->rows[i].id = 0;
}
