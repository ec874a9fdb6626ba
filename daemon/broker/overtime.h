#pragma once

/*
 * Overtime: jobs of handlers that run too long, or were cancelled. Their
 * workers are told, and at last ended (core/overrun.h says when).
 */

#include "proto/base.h"

struct broker;
struct given;
struct store_outcome;
struct worker;

/** overtime_begin() - a job of a handler is given, or was found to run */
void overtime_begin(struct given *given, int64_t timeout_ms, int64_t grace_ms);

/** overtime_look() - do what is due
 *
 * Return: when to look again, monotonic; INT64_MAX: no need. */
int64_t overtime_look(struct broker *broker, int64_t now_ns);

/**
 * overtime_judge() - a failed attempt that was asked to end failed for that
 *
 * A success that came all the same stays one.
 */
void overtime_judge(const struct given *given, struct store_outcome *outcome);

/** overtime_asked() - was it asked to end, so that its worker's end is its? */
bool overtime_asked(const struct given *given);

/** overtime_message() - why its worker had to be ended, for people */
void overtime_message(const struct given *given, char *room, size_t size);
