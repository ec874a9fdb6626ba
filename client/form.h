#pragma once

/*
 * Form: what a job is, as text that people edit. A line is a flag of `submit`
 * and its value, `priority: 5`; `command:` has the words as a shell would take
 * them. A value that a line cannot hold is a JSON string, or `|` and indented
 * lines. Empty values are defaults, # begins a comment.
 */

#include "client/job_args.h"
#include "proto/arena.h"
#include "proto/json_out.h"

/**
 * form_write() - the text of a job
 * @spec:	checked JSON of type Spec, as GetSpec gives it
 * @now_ms:	UTC; a start that is over is not written
 *
 * What a form has no line for (stdin) is left out: see form_merge().
 *
 * Return: 0 or -ENOMEM.
 */
must_check int form_write(struct json_out *out, int64_t id, struct slice spec,
			  int64_t now_ms);

/**
 * form_spec() - the JSON of type Spec that a text says
 * @text:	of the editor; anything
 * @meant_ms:	UTC, when the form was written: what was to come then may be over
 *
 * Return: 0, or the exit code, with the error and its line said.
 */
must_check int form_spec(struct tool *tool, struct slice text, int64_t meant_ms,
			 struct json_out *out);

/** form_is_empty() - nothing but comments and white space */
bool form_is_empty(struct slice text);

/**
 * form_merge() - @base with what is different between @before and @after
 *
 * All are checked JSON objects. Members of `context` and `retry` are compared
 * one by one. What the two have alike stays as @base has it, though a form
 * says it with less.
 */
void form_merge(struct json_out *out, struct slice base, struct slice before,
		struct slice after);
