#pragma once

/*
 * Patience: for how long a stream that breaks is opened again. A stream that
 * held for a second, or brought something, begins anew with the next break.
 */

#include "proto/base.h"

struct patience {
	int64_t until_ms;  /* monotonic; 0: nothing is broken */
	int64_t opened_ms; /* when the present stream was opened; 0: none */
};

/** patience_opened() - there is a stream */
void patience_opened(struct patience *patience, int64_t now_ms);

/** patience_progress() - it brought something */
void patience_progress(struct patience *patience);

/**
 * patience_broken() - it broke, or could not be opened
 * @patience_ms: 0: no second try
 * @ret_pause_ms: to wait before the next try
 *
 * Return: false when it is time to give up.
 */
bool patience_broken(struct patience *patience, int64_t now_ms,
		     int64_t patience_ms, int64_t *ret_pause_ms);
