#pragma once

/* Habit: words of other tools, and what they are here. */

/** habit_command() - of a verb that is none of ours: a hint; NULL: not known */
const char *habit_command(const char *name);

/** habit_flag() - of a flag that is none of ours: a hint; NULL: not known
 * @name:	without dashes; a letter or a word
 * @bytes:	of it */
const char *habit_flag(const char *name, unsigned long bytes);
