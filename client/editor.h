#pragma once

/* Editor: somebody changes a text in $VISUAL or $EDITOR. */

#include "client/tool.h"

#define EDITOR_PATH_BYTES 512

struct editor {
	char path[EDITOR_PATH_BYTES]; /* of the file; "": none */
	char *text;		      /* owned; what is in it now */
	size_t bytes;
};

/**
 * editor_begin() - a new file with @text, for this user only
 *
 * Return: 0, or the exit code, with the error said.
 */
must_check int editor_begin(struct tool *tool, struct editor *editor,
			    const char *stem, struct slice text);

/**
 * editor_run() - show it and read it again
 *
 * Meanwhile SIGINT and SIGQUIT are the editor's; SIGTERM and SIGHUP end the
 * waiting, not the editor.
 *
 * Return: 0, or the exit code, with the error said: the editor failed.
 */
must_check int editor_run(struct tool *tool, struct editor *editor);

/** editor_end() - remove the file, unless @keep */
void editor_end(struct editor *editor, bool keep);
