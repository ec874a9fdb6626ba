#include "tests/helper/t.h"
#include "daemon/core/adopt.h"

/* Every combination that can exist, one letter a fact. */
static struct adopt_facts facts(const char *text)
{
	return (struct adopt_facts){
		.same_boot = strchr(text, 'b'),
		.worker_alive = strchr(text, 'a'),
		.dialled_in = strchr(text, 'd'),
		.holds = strchr(text, 'h'),
		.first = strchr(text, 'f'),
		.once = strchr(text, 'o'),
		.unbegun = strchr(text, 'u'),
	};
}

static void expect(const char *text, enum adopt_verdict verdict)
{
	struct adopt_facts one = facts(text);

	if (adopt_decide(&one) != verdict)
		fail_msg("facts \"%s\": %d, not %d", text, adopt_decide(&one),
			 verdict);
}

UNIT(a_worker_that_lives_is_waited_for)
{
	expect("ba", ADOPT_WAIT);
	expect("baf", ADOPT_WAIT);
	expect("bao", ADOPT_WAIT);
	expect("bafo", ADOPT_WAIT);
}

UNIT(what_a_worker_holds_stays_with_it)
{
	expect("badh", ADOPT_KEEP);
	expect("badhf", ADOPT_KEEP);
	expect("badho", ADOPT_KEEP);
	expect("badhfo", ADOPT_KEEP);
}

UNIT(what_a_worker_does_not_hold_never_arrived)
{
	expect("bad", ADOPT_PUT_BACK);
	expect("badf", ADOPT_PUT_BACK);
	expect("bado", ADOPT_PUT_BACK);
	expect("badfo", ADOPT_PUT_BACK);
}

UNIT(of_a_dead_worker_only_the_first_is_charged)
{
	expect("bf", ADOPT_WORKER_LOST);
	expect("b", ADOPT_PUT_BACK);
}

UNIT(of_a_dead_host_only_the_first_is_charged)
{
	expect("f", ADOPT_HOST_LOST);
	expect("", ADOPT_PUT_BACK);
}

UNIT(a_once_job_behind_the_first_may_have_started)
{
	expect("bo", ADOPT_WORKER_LOST);
	expect("bfo", ADOPT_WORKER_LOST);
	expect("o", ADOPT_HOST_LOST);
	expect("fo", ADOPT_HOST_LOST);
}

UNIT(a_once_job_that_had_not_begun_goes_back)
{
	expect("bou", ADOPT_PUT_BACK);
	expect("bu", ADOPT_PUT_BACK);
	/* The first is charged all the same: it was the one to begin. */
	expect("bfou", ADOPT_WORKER_LOST);
	expect("bfu", ADOPT_WORKER_LOST);
}

UNIT(a_pid_of_another_boot_is_somebody_else)
{
	expect("af", ADOPT_HOST_LOST);
	expect("ao", ADOPT_HOST_LOST);
	expect("a", ADOPT_PUT_BACK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_that_lives_is_waited_for),
		cmocka_unit_test(what_a_worker_holds_stays_with_it),
		cmocka_unit_test(what_a_worker_does_not_hold_never_arrived),
		cmocka_unit_test(of_a_dead_worker_only_the_first_is_charged),
		cmocka_unit_test(of_a_dead_host_only_the_first_is_charged),
		cmocka_unit_test(a_once_job_behind_the_first_may_have_started),
		cmocka_unit_test(a_once_job_that_had_not_begun_goes_back),
		cmocka_unit_test(a_pid_of_another_boot_is_somebody_else),
	};

	return cmocka_run_group_tests_name("adopt", tests, NULL, NULL);
}
