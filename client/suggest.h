#pragma once

/* Suggest: the known word that is nearest to a mistyped one. */

#include "proto/base.h"

struct suggest {
	struct slice typed;
	const char *best; /* NULL: none is near enough */
	size_t distance;
};

/** suggest_init() - @typed lives as long as the struct is used */
void suggest_init(struct suggest *suggest, const char *typed, size_t bytes);

/** suggest_try() - a candidate; static text */
void suggest_try(struct suggest *suggest, const char *word);
