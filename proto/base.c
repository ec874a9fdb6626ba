#include "proto/base.h"

#include <stdio.h>

void require_failed(const char *fact, const char *file, int line)
{
	fprintf(stderr, "reeve: %s:%d: does not hold: %s\n", file, line, fact);
	abort();
}
