#pragma once

/*
 * Value: the text of a setting into its struct config, and back. Every layer
 * goes through here, so a flag, a variable and a file mean the same.
 */

#include "daemon/config/table.h"

#define VALUE_FAULT_BYTES 256

/**
 * value_set() - read @text by its row
 * @here:	what relative paths begin with; absolute
 * @ret_fault:	what is allowed, "give a time from 0s to 365d, like 10s"
 *
 * "auto" and "cpus" leave the empty value, which settings resolve.
 *
 * Return: 0, or CONFIG_E_USAGE and @config untouched.
 */
must_check int value_set(struct config *config, const struct table_row *row,
			 const char *text, const char *here,
			 char ret_fault[VALUE_FAULT_BYTES]);

/**
 * value_text() - as people write it: "7d", "64M"; what value_set() reads
 * @bytes:	CONFIG_PATH_BYTES hold every value
 */
void value_text(const struct config *config, const struct table_row *row,
		char *ret, size_t bytes);

/** value_equal() - is the setting the same in both? */
bool value_equal(const struct config *a, const struct config *b,
		 const struct table_row *row);

/** value_copy() - take over one setting */
void value_copy(struct config *to, const struct config *from,
		const struct table_row *row);

/** value_number() - of a live setting, for value_put_number() elsewhere */
int64_t value_number(const struct config *config, const struct table_row *row);

/** value_put_number() - false when it is no value of a live setting */
must_check bool value_put_number(struct config *config,
				 const struct table_row *row, int64_t number);
