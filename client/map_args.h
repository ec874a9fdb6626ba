#pragma once

/* Map args: what flags and words of `reeve map` say, checked. */

#include "client/map.h"

#define MAP_GROUP_LAST (-1) /* --retry-failed last: to be looked up */

/** map_args_read() - --max-fail, --jobs and --retry-failed
 *
 * Return: 0, or the exit code, with the error said. */
must_check int map_args_read(struct map *map);

/** map_args_marks() - refuse what other tools take behind a command: "::::"
 *
 * Return: 0, or the exit code, with the error said. */
must_check int map_args_marks(const struct map *map, int argc, char **argv);

/** map_args_places() - refuse {3} where there are two lists
 *
 * Return: 0, or the exit code, with the error said. */
must_check int map_args_places(const struct map *map);
