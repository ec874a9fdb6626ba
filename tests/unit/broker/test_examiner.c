#include "daemon/broker/examiner.h"
#include "tests/fake/fake_store.h"
#include "tests/helper/t.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static char folder[64];

static int folder_new(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/reeve-examiner-XXXXXX");
	fake_store_examined(0, false);
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_free(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/unexamined", folder);
	unlink(path);
	return rmdir(folder);
}

static bool is_due(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/unexamined", folder);
	return access(path, F_OK) == 0;
}

static int await_end(struct examiner *examiner, struct store_fault *fault)
{
	while (!atomic_load(&examiner->done))
		sched_yield();
	return examiner_look(examiner, fault);
}

UNIT(nothing_is_read_after_an_orderly_end)
{
	struct examiner examiner = {0};
	struct store_fault fault;

	examiner_start(&examiner, folder);
	assert_false(examiner.started);
	assert_int_equal(examiner_look(&examiner, &fault), 0);
	examiner_stop(&examiner);
}

UNIT(a_whole_file_is_examined_once)
{
	struct examiner examiner = {0};
	struct store_fault fault;

	examiner_due(&examiner, folder);
	assert_true(is_due());
	examiner_start(&examiner, folder);
	assert_int_equal(await_end(&examiner, &fault), 0);
	assert_false(is_due());
	assert_int_equal(examiner_look(&examiner, &fault), 0);
	examiner_stop(&examiner);
}

UNIT(damage_is_told_and_stays_to_be_found_again)
{
	struct examiner examiner = {0};
	struct store_fault fault = {0};

	fake_store_examined(STORE_E_CORRUPT, false);
	examiner_due(&examiner, folder);
	examiner_start(&examiner, folder);
	assert_int_equal(await_end(&examiner, &fault), STORE_E_CORRUPT);
	assert_string_equal(fault.message,
			    "the fake store is damaged: put back a copy of the "
			    "state directory");
	assert_true(is_due());
	examiner_stop(&examiner);
}

UNIT(what_was_interrupted_is_due_to_the_next_broker)
{
	struct examiner examiner = {0}, next = {0};
	struct store_fault fault;

	fake_store_examined(0, true);
	examiner_due(&examiner, folder);
	examiner_start(&examiner, folder);
	assert_int_equal(examiner_look(&examiner, &fault), 0);
	examiner_stop(&examiner);
	assert_true(is_due());

	fake_store_examined(0, false);
	examiner_start(&next, folder);
	assert_true(next.started);
	assert_int_equal(await_end(&next, &fault), 0);
	assert_false(is_due());
}

#define IN_FOLDER(name)                                                        \
	cmocka_unit_test_setup_teardown(name, folder_new, folder_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(nothing_is_read_after_an_orderly_end),
		IN_FOLDER(a_whole_file_is_examined_once),
		IN_FOLDER(damage_is_told_and_stays_to_be_found_again),
		IN_FOLDER(what_was_interrupted_is_due_to_the_next_broker),
	};

	return cmocka_run_group_tests_name("examiner", tests, NULL, NULL);
}
