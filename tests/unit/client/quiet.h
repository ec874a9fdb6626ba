#pragma once

/* Quiet: what a function says on stderr and stdout, caught in a file. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct quiet {
	int saved_out, saved_err;
	FILE *file;
	char text[8192];
};

static inline void quiet_begin(struct quiet *quiet)
{
	fflush(stdout);
	fflush(stderr);
	quiet->saved_out = dup(1);
	quiet->saved_err = dup(2);
	quiet->file = tmpfile();
	assert_non_null(quiet->file);
	dup2(fileno(quiet->file), 1);
	dup2(fileno(quiet->file), 2);
}

static inline const char *quiet_end(struct quiet *quiet)
{
	size_t n;

	fflush(stdout);
	fflush(stderr);
	dup2(quiet->saved_out, 1);
	dup2(quiet->saved_err, 2);
	close(quiet->saved_out);
	close(quiet->saved_err);
	rewind(quiet->file);
	n = fread(quiet->text, 1, sizeof(quiet->text) - 1, quiet->file);
	quiet->text[n] = '\0';
	fclose(quiet->file);
	return quiet->text;
}
