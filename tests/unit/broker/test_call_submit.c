#include "tests/unit/broker/stage.h"

#include <stdio.h>
#include <unistd.h>

#include "proto/limits.h"

#define SUBMIT "org.reeve.jobs.Submit"
#define MANY "org.reeve.jobs.SubmitMany"
#define FLUSH "org.reeve.jobs.Flush"

UNIT(a_job_is_in_the_store_when_it_is_answered)
{
	struct fake_job *job;
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, SUBMIT,
				"{\"job\":{\"shell\":\"exit \\u0033\","
				"\"name\":\"n\",\"queue\":\"q\",\"priority\":7,"
				"\"tags\":{\"a\":\"b\"},\"timeout_ms\":5,"
				"\"stdin\":\"in\",\"once\":true}}"),
		     "\"id\":1,\"durability\":\"sync\"");
	job = fake_store_job(stage.store, 1);
	assert_string_equal(job->name, "n");
	assert_string_equal(job->queue, "q");
	assert_string_equal(job->tags, "{\"a\":\"b\"}");
	assert_string_equal(job->spec,
			    "{\"shell\":\"exit 3\",\"stdin\":\"in\"}");
	assert_int_equal(job->priority, 7);
	assert_int_equal(job->timeout_ms, 5);
	assert_true(job->once);
	assert_int_equal(job->uid, geteuid());
	close(fd);
	stage_end(&stage);
}

UNIT(a_key_submitted_twice_is_one_job)
{
	const char *job = "{\"job\":{\"argv\":[\"a\"],\"key\":\"k\"}}";
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, SUBMIT, job), "\"id\":1,");
	stage_expect(stage_call(&stage, fd, SUBMIT, job),
		     "\"id\":1,\"existing\":true");
	close(fd);
	stage_end(&stage);
}

UNIT(a_dry_run_leaves_nothing_behind)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_call(&stage, fd, SUBMIT,
		   "{\"job\":{\"argv\":[\"a\"]},\"dry_run\":true}");
	stage_expect(stage_call(&stage, fd, SUBMIT,
				"{\"job\":{\"argv\":1},\"dry_run\":true}"),
		     "\"parameter\":\"job.argv\"");
	stage_settle(&stage);
	assert_int_equal(stage.store->job_count, 0);
	close(fd);
	stage_end(&stage);
}

UNIT(handlers_and_groups_must_be_there)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, SUBMIT,
				"{\"job\":{\"handler\":\"resize\"}}"),
		     "NoSuchHandler\",\"parameters\":{\"handler\":\"resize\"");
	stage_expect(stage_call(&stage, fd, SUBMIT,
				"{\"job\":{\"handler\":\"resize\"}}"),
		     "a consumer makes one known");
	stage_expect(stage_call(&stage, fd, SUBMIT,
				"{\"job\":{\"argv\":[\"a\"],\"on_done\":["
				"{\"handler\":\"resize\"}]}}"),
		     "\"parameter\":\"job.on_done[0].handler\"");
	stage_expect(stage_call(&stage, fd, SUBMIT,
				"{\"job\":{\"argv\":[\"a\"],\"group\":9}}"),
		     "NoSuchGroup\",\"parameters\":{\"group\":9");
	close(fd);
	stage_end(&stage);
}

UNIT(many_jobs_share_their_defaults_and_name_their_mistakes)
{
	struct stage stage;
	const char *line;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	line = stage_call(&stage, fd, MANY,
			  "{\"defaults\":{\"queue\":\"q\"},\"jobs\":["
			  "{\"argv\":[\"a\"]},{\"argv\":[]},"
			  "{\"argv\":[\"c\"],\"group\":9},"
			  "{\"handler\":\"x\"},{\"argv\":[\"d\"]}]}");
	stage_expect(line, "\"ids\":[1,0,0,0,2]");
	stage_expect(line, "{\"index\":1,\"error\":\"org.varlink.service."
			   "InvalidParameter\",\"field\":\"jobs[1].argv\"");
	stage_expect(line, "{\"index\":2,\"error\":\"org.reeve.jobs."
			   "NoSuchGroup\"");
	stage_expect(line, "{\"index\":3,\"error\":\"org.reeve.jobs."
			   "NoSuchHandler\"");
	assert_string_equal(fake_store_job(stage.store, 2)->queue, "q");
	close(fd);
	stage_end(&stage);
}

UNIT(all_or_none_is_all_or_none)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_expect(stage_call(&stage, fd, MANY,
				"{\"all_or_none\":true,\"jobs\":["
				"{\"argv\":[\"a\"]},{\"argv\":[]}]}"),
		     "\"field\":\"jobs[1].argv\"");
	stage_expect(stage_call(&stage, fd, MANY,
				"{\"all_or_none\":true,\"jobs\":["
				"{\"argv\":[\"a\"]},"
				"{\"argv\":[\"b\"],\"group\":9}]}"),
		     "\"ids\":[0,0]");
	stage_settle(&stage);
	assert_int_equal(stage.store->job_count, 0);
	stage_expect(stage_call(&stage, fd, MANY,
				"{\"all_or_none\":true,\"jobs\":["
				"{\"argv\":[\"a\"]},{\"argv\":[\"b\"]}]}"),
		     "\"ids\":[1,2]");
	close(fd);
	stage_end(&stage);
}

/* All queues but one are taken. */
static void fill_lanes(struct stage *stage)
{
	struct lanes *lanes = &stage->broker.lanes;

	while (lanes->count < LIMIT_LANES - 1) {
		struct lane *lane;
		char name[16];

		snprintf(name, sizeof(name), "q%zu", lanes->count);
		assert_int_equal(lane_get(lanes, slice_of(name),
					  slice_of("exec"), 0, &lane),
				 0);
		lane->counts[STATE_READY] = 1;
	}
}

UNIT(what_is_taken_out_again_weighs_nothing)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	fill_lanes(&stage);
	stage_expect(stage_call(&stage, fd, MANY,
				"{\"all_or_none\":true,\"jobs\":["
				"{\"argv\":[\"a\"],\"queue\":\"new\"},"
				"{\"argv\":[\"b\"],\"queue\":\"newer\"}]}"),
		     "\"ids\":[0,0]");
	/* An empty batch never leaves: what it weighed would stay. */
	assert_true(batch_empty(stage.broker.gathering));
	assert_int_equal(stage.broker.gathering->queued_bytes, 0);
	assert_int_equal(stage.store->job_count, 0);
	close(fd);
	stage_end(&stage);
}

static char *jobs(size_t count)
{
	char *text = calloc(1, count * 16 + 64);
	size_t n;

	if (!text)
		abort();
	n = (size_t)sprintf(text, "{\"jobs\":[");
	for (size_t i = 0; i < count; i++)
		n += (size_t)sprintf(text + n, "%s{\"argv\":[\"a\"]}",
				     i ? "," : "");
	strcpy(text + n, "]}");
	return text;
}

UNIT(a_call_takes_so_many_jobs_and_not_one_more)
{
	struct stage stage;
	char *text;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	text = jobs(LIMIT_JOBS_PER_CALL);
	stage_expect(stage_call(&stage, fd, MANY, text), ",10000]");
	free(text);
	text = jobs(LIMIT_JOBS_PER_CALL + 1);
	stage_expect(stage_call(&stage, fd, MANY, text), "\"error\":");
	free(text);
	stage_expect(stage_call(&stage, fd, MANY, "{\"jobs\":[]}"),
		     "\"parameter\":\"jobs\"");
	close(fd);
	stage_end(&stage);
}

UNIT(flush_counts_every_job_that_was_sent_oneway)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	stage_send(fd, "{\"method\":\"" SUBMIT "\",\"oneway\":true,"
		       "\"parameters\":{\"job\":{\"argv\":[\"a\"]}}}\n"
		       "{\"method\":\"" SUBMIT "\",\"oneway\":true,"
		       "\"parameters\":{\"job\":{\"argv\":[]}}}\n"
		       "{\"method\":\"" SUBMIT "\",\"oneway\":true,"
		       "\"parameters\":{\"job\":{\"argv\":[\"a\"],"
		       "\"group\":9}}}\n"
		       "{\"method\":\"" MANY "\",\"oneway\":true,"
		       "\"parameters\":{\"jobs\":[{\"argv\":[\"a\"]},"
		       "{\"argv\":[\"b\"],\"group\":9},{\"argv\":[]},"
		       "{\"argv\":[\"c\"]}]}}\n"
		       "{\"method\":\"" MANY "\",\"oneway\":true,"
		       "\"parameters\":{\"all_or_none\":true,\"jobs\":["
		       "{\"argv\":[\"a\"]},{\"argv\":[]}]}}");
	stage_expect(stage_call(&stage, fd, FLUSH, "{}"),
		     "\"accepted\":3,\"rejected\":6");
	stage_expect(stage_call(&stage, fd, FLUSH, "{}"),
		     "\"accepted\":0,\"rejected\":0");
	assert_int_equal(stage.store->job_count, 3);
	close(fd);
	stage_end(&stage);
}

UNIT(a_failed_commit_is_counted_by_flush)
{
	struct stage stage;
	int fd;

	stage_open(&stage);
	fd = stage_client(&stage);
	fake_store_fail(stage.store, STORE_E_FULL, 1);
	stage_send(fd, "{\"method\":\"" MANY "\",\"oneway\":true,"
		       "\"parameters\":{\"jobs\":[{\"argv\":[\"a\"]},"
		       "{\"argv\":[\"b\"]}]}}");
	stage_expect(stage_call(&stage, fd, FLUSH, "{}"),
		     "\"accepted\":0,\"rejected\":2");
	close(fd);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_is_in_the_store_when_it_is_answered),
		cmocka_unit_test(a_key_submitted_twice_is_one_job),
		cmocka_unit_test(a_dry_run_leaves_nothing_behind),
		cmocka_unit_test(handlers_and_groups_must_be_there),
		cmocka_unit_test(
			many_jobs_share_their_defaults_and_name_their_mistakes),
		cmocka_unit_test(all_or_none_is_all_or_none),
		cmocka_unit_test(what_is_taken_out_again_weighs_nothing),
		cmocka_unit_test(a_call_takes_so_many_jobs_and_not_one_more),
		cmocka_unit_test(flush_counts_every_job_that_was_sent_oneway),
		cmocka_unit_test(a_failed_commit_is_counted_by_flush),
	};

	return cmocka_run_group_tests_name("call_submit", tests, NULL, NULL);
}
