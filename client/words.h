#pragma once

/* Words: a job's state and end, said to people. */

#include "client/render.h"

#define WORDS_BYTES 512

/** words_glyph() - of a state, with its colour; ASCII without unicode */
const char *words_glyph(enum reeve_state state, bool unicode,
			enum render_colour *ret_colour);

/** words_state() - "waiting" where the protocol says ready, else its word */
const char *words_state(enum reeve_state state);

/** words_end() - why it ended, or how it stands: "exited with code 3" */
void words_end(const struct reeve_job *job, char ret[WORDS_BYTES]);

/** words_hint() - what to do next; "" when there is nothing */
void words_hint(const struct reeve_job *job, char ret[WORDS_BYTES]);

/** words_title() - its name, else its command, else its handler */
const char *words_title(const struct reeve_job *job);

/** words_progress() - how far it says to be: "30%, loading"; "" when it does not */
void words_progress(const struct reeve_job *job, char ret[WORDS_BYTES]);

/** words_left_ms() - how long it still runs, by what it says; -1: unknown */
int64_t words_left_ms(const struct reeve_job *job, int64_t now_ms);

/** words_time_ms() - how long it ran, or waits, at @now_ms; -1: unknown */
int64_t words_time_ms(const struct reeve_job *job, int64_t now_ms);
