#include "client/when.h"

#include <stdlib.h>
#include <time.h>

#include "proto/base.h"
#include "tests/helper/t.h"

/* Saturday, 2026-11-21 07:40:00 UTC: 08:40 in Berlin. */
#define NOW (INT64_C(1795246800) * 1000)
#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
/* 2026-11-21 00:00 in Berlin */
#define TODAY (NOW - 8 * HOUR - 40 * MINUTE)

static int set_up(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static int64_t when(const char *text)
{
	int64_t ms = -1;

	if (!when_parse(text, NOW, &ms))
		fail_msg("'%s' is not understood", text);
	return ms;
}

UNIT(a_time_of_day_is_the_next_one)
{
	assert_int_equal(when("9:00"), TODAY + 9 * HOUR);
	assert_int_equal(when("14:30:05"),
			 TODAY + 14 * HOUR + 30 * MINUTE + 5000);
	assert_int_equal(when("08:40"), TODAY + DAY + 8 * HOUR + 40 * MINUTE);
	assert_int_equal(when("noon"), TODAY + 12 * HOUR);
	assert_int_equal(when("midnight"), TODAY + DAY);
}

UNIT(days_have_names)
{
	assert_int_equal(when("tomorrow"), TODAY + DAY);
	assert_int_equal(when("Tomorrow 09:00"), TODAY + DAY + 9 * HOUR);
	assert_int_equal(when("today 18:00"), TODAY + 18 * HOUR);
	assert_int_equal(when("monday"), TODAY + 2 * DAY);
	assert_int_equal(when("fri 17:15"),
			 TODAY + 6 * DAY + 17 * HOUR + 15 * MINUTE);
	/* It is Saturday: later today, or in a week. */
	assert_int_equal(when("saturday 10:00"), TODAY + 10 * HOUR);
	assert_int_equal(when("sat 8:00"), TODAY + 7 * DAY + 8 * HOUR);
}

UNIT(hours_are_said_in_halves_and_before_their_day)
{
	assert_int_equal(when("9am"), TODAY + 9 * HOUR);
	assert_int_equal(when("9:00pm"), TODAY + 21 * HOUR);
	assert_int_equal(when("9:30 PM"), TODAY + 21 * HOUR + 30 * MINUTE);
	assert_int_equal(when("12am"), TODAY + DAY);
	assert_int_equal(when("12pm"), TODAY + 12 * HOUR);
	assert_int_equal(when("noon tomorrow"), TODAY + DAY + 12 * HOUR);
	assert_int_equal(when("18:00 tomorrow"), TODAY + DAY + 18 * HOUR);
	assert_int_equal(when("tomorrow at 9am"), TODAY + DAY + 9 * HOUR);
	assert_int_equal(when("next monday"), TODAY + 2 * DAY);
	/* It is Saturday: not this one. */
	assert_int_equal(when("next saturday 23:00"),
			 TODAY + 7 * DAY + 23 * HOUR);
	assert_int_equal(when("dec 24"), TODAY + 33 * DAY);
	assert_int_equal(when("24 December 18:00"),
			 TODAY + 33 * DAY + 18 * HOUR);
	assert_int_equal(when("jan 1"), TODAY + 41 * DAY);
	assert_int_equal(when("nov 20 2027"), TODAY + 364 * DAY);
	assert_int_equal(when("now"), NOW);
	assert_int_equal(when("now + 1 hour"), NOW + HOUR);
	assert_int_equal(when("now+5min"), NOW + 5 * MINUTE);
	assert_int_equal(when("+ 2 days"), NOW + 2 * DAY);
}

UNIT(an_hour_that_the_clocks_skip_or_repeat_is_told)
{
	struct when skipped, twice, plain;

	assert_true(when_read("2027-03-28 02:30", NOW, &skipped));
	assert_int_equal(skipped.odd, WHEN_SKIPPED);
	assert_int_equal(skipped.ms, INT64_C(1806197400) * 1000);
	assert_true(when_read("2027-10-31 02:30", NOW, &twice));
	assert_int_equal(twice.odd, WHEN_TWICE);
	assert_int_equal(twice.ms, INT64_C(1824942600) * 1000);
	assert_true(when_read("2027-10-31 03:30", NOW, &plain));
	assert_int_equal(plain.odd, WHEN_PLAIN);
	assert_int_equal(plain.ms, twice.ms + 2 * HOUR);
}

UNIT(why_it_is_no_time_is_told)
{
	assert_string_equal(when_why("5m"), "that is how long, not when");
	assert_string_equal(when_why("tomorrow 25:00"),
			    "a day has the hours 0:00 to 23:59");
	assert_string_equal(when_why("12:60"),
			    "an hour has the minutes 00 to 59");
	assert_string_equal(when_why("2026-02-30"), "there is no such day");
	assert_string_equal(when_why("today"),
			    "today has begun: at what time?");
	assert_string_equal(when_why("soon"),
			    "it is none of the ways to say when");
}

UNIT(dates_are_local_unless_they_say_where)
{
	assert_int_equal(when("2026-11-22"), TODAY + DAY);
	assert_int_equal(when("2026-11-22 09:00"), TODAY + DAY + 9 * HOUR);
	assert_int_equal(when("2026-11-22T09:00:30Z"),
			 TODAY + DAY + 10 * HOUR + 30000);
	assert_int_equal(when("2026-11-22T09:00+02:00"),
			 TODAY + DAY + 8 * HOUR);
	assert_int_equal(when("2026-11-22T09:00-0530"),
			 TODAY + DAY + 15 * HOUR + 30 * MINUTE);
	/* Summer time counts. */
	assert_int_equal(when("2026-07-01 12:00"), INT64_C(1782900000) * 1000);
	/* What is over already is a time all the same. */
	assert_int_equal(when("1970-01-01T00:00Z"), 0);
}

UNIT(so_much_later_and_seconds_of_the_epoch)
{
	assert_int_equal(when("+90s"), NOW + 90000);
	assert_int_equal(when("+2h30m"), NOW + 2 * HOUR + 30 * MINUTE);
	assert_int_equal(when("@1760000000"), INT64_C(1760000000000));
}

UNIT(what_is_no_time_is_refused)
{
	static const char *const bad[] = {
		"",
		"soon",
		"25:00",
		"9",
		"9:5",
		"12:60",
		"12:00:61",
		"today",
		"tomorrow9:00",
		"tomorrow25:00",
		"13am",
		"0pm",
		"feb 30",
		"next",
		"next today",
		"now +",
		"now + 1 parsec",
		"noon 9:00",
		"noon tomorrow 9:00",
		"2026-02-30",
		"2026-13-01",
		"2026-11-22X",
		"2026-11-22 9",
		"2026-11-22T09:00+99:00",
		"+",
		"+5x",
		"@",
		"@-5",
		"@99999999999999",
		"mondays",
		"fri 17:15 x",
		"20261122",
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		int64_t ms = 77;

		if (when_parse(bad[i], NOW, &ms))
			fail_msg("'%s' was taken", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_of_day_is_the_next_one),
		cmocka_unit_test(days_have_names),
		cmocka_unit_test(hours_are_said_in_halves_and_before_their_day),
		cmocka_unit_test(
			an_hour_that_the_clocks_skip_or_repeat_is_told),
		cmocka_unit_test(why_it_is_no_time_is_told),
		cmocka_unit_test(dates_are_local_unless_they_say_where),
		cmocka_unit_test(so_much_later_and_seconds_of_the_epoch),
		cmocka_unit_test(what_is_no_time_is_refused),
	};

	return cmocka_run_group_tests_name("when", tests, set_up, NULL);
}
