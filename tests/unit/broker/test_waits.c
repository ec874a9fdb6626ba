#include "daemon/broker/waits.h"
#include "tests/helper/t.h"

static struct waits waits;
static char told[64]; /* a letter for each waiter, as they were told */
static struct waiter *to_remove, *to_add;

struct named {
	struct waiter waiter; /* first */
	char name;
};

static void on_told(struct waiter *waiter, const struct store_row *row,
		    const struct store_group *group)
{
	char name[2] = {((struct named *)waiter)->name, 0};

	assert_true(!row != !group);
	strcat(told, name);
	if (to_remove)
		waits_remove(&waits, to_remove);
	if (to_add) {
		struct waiter *added = TAKE(to_add);

		assert_int_equal(
			row && !row->group
				? waits_job(&waits, row->id, added)
				: waits_group(&waits,
					      row ? row->group : group->id,
					      added),
			0);
	}
}

static struct named a, b, c;

static int set_up(void **state)
{
	(void)state;
	waits = (struct waits){0};
	a = (struct named){.waiter.told = on_told, .name = 'a'};
	b = (struct named){.waiter.told = on_told, .name = 'b'};
	c = (struct named){.waiter.told = on_told, .name = 'c'};
	told[0] = 0;
	to_remove = to_add = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_null(waits.jobs);
	assert_null(waits.groups);
	waits_fini(&waits);
	return 0;
}

UNIT(a_job_tells_its_waiters_once_in_their_order)
{
	const struct store_row row = {.id = 1}, other = {.id = 2};

	assert_int_equal(waits_job(&waits, 1, &a.waiter), 0);
	assert_int_equal(waits_job(&waits, 1, &b.waiter), 0);
	waits_ended(&waits, &other);
	assert_string_equal(told, "");
	waits_ended(&waits, &row);
	waits_ended(&waits, &row);
	assert_string_equal(told, "ab");
	assert_null(a.waiter.point);
}

UNIT(who_does_not_wait_any_more_is_not_told)
{
	const struct store_row row = {.id = 1};

	assert_int_equal(waits_job(&waits, 1, &a.waiter), 0);
	assert_int_equal(waits_job(&waits, 1, &b.waiter), 0);
	waits_remove(&waits, &a.waiter);
	waits_remove(&waits, &a.waiter);
	waits_ended(&waits, &row);
	assert_string_equal(told, "b");
}

UNIT(the_last_one_takes_the_point_with_it)
{
	assert_int_equal(waits_job(&waits, 5, &a.waiter), 0);
	assert_int_equal(waits_group(&waits, 5, &b.waiter), 0);
	waits_remove(&waits, &a.waiter);
	assert_null(waits.jobs);
	waits_remove(&waits, &b.waiter);
	assert_null(waits.groups);
}

UNIT(a_waiter_may_remove_another_of_its_job)
{
	const struct store_row row = {.id = 1};

	assert_int_equal(waits_job(&waits, 1, &a.waiter), 0);
	assert_int_equal(waits_job(&waits, 1, &b.waiter), 0);
	assert_int_equal(waits_job(&waits, 1, &c.waiter), 0);
	to_remove = &b.waiter;
	waits_ended(&waits, &row);
	assert_string_equal(told, "ac");
}

UNIT(a_waiter_may_wait_again_for_the_same_job)
{
	const struct store_row row = {.id = 1};

	assert_int_equal(waits_job(&waits, 1, &a.waiter), 0);
	to_add = &b.waiter;
	waits_ended(&waits, &row);
	assert_string_equal(told, "a");
	waits_ended(&waits, &row);
	assert_string_equal(told, "ab");
}

UNIT(a_group_tells_of_every_job_and_of_its_changes)
{
	const struct store_row row = {.id = 1, .group = 9};
	const struct store_group group = {.id = 9};

	assert_int_equal(waits_group(&waits, 9, &a.waiter), 0);
	waits_ended(&waits, &row);
	waits_ended(&waits, &row);
	waits_changed(&waits, &group);
	assert_string_equal(told, "aaa");
	waits_remove(&waits, &a.waiter);
}

UNIT(a_groups_waiter_may_remove_itself_when_told)
{
	const struct store_group group = {.id = 9};

	assert_int_equal(waits_group(&waits, 9, &a.waiter), 0);
	to_remove = &a.waiter;
	waits_changed(&waits, &group);
	waits_changed(&waits, &group);
	assert_string_equal(told, "a");
}

UNIT(who_comes_while_a_group_tells_waits_for_the_next_time)
{
	const struct store_group group = {.id = 9};

	assert_int_equal(waits_group(&waits, 9, &a.waiter), 0);
	to_add = &b.waiter;
	to_remove = &a.waiter;
	waits_changed(&waits, &group);
	assert_string_equal(told, "a");
	to_remove = NULL;
	waits_changed(&waits, &group);
	assert_string_equal(told, "ab");
	waits_remove(&waits, &b.waiter);
}

#define WAITS_TEST(name)                                                       \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WAITS_TEST(a_job_tells_its_waiters_once_in_their_order),
		WAITS_TEST(who_does_not_wait_any_more_is_not_told),
		WAITS_TEST(the_last_one_takes_the_point_with_it),
		WAITS_TEST(a_waiter_may_remove_another_of_its_job),
		WAITS_TEST(a_waiter_may_wait_again_for_the_same_job),
		WAITS_TEST(a_group_tells_of_every_job_and_of_its_changes),
		WAITS_TEST(a_groups_waiter_may_remove_itself_when_told),
		WAITS_TEST(
			who_comes_while_a_group_tells_waits_for_the_next_time),
	};

	return cmocka_run_group_tests_name("waits", tests, NULL, NULL);
}
