#include "client/hint.h"

#include "proto/base.h"

#include <string.h>

/* @word: only where the daemon's hint has it; NULL: whatever that says. */
static const struct {
	const char *error, *word, *hint;
} hints[] = {
	{"org.reeve.jobs.NoSuchGroup", NULL,
	 "reeve map begins a group and tells its number; without --group a job "
	 "is in none"},
	{"org.reeve.jobs.GroupClosed", NULL,
	 "reeve map begins a new one; without --group a job is in none"},
	{"org.reeve.jobs.Duplicate", "on_conflict",
	 "To get its id instead: --on-conflict return"},
	{"org.reeve.jobs.QueueFull", "max_length",
	 "Submit it again later, or let more wait: reeve queue set QUEUE "
	 "--max-length N"},
	{"org.reeve.queues.NoSuchQueue", NULL,
	 "reeve queue ls shows all; the first job of a queue begins it, or "
	 "reeve queue set"},
	{"org.reeve.queues.Timeout", NULL,
	 "The jobs go on: drain it again, or with a longer --timeout"},
	{"org.reeve.jobs.TooLarge", "with_spec", "Ask for fewer of them"},
	{"org.reeve.admin.BadMessage", NULL,
	 "Is the daemon of the same version? See: reeve doctor"},
	{"org.reeve.admin.MethodNotImplemented", NULL,
	 "Is the daemon of the same version? See: reeve doctor"},
	{"org.varlink.service.MethodNotFound", NULL,
	 "Is the daemon of the same version? See: reeve doctor"},
	{"org.varlink.service.InterfaceNotFound", NULL,
	 "Is the daemon of the same version? See: reeve doctor"},
	{"org.varlink.service.InvalidParameter", "GetInterfaceDescription",
	 "Mend that and try again; --help tells what each flag takes"},
};

const char *hint_of(const struct reeve_error *error)
{
	for (size_t i = 0; i < ARRAY_COUNT(hints); i++) {
		if (strcmp(error->name, hints[i].error) == 0 &&
		    (!hints[i].word || strstr(error->hint, hints[i].word)))
			return hints[i].hint;
	}
	return error->hint;
}
