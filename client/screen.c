/*
 * Screens: whether stdout and stderr are terminals, how wide, and what they can
 * show.
 */

#include "client/tool.h"

#include <sys/ioctl.h>
#include <unistd.h>

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && value[0];
}

/* Asked of the environment: a locale would have to be loaded from disk. */
static bool speaks_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		if (!is_set(names[i]))
			continue;
		return strcasestr(getenv(names[i]), "utf-8") ||
		       strcasestr(getenv(names[i]), "utf8");
	}
	return false;
}

static int columns(int fd)
{
	struct winsize size;
	const char *text = getenv("COLUMNS");
	int value = text ? atoi(text) : 0;

	if (value >= 20 && value <= 10000)
		return value;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		return size.ws_col;
	return 80;
}

static void look(const struct tool *tool, struct screen *screen, int fd)
{
	const char *term = getenv("TERM");
	bool dumb = !term || strcmp(term, "dumb") == 0;

	screen->terminal = isatty(fd) == 1;
	screen->width = screen->terminal ? columns(fd) : 0;
	screen->unicode = speaks_utf8();
	screen->colour = screen->terminal && !dumb && !is_set("NO_COLOR");
	if (is_set("CLICOLOR_FORCE"))
		screen->colour = true;
	if (tool->colour && strcmp(tool->colour, "always") == 0)
		screen->colour = true;
	if (tool->colour && strcmp(tool->colour, "never") == 0)
		screen->colour = false;
}

void tool_screens(struct tool *tool)
{
	look(tool, &tool->out, STDOUT_FILENO);
	look(tool, &tool->err, STDERR_FILENO);
}
