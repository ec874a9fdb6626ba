#pragma once

/* A store whose ends are followed, and what its caller was asked. */

#include "daemon/store/follow.h"
#include "tests/unit/store/fixture.h"

/* What batch.follow was asked, and what it is to answer. */
struct followed {
	int calls;
	int64_t job, group;
	enum job_state state;
	int64_t counts[STATE_COUNT];
	size_t failed_count;
	int64_t failed;
	uint32_t gid;
	char callbacks[64], of_queue[64], rules[64];
	bool inherits, nested, big;
	const char *context;
	int error;
};
extern struct followed asked;

/* The fixture of fixture_new(); each text that it has becomes a follower of
 * that name. */
int followed_new(void **state);
#define FOLLOWED(name)                                                         \
	cmocka_unit_test_setup_teardown(name, followed_new, fixture_free)

/* An entry with the callbacks "own". */
struct store_entry with_callback(void);

/* The jobs that follow, in their order. */
size_t followers(struct fixture *f, int64_t id, int64_t ret[8]);

/* End it in a batch with these rules. */
void cancel_with(struct fixture *f, int64_t id, const char *rules);
