#include "daemon/broker/event_json.h"

#include "tests/helper/t.h"

static void is_text(struct json_out *out, const char *expected)
{
	assert_true(json_out_ok(out));
	json_out_byte(out, 0);
	assert_string_equal(out->p, expected);
	json_out_reset(out);
}

UNIT(an_event_has_what_is_known_of_it_and_nothing_else)
{
	struct json_out out = {0};

	event_json(&out, &(struct store_event){
				 .seq = 3,
				 .at_ms = 5,
				 .kind = EVENT_SUBMITTED,
				 .job = 7,
				 .queue = SLICE("a\"b"),
			 });
	is_text(&out, "{\"seq\":3,\"at_ms\":5,\"kind\":\"submitted\",\"job\":7,"
		      "\"queue\":\"a\\\"b\"}");
	event_json(&out, &(struct store_event){
				 .seq = 4,
				 .at_ms = 6,
				 .kind = EVENT_FAILED,
				 .cause = CAUSE_EXIT,
				 .job = 7,
				 .attempt = 2,
				 .group = 9,
				 .queue = SLICE("q"),
			 });
	is_text(&out, "{\"seq\":4,\"at_ms\":6,\"kind\":\"failed\",\"job\":7,"
		      "\"queue\":\"q\",\"group\":9,\"detail\":{\"attempt\":2,"
		      "\"cause\":\"exit\"}}");
	json_out_fini(&out);
}

UNIT(one_without_a_number_says_behind_which_it_was)
{
	struct json_out out = {0};

	event_json_told(&out,
			&(struct told_event){
				.kind = EVENT_WORKER_UP,
				.pid = 12,
				.detail = SLICE("{\"slot\":1}"),
			},
			3, 5);
	is_text(&out,
		"{\"seq\":3,\"at_ms\":5,\"kind\":\"worker_up\",\"pid\":12,"
		"\"detail\":{\"slot\":1}}");
	event_json_told(&out,
			&(struct told_event){
				.kind = EVENT_PROGRESS,
				.job = 1,
				.group = 2,
				.queue = SLICE("q"),
			},
			0, 5);
	is_text(&out, "{\"seq\":0,\"at_ms\":5,\"kind\":\"progress\",\"job\":1,"
		      "\"queue\":\"q\",\"group\":2}");
	event_json_lost(&out, 4, 9, 5);
	is_text(&out, "{\"seq\":3,\"at_ms\":5,\"kind\":\"lost\",\"detail\":{"
		      "\"from\":4,\"to\":9}}");
	json_out_fini(&out);
}

UNIT(all_that_was_asked_for_must_hold)
{
	static const int64_t jobs[] = {3, 5, 8};
	const struct event_filter all = {0},
				  kinds = {.kinds = 1u << EVENT_FAILED},
				  queue = {.queue = SLICE("q")},
				  group = {.group = 2},
				  some = {.jobs = jobs, .job_count = 3},
				  both = {.group = 2, .queue = SLICE("q")};

#define TAKES(filter, kind, queue, group, job)                                 \
	event_filter_takes(&(filter), EVENT_##kind, SLICE(queue), group, job)
	assert_true(TAKES(all, STARTED, "x", 0, 1));
	assert_true(TAKES(all, LOST, "", 0, 0));
	assert_true(TAKES(kinds, FAILED, "x", 0, 1));
	assert_false(TAKES(kinds, STARTED, "x", 0, 1));
	assert_true(TAKES(kinds, LOST, "x", 0, 1));
	assert_true(TAKES(queue, STARTED, "q", 0, 1));
	assert_false(TAKES(queue, STARTED, "qq", 0, 1));
	assert_false(TAKES(queue, WORKER_UP, "", 0, 0));
	assert_true(TAKES(group, STARTED, "q", 2, 1));
	assert_false(TAKES(group, STARTED, "q", 0, 1));
	assert_true(TAKES(some, STARTED, "q", 0, 5));
	assert_false(TAKES(some, STARTED, "q", 0, 4));
	assert_false(TAKES(some, WORKER_UP, "", 0, 0));
	assert_true(TAKES(both, STARTED, "q", 2, 1));
	assert_false(TAKES(both, STARTED, "q", 1, 1));
	assert_false(TAKES(both, STARTED, "p", 2, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_event_has_what_is_known_of_it_and_nothing_else),
		cmocka_unit_test(one_without_a_number_says_behind_which_it_was),
		cmocka_unit_test(all_that_was_asked_for_must_hold),
	};

	return cmocka_run_group_tests_name("event_json", tests, NULL, NULL);
}
