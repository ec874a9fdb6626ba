#include "daemon/broker/carry.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/broker/call.h"
#include "daemon/broker/cycle.h"
#include "daemon/broker/state.h"

#define CARRY_LOST                                                             \
	"{\"type\":\"" CARRY_LOST_TYPE                                         \
	"\",\"message\":\"the descriptors that "                               \
	"were "                                                                \
	"given to it are gone: the daemon's broker that held them ended "      \
	"before it could start; submit it again\"}"

const struct slice carry_lost_failure = {CARRY_LOST, sizeof(CARRY_LOST) - 1};

static void invalid(struct call *call, const char *message, const char *hint)
{
	struct json_out *out =
		call_error(call, "org.varlink.service.InvalidParameter");

	json_out_member_text(out, "parameter", "descriptors");
	call_error_end(call, message, hint);
}

bool carry_refuses(struct call *call)
{
	const struct parcel *parcel = call->parcel;
	char message[160];
	struct json_out *out;

	switch (parcel->fault) {
	case RIGHTS_WHOLE:
		if (call->method->carries)
			return false;
		invalid(call,
			"this method takes no descriptors; they were "
			"closed",
			"only Submit takes them");
		return true;
	case RIGHTS_TOO_MANY:
		snprintf(message, sizeof(message),
			 "more than %d came with the message; they were closed",
			 LIMIT_DESCRIPTORS_PER_MESSAGE);
		invalid(call, message, "a job needs four at most");
		return true;
	case RIGHTS_LATE:
		snprintf(message, sizeof(message),
			 "they waited for %d seconds behind other calls of "
			 "this connection, and were closed",
			 LIMIT_MESSAGE_SECONDS);
		invalid(call, message, "send them on a connection of its own");
		return true;
	case RIGHTS_NO_ROOM:
		break;
	}
	out = call_error(call, "org.reeve.jobs.TooLarge");
	json_out_member_text(out, "what", "descriptors");
	json_out_member_int(out, "size", (int64_t)parcel->room->used + 1);
	json_out_member_int(out, "limit", (int64_t)parcel->room->limit);
	call_error_end(call,
		       "the daemon holds as many descriptors for jobs that "
		       "wait as it may; those of this call were closed",
		       "submit again when some of these jobs have begun, or "
		       "give the job its input as stdin");
	return true;
}

static int refuse(struct entry_fault *fault, const char *path,
		  const char *field, const char *message)
{
	fault->error = "org.varlink.service.InvalidParameter";
	snprintf(fault->where.path, sizeof(fault->where.path), "%s%s%s", path,
		 field[0] ? "." : "", field);
	snprintf(fault->where.message, sizeof(fault->where.message), "%s",
		 message);
	return ENTRY_E_REFUSED;
}

int carry_check(const struct call *call, const struct spec *spec,
		const char *path, struct entry_fault *ret_fault)
{
	const struct {
		const char *field;
		bool given;
		int64_t index;
	} claims[] = {
		{"stdin_fd", SPEC_HAS(spec, stdin_fd), spec->stdin_fd},
		{"stdout_fd", SPEC_HAS(spec, stdout_fd), spec->stdout_fd},
		{"stderr_fd", SPEC_HAS(spec, stderr_fd), spec->stderr_fd},
		{"cwd_fd", SPEC_HAS(spec, cwd_fd), spec->cwd_fd},
	};
	size_t count = call->parcel ? call->parcel->count : 0;
	uint32_t claimed = 0;
	char message[120];

	for (size_t i = 0; i < ARRAY_COUNT(claims); i++) {
		if (!claims[i].given)
			continue;
		if (!call->method->carries)
			return refuse(ret_fault, path, claims[i].field,
				      "only Submit takes descriptors, one job "
				      "a call");
		if ((size_t)claims[i].index >= count) {
			snprintf(message, sizeof(message),
				 "%lld is none of the %zu descriptors that "
				 "came with this message",
				 (long long)claims[i].index, count);
			return refuse(ret_fault, path, claims[i].field,
				      message);
		}
		if (claimed & 1u << claims[i].index)
			return refuse(ret_fault, path, claims[i].field,
				      "another field has this descriptor: send "
				      "it twice");
		claimed |= 1u << claims[i].index;
	}
	if (claimed == (1u << count) - 1)
		return 0;
	snprintf(message, sizeof(message),
		 "%zu came with this message, and number %d is claimed by no "
		 "field; they were closed",
		 count, __builtin_ctz(~claimed));
	return refuse(ret_fault, "descriptors", "", message);
}

static int keep(struct broker *broker, int64_t job, struct parcel *parcel)
{
	struct carried *carried = calloc(1, sizeof(*carried));

	if (!carried)
		return -ENOMEM;
	carried->job = job;
	carried->parcel = parcel;
	HASH_ADD(hh, broker->carried, job, sizeof(carried->job), carried);
	return 0;
}

void carry_committed(struct broker *broker, struct batch *batch)
{
	struct call *call;

	TAILQ_FOREACH (call, &batch->calls, batch_link) {
		const struct store_entry *entry;

		if (!call->parcel)
			continue;
		entry = &batch->store.entries[call->first];
		if (entry->what != STORE_NEW)
			continue;
		if (keep(broker, entry->id, call->parcel) == 0)
			call->parcel = NULL;
		else
			log_error("no memory for the descriptors of a job, it "
				  "will fail job=%lld",
				  (long long)entry->id);
	}
}

static struct carried *find(const struct broker *broker, int64_t job)
{
	struct carried *carried = NULL;

	HASH_FIND(hh, broker->carried, &job, sizeof(job), carried);
	return carried;
}

struct parcel *carry_find(const struct broker *broker, int64_t job)
{
	struct carried *carried = find(broker, job);

	return carried ? carried->parcel : NULL;
}

static void forget(struct broker *broker, struct carried *carried)
{
	HASH_DEL(broker->carried, carried);
	parcel_unref(carried->parcel);
	free(carried);
}

void carry_drop(struct broker *broker, int64_t job)
{
	struct carried *carried = find(broker, job);

	if (carried)
		forget(broker, carried);
}

void carry_lost(struct broker *broker, const struct store_claim *claim)
{
	struct batch *batch = broker->gathering;
	struct store_outcome *outcome;
	size_t i;

	if (batch_add_outcome(batch, 0, &i)) {
		log_error("no memory for an outcome, job waits for the next "
			  "broker job=%lld",
			  (long long)claim->job);
		return;
	}
	outcome = &batch->store.outcomes[i];
	outcome->job = claim->job;
	outcome->token = claim->token;
	outcome->kind = STORE_FAILED_ATTEMPT;
	outcome->cause = CAUSE_EXEC;
	outcome->exit_code = -1;
	outcome->failure = carry_lost_failure;
	cycle_kick(broker);
}

void carry_fini(struct broker *broker)
{
	struct carried *carried, *next;

	HASH_ITER (hh, broker->carried, carried, next)
		forget(broker, carried);
}
