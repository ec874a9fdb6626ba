#include "daemon/worker/place.h"
#include "tests/helper/t.h"

#include <sys/resource.h>

static struct place *place(const char *text)
{
	struct place *ret;

	assert_int_equal(place_new(&ret, 5, slice_of(text)), 0);
	return ret;
}

static const char *variable(const struct place *place, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < place->env_count; i++) {
		if (strncmp(place->env[i], name, n) == 0 &&
		    place->env[i][n] == '=')
			return place->env[i] + n + 1;
	}
	return NULL;
}

UNIT(a_captured_environment_is_exactly_that)
{
	struct place *p = place("{\"env\":{\"A\":\"b\",\"PATH\":\"/x\","
				"\"E\":\"\",\"\\u0042\":\"\\n\"}}");

	assert_string_equal(p->fault, "");
	assert_int_equal(p->env_count, 4);
	assert_string_equal(p->env[0], "A=b");
	assert_string_equal(variable(p, "E"), "");
	assert_string_equal(variable(p, "B"), "\n");
	assert_string_equal(p->path, "/x");
	place_unref(p);
}

UNIT(a_clean_environment_has_six_and_what_is_listed)
{
	struct place *p = place("{\"env_mode\":\"clean\",\"env\":{\"A\":\"b\","
				"\"HOME\":\"/elsewhere\"}}");

	assert_int_equal(p->env_count, 7);
	assert_string_equal(variable(p, "PATH"), PLACE_PATH);
	assert_string_equal(variable(p, "HOME"), "/elsewhere");
	assert_non_null(variable(p, "USER"));
	assert_non_null(variable(p, "LOGNAME"));
	assert_non_null(variable(p, "SHELL"));
	assert_non_null(variable(p, "LANG"));
	place_unref(p);
}

UNIT(nothing_said_is_clean_at_the_top)
{
	struct place *p = place("{}");

	assert_string_equal(p->cwd, "/");
	assert_int_equal(p->umask, -1);
	assert_false(p->has_nice);
	assert_int_equal(p->env_count, 6);
	place_unref(p);
}

UNIT(what_reeve_sets_is_not_taken_from_the_submitter)
{
	struct place *p = place(
		"{\"env\":{\"REEVE_TOKEN\":\"1\","
		"\"REEVE_SOCKET\":\"/x\",\"REEVE_MINE\":\"y\"}}");

	assert_int_equal(p->env_count, 1);
	assert_string_equal(p->env[0], "REEVE_MINE=y");
	place_unref(p);
}

UNIT(limits_umask_and_nice_are_read)
{
	struct place *p = place("{\"umask\":63,\"nice\":-5,\"cwd\":\"/a b\","
				"\"limits\":{\"nofile\":9,\"cpu\":-1}}");

	assert_string_equal(p->fault, "");
	assert_int_equal(p->umask, 077);
	assert_true(p->has_nice);
	assert_int_equal(p->nice, -5);
	assert_string_equal(p->cwd, "/a b");
	assert_int_equal(p->limit_count, 2);
	assert_int_equal(p->limits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(p->limits[0].value, 9);
	assert_int_equal(p->limits[1].resource, RLIMIT_CPU);
	assert_int_equal(p->limits[1].value, -1);
	assert_string_equal(place_limit_name(RLIMIT_CPU), "cpu");
	place_unref(p);
}

UNIT(what_cannot_be_had_is_a_fault_with_a_name)
{
	static const struct {
		const char *text, *fault;
	} bad[] = {
		{"{\"env\":{\"\":\"b\"}}", "environment"},
		{"{\"env\":{\"A=B\":\"b\"}}", "'A=B'"},
		{"{\"env\":{\"A\":\"\\u0000\"}}", "'A'"},
		{"{\"env\":{\"A\":1}}", "'A'"},
		{"{\"cwd\":\"a\\u0000b\"}", "directory"},
		{"{\"cwd\":4}", "directory"},
		{"{\"umask\":512}", "umask"},
		{"{\"umask\":-1}", "umask"},
		{"{\"nice\":20}", "nice"},
		{"{\"limits\":{\"wings\":1}}", "'wings'"},
		{"{\"limits\":{\"cpu\":-2}}", "'cpu'"},
		{"{\"limits\":{\"cpu\":\"1\"}}", "'cpu'"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct place *p = place(bad[i].text);

		assert_non_null(strstr(p->fault, bad[i].fault));
		place_unref(p);
	}
}

UNIT(the_oldest_context_goes_and_a_waiting_job_keeps_its_own)
{
	struct places places;
	struct place *held, *again;

	places_init(&places);
	assert_int_equal(places_add(&places, 1, SLICE("{\"nice\":1}")), 0);
	held = places_get(&places, 1);
	for (int i = 2; i <= PLACES_MAX + 1; i++)
		assert_int_equal(places_add(&places, i, SLICE("{}")), 0);
	assert_null(places_get(&places, 1));
	assert_int_equal(held->nice, 1);
	again = places_get(&places, PLACES_MAX + 1);
	assert_non_null(again);
	place_unref(again);
	/* The same id again replaces it. */
	assert_int_equal(places_add(&places, 2, SLICE("{\"nice\":2}")), 0);
	assert_int_equal(places.count, PLACES_MAX);
	again = places_get(&places, 2);
	assert_int_equal(again->nice, 2);
	places_fini(&places);
	place_unref(again);
	place_unref(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_captured_environment_is_exactly_that),
		cmocka_unit_test(
			a_clean_environment_has_six_and_what_is_listed),
		cmocka_unit_test(nothing_said_is_clean_at_the_top),
		cmocka_unit_test(
			what_reeve_sets_is_not_taken_from_the_submitter),
		cmocka_unit_test(limits_umask_and_nice_are_read),
		cmocka_unit_test(what_cannot_be_had_is_a_fault_with_a_name),
		cmocka_unit_test(
			the_oldest_context_goes_and_a_waiting_job_keeps_its_own),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
