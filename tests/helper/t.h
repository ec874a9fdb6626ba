#pragma once

/* What every unit test begins with: cmocka in the order it wants, and UNIT. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UNIT(name) static void name(__attribute__((unused)) void **state)
