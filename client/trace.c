#include "client/trace.h"

#include "client/text.h"
#include "proto/base.h"

void trace_print(FILE *to, const char *trace, const char *prefix, size_t last)
{
	char *copy = strdup(trace), *rest = copy, *line;
	size_t lines = 0, at = 0;

	for (const char *c = trace; *c; c++)
		lines += *c == '\n' || !c[1];
	while (copy && (line = strsep(&rest, "\n"))) {
		if (at++ + last < lines && last > 0)
			continue;
		text_clean(line);
		if (line[0] || rest)
			fprintf(to, "%s%s\n", prefix, line);
	}
	free(copy);
}
