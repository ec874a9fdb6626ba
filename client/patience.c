#include "client/patience.h"

#define PATIENCE_HELD_MS 1000
#define PATIENCE_PAUSE_MS 20

void patience_opened(struct patience *patience, int64_t now_ms)
{
	patience->opened_ms = now_ms;
}

void patience_progress(struct patience *patience)
{
	patience->until_ms = 0;
}

bool patience_broken(struct patience *patience, int64_t now_ms,
		     int64_t patience_ms, int64_t *ret_pause_ms)
{
	bool held = patience->opened_ms &&
		    now_ms - patience->opened_ms >= PATIENCE_HELD_MS;

	*ret_pause_ms = PATIENCE_PAUSE_MS;
	if (patience->until_ms == 0 || held) {
		patience->until_ms = now_ms + patience_ms;
		*ret_pause_ms = 0;
	}
	patience->opened_ms = 0;
	return now_ms < patience->until_ms;
}
