#pragma once

/*
 * What the fuzz targets share. Each is one function with libFuzzer's name; with
 * -Dfuzz=true it is linked to libFuzzer, and always to replay.c, which gives it
 * the files of tests/corpus. A target stops the process when a fact is broken.
 */

#include "proto/base.h"

/* Longer inputs say nothing new and take time. */
#define FUZZ_BYTES_MAX 4096

/** LLVMFuzzerTestOneInput() - look at one input; always 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
