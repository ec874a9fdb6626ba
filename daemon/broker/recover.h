#pragma once

/*
 * Recovery, on every start of a broker, before anything becomes ready: results
 * that workers left behind are taken, and every attempt that is recorded as
 * running is decided or adopted (core/adopt.h).
 */

#include "proto/base.h"

struct broker;

/**
 * recover() - with the writing handle, before its thread runs
 *
 * Return: 0, STORE_E_*, or negative errno; logged.
 */
must_check int recover(struct broker *broker);
