#include "daemon/broker/filter.h"
#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#include "proto/json_in.h"
#include "proto/limits.h"

/* Four jobs; what does the filter let through? */
static const char *count(struct stage *stage, int fd, const char *filter)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"method\":\"org.reeve.jobs.Count\",\"parameters\":"
		 "{\"filter\":%s}}",
		 filter);
	return stage_ask(stage, fd, text);
}

static const char *cancel(struct stage *stage, int fd, const char *filter)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"method\":\"org.reeve.jobs.Cancel\",\"parameters\":"
		 "{\"filter\":%s}}",
		 filter);
	return stage_ask(stage, fd, text);
}

static int open_with_jobs(struct stage *stage)
{
	stage_begin(stage);
	fake_store_add(stage->store, STATE_READY);
	fake_store_add(stage->store, STATE_HELD);
	fake_store_add(stage->store, STATE_SUCCEEDED);
	fake_store_add(stage->store, STATE_FAILED)->cause = CAUSE_EXIT;
	stage_start(stage);
	return stage_client(stage);
}

UNIT(words_become_bits)
{
	struct stage stage;
	int fd = open_with_jobs(&stage);

	stage_expect(count(&stage, fd, "{\"states\":[\"ready\",\"held\"]}"),
		     "\"total\":2");
	stage_expect(count(&stage, fd, "{\"causes\":[\"exit\"]}"),
		     "\"total\":1");
	stage_expect(count(&stage, fd, "{\"ids\":[1,3,99]}"), "\"total\":2");
	stage_expect(count(&stage, fd, "{\"queue\":\"de\\u0066ault\"}"),
		     "\"total\":4");
	stage_expect(count(&stage, fd, "{}"), "\"total\":4");
	stage_expect(count(&stage, fd, "null"), "\"total\":4");
	close(fd);
	stage_end(&stage);
}

UNIT(mistakes_name_the_field)
{
	struct stage stage;
	int fd = open_with_jobs(&stage);

	stage_expect(count(&stage, fd, "{\"state\":[]}"), "filter.state\"");
	stage_expect(count(&stage, fd, "{\"states\":[\"tired\"]}"),
		     "filter.states[0]");
	stage_expect(count(&stage, fd, "{\"ids\":[0]}"), "filter.ids[0]");
	stage_expect(count(&stage, fd, "{\"uid\":-1}"), "filter.uid");
	close(fd);
	stage_end(&stage);
}

UNIT(an_empty_field_never_means_everything)
{
	static const char *const empty[] = {
		"{\"states\":[]}",
		"{\"causes\":[]}",
		"{\"queue\":\"\"}",
		"{\"handler\":\"\"}",
		"{\"name\":\"\"}",
		"{\"key\":\"\"}",
		"{\"tags\":{}}",
		"{\"older_than_ms\":0}",
		"{\"states\":[],\"group\":1}",
	};
	struct stage stage;
	int fd = open_with_jobs(&stage);

	for (size_t i = 0; i < ARRAY_COUNT(empty); i++)
		stage_expect(cancel(&stage, fd, empty[i]), "InvalidParameter");
	/* No ids are no jobs: a program that found none may say so. */
	stage_expect(cancel(&stage, fd, "{\"ids\":[]}"), "\"cancelled\":0");
	assert_int_equal(fake_store_job(stage.store, 1)->state, STATE_READY);
	close(fd);
	stage_end(&stage);
}

UNIT(who_steers_everything_has_to_say_all)
{
	struct stage stage;
	int fd = open_with_jobs(&stage);

	stage_expect(cancel(&stage, fd, "{}"), "InvalidParameter");
	stage_expect(cancel(&stage, fd, "{\"all\":false}"), "InvalidParameter");
	stage_expect(cancel(&stage, fd, "{\"all\":null}"), "InvalidParameter");
	stage_expect(cancel(&stage, fd, "{\"all\":true}"), "\"cancelled\":2");
	close(fd);
	stage_end(&stage);
}

UNIT(a_list_of_ids_is_read_into_the_arena)
{
	struct arena arena = {0};
	const int64_t *ids;
	size_t n;

	assert_int_equal(filter_ids(&arena, SLICE("[3,1, 2]"), &ids, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(ids[0], 3);
	assert_int_equal(ids[2], 2);
	assert_int_equal(filter_ids(&arena, SLICE("[]"), &ids, &n), 0);
	assert_int_equal(n, 0);
	assert_non_null(ids);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_bits),
		cmocka_unit_test(mistakes_name_the_field),
		cmocka_unit_test(an_empty_field_never_means_everything),
		cmocka_unit_test(who_steers_everything_has_to_say_all),
		cmocka_unit_test(a_list_of_ids_is_read_into_the_arena),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
