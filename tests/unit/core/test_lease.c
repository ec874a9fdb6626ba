#include "daemon/core/lease.h"
#include "tests/helper/t.h"

enum { ALICE = 91, BOB = 92, NOW = 1000, TTL = 50 };

static struct lease held(void)
{
	struct lease lease = {0};

	lease_take(&lease, ALICE, NOW, TTL, 0);
	return lease;
}

UNIT(the_one_with_the_token_ends_it_and_nobody_else)
{
	struct lease lease = held();

	assert_int_equal(lease_end(&lease, BOB, NOW), LEASE_E_LOST);
	assert_int_equal(lease_end(&lease, 0, NOW), LEASE_E_LOST);
	assert_int_equal(lease_end(&lease, ALICE, NOW + TTL - 1), 0);
	assert_int_equal(lease_end(&lease, ALICE, NOW), LEASE_E_LOST);
	assert_int_equal(lease_look(&lease, ALICE, NOW), LEASE_E_LOST);
	assert_false(lease_expire(&lease, NOW + TTL));
}

UNIT(an_end_that_the_store_refused_may_come_again)
{
	struct lease lease = held();

	assert_int_equal(lease_end(&lease, ALICE, NOW), 0);
	lease_refused(&lease);
	assert_int_equal(lease_end(&lease, ALICE, NOW + 1), 0);
	lease_refused(&lease);
	assert_true(lease_expire(&lease, NOW + TTL));
	lease_refused(&lease);
	assert_true(lease_expire(&lease, NOW + TTL));
}

UNIT(it_expires_once_and_exactly_at_the_deadline)
{
	struct lease lease = held();

	assert_false(lease_expire(&lease, NOW + TTL - 1));
	assert_true(lease_expire(&lease, NOW + TTL));
	assert_false(lease_timed_out(&lease));
	assert_false(lease_expire(&lease, NOW + TTL));
	assert_int_equal(lease_end(&lease, ALICE, NOW), LEASE_E_LOST);
}

UNIT(who_comes_too_late_has_lost_it_also_if_nobody_looked)
{
	struct lease lease = held();

	assert_int_equal(lease_extend(&lease, ALICE, NOW + TTL, TTL),
			 LEASE_E_LOST);
	assert_int_equal(lease_end(&lease, ALICE, NOW + TTL), LEASE_E_LOST);
	assert_true(lease_expire(&lease, NOW + TTL));
}

UNIT(an_extension_counts_from_when_it_is_asked_for)
{
	struct lease lease = held();

	assert_int_equal(lease_extend(&lease, BOB, NOW, TTL), LEASE_E_LOST);
	assert_int_equal(lease_extend(&lease, ALICE, NOW + 40, TTL), 0);
	assert_false(lease_expire(&lease, NOW + 89));
	assert_int_equal(lease_extend(&lease, ALICE, NOW + 89, 1), 0);
	assert_true(lease_expire(&lease, NOW + 90));
}

UNIT(what_was_cancelled_is_not_extended)
{
	struct lease lease = held();

	lease.cancelled = true;
	assert_int_equal(lease_extend(&lease, ALICE, NOW + 40, TTL), 0);
	assert_true(lease_expire(&lease, NOW + TTL));
}

UNIT(nobody_has_it_for_longer_than_the_attempt_may_take)
{
	struct lease lease = {0};

	lease_take(&lease, ALICE, NOW, TTL, NOW + 70);
	assert_int_equal(lease.deadline_ns, NOW + TTL);
	assert_int_equal(lease_extend(&lease, ALICE, NOW + 40, TTL), 0);
	assert_true(lease_expire(&lease, NOW + 70));
	assert_true(lease_timed_out(&lease));
}

UNIT(a_new_broker_gives_a_whole_lease)
{
	struct lease lease = {0};

	lease_adopt(&lease, ALICE, NOW, 0);
	assert_false(lease_expire(&lease, NOW + LEASE_DEFAULT_NS - 1));
	assert_int_equal(lease_end(&lease, ALICE, NOW + 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_one_with_the_token_ends_it_and_nobody_else),
		cmocka_unit_test(an_end_that_the_store_refused_may_come_again),
		cmocka_unit_test(it_expires_once_and_exactly_at_the_deadline),
		cmocka_unit_test(
			who_comes_too_late_has_lost_it_also_if_nobody_looked),
		cmocka_unit_test(an_extension_counts_from_when_it_is_asked_for),
		cmocka_unit_test(what_was_cancelled_is_not_extended),
		cmocka_unit_test(
			nobody_has_it_for_longer_than_the_attempt_may_take),
		cmocka_unit_test(a_new_broker_gives_a_whole_lease),
	};

	return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
