#include "client/start.h"

#include "client/duration.h"
#include "client/say.h"
#include "client/stamp.h"

#include <stdio.h>

int start_read(const struct tool *tool, const char *text, int64_t now_ms,
	       struct when *ret)
{
	char hint[160] = "Like: 14:30, 9am, 'tomorrow 9:00', friday, 'dec 24', "
			 "2026-11-22T09:00 (reeve help times)";
	int64_t later_ms;

	if (when_read(text, now_ms, ret))
		return 0;
	if (strlen(text) < 32 && duration_parse(text, &later_ms))
		snprintf(hint, sizeof(hint), "So much later: --in %s", text);
	return say_usage(tool, hint, "'%s' is no time: %s", text,
			 when_why(text));
}

void start_tell_odd(const struct tool *tool, const char *text,
		    const struct when *when)
{
	char stamp[STAMP_BYTES];

	stamp_zoned(when->ms, stamp);
	if (when->odd == WHEN_SKIPPED)
		say_note(tool, "the clocks go forward over '%s': it is %s",
			 text, stamp);
	else if (when->odd == WHEN_TWICE)
		say_note(tool,
			 "'%s' comes twice, because the clocks go back: the "
			 "first is meant, %s",
			 text, stamp);
}
