#include "daemon/config/config.h"

#include "daemon/config/table.h"
#include "daemon/config/value.h"

#include <errno.h>
#include <stdio.h>

#define FLAG_NAME_BYTES 32

/* Nothing is rounded, whatever the unit: value_text() leaves no rest. */
int config_argv(const struct config *config, char ***ret_argv)
{
	const size_t slots = 2 * TABLE_KEYS + 1;
	const size_t text_bytes = (size_t)TABLE_KEYS *
				  (CONFIG_PATH_BYTES + FLAG_NAME_BYTES);
	char **argv = calloc(1, slots * sizeof(*argv) + text_bytes);
	char *text;
	size_t n = 0;

	if (!argv)
		return -ENOMEM;
	text = (char *)(argv + slots);
	for (size_t i = 0; i < TABLE_KEYS; i++) {
		const struct table_row *row = &table_rows[i];

		/* The only one is --no-cgroups. */
		if (row->kind == TABLE_SWITCH && config->cgroups)
			continue;
		argv[n++] = text;
		text += snprintf(text, FLAG_NAME_BYTES, "%s", row->flag) + 1;
		if (row->kind == TABLE_SWITCH)
			continue;
		argv[n++] = text;
		value_text(config, row, text, CONFIG_PATH_BYTES);
		text += strlen(text) + 1;
	}
	*ret_argv = argv;
	return 0;
}
