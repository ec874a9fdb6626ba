/*
 * A file of the configuration, as somebody may write it. Whatever its bytes
 * are, each hook gets what a person can be told, and a value that is taken
 * reads back as itself.
 */

#include "daemon/config/document.h"
#include "daemon/config/value.h"
#include "tests/fuzz/fuzz.h"

static struct config config, again;

static void on_value(__attribute__((unused)) void *context,
		     const struct table_row *row, const char *text,
		     struct document_place place)
{
	static char written[CONFIG_PATH_BYTES];
	char fault[VALUE_FAULT_BYTES];

	require(place.line > 0 && place.column > 0);
	if (value_set(&config, row, text, "/here", fault)) {
		require(fault[0]);
		return;
	}
	/* An int that is a word means what the machine has. */
	if (row->kind == TABLE_INT && !config.workers)
		return;
	value_text(&config, row, written, sizeof(written));
	require(value_set(&again, row, written, "/elsewhere", fault) == 0);
	require(value_equal(&config, &again, row));
}

static void on_named(__attribute__((unused)) void *context,
		     const struct named_row *row, struct slice name,
		     char **items, struct document_place place)
{
	char fault[NAMED_FAULT_BYTES];
	struct named_value value;

	require(place.line > 0 && place.column > 0);
	/* There may be none that are told. */
	require(items[0] || row->kind == NAMED_CALLBACKS);
	if (strchr(row->key, '*'))
		require(named_name_good(row->key, name));
	else
		require(!name.n);
	for (char **item = items; *item; item++) {
		if (!named_read(row, *item, &value, fault))
			require(fault[0]);
		else
			require(value.min <= value.max);
	}
}

static void on_problem(__attribute__((unused)) void *context,
		       struct document_place place, const char *message)
{
	require(place.line > 0 && place.column > 0 && message[0]);
	require(strlen(message) < DOCUMENT_FAULT_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct document_hooks hooks = {NULL, on_value, on_named,
					     on_problem};

	if (size > FUZZ_BYTES_MAX)
		return 0;
	require(document_read((struct slice){(const char *)data, size},
			      &hooks) == 0);
	return 0;
}
