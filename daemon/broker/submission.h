#pragma once

/* Submission: what Submit, SubmitMany, Edit and a dry run have in common. */

#include "proto/base.h"

struct call;
struct entry_fault;

/** submission_fault() - answer: the Spec is not one */
void submission_fault(struct call *call, const struct entry_fault *fault);

/** submission_allowed() - may new jobs come in? Else the call is answered */
bool submission_allowed(struct call *call);

/** submission_blocks() - does a full queue make its submitters wait? */
bool submission_blocks(const struct call *call, struct slice queue);
