#pragma once

/* A folder with one file of configuration in it, for tests that read some. */

#include "daemon/config/settings.h"
#include "tests/helper/t.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_config_XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const files[] = {"r.yaml", "x.so"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
	return rmdir(folder);
}

/* What the file says; owned by the caller. */
static struct settings *load_text(const char *text)
{
	char path[128];
	char *argv[] = {(char *)"--config", path};
	struct settings_ask ask = {2, argv, "/", "/nowhere"};
	struct settings *settings;
	FILE *file;
	int r;

	snprintf(path, sizeof(path), "%s/r.yaml", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	r = settings_load(&settings, &ask);
	assert_int_equal(r, settings->problem_count ? CONFIG_E_USAGE : 0);
	return settings;
}
