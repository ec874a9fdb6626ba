/*
 * Every file of tests/corpus/wire whose name begins with y_ is accepted, every
 * n_ refused: in json/ by the reader alone, in call/ by all that looks at a
 * call. Called with that folder. What is too big to be kept is made here.
 */

#include <dirent.h>
#include <stdio.h>

#include "proto/calls.h"
#include "proto/filter.h"
#include "proto/json_in.h"
#include "proto/limits.h"
#include "proto/spec.h"
#include "tests/helper/t.h"

static const char *corpus;
static struct arena arena;
static max_align_t room[128];

static bool check_json(struct slice text)
{
	struct json_fault fault;

	return json_check(text, &fault) == 0;
}

static bool check_specs(struct slice parameters)
{
	struct slice jobs, job, object;
	struct schema_fault fault;
	struct json_iter iter;
	struct spec defaults, spec;
	bool many, based;

	if (json_find(parameters, "job", &job))
		return spec_decode(&arena, job, NULL, "job", &spec, &fault) ==
		       0;
	many = json_find(parameters, "jobs", &jobs);
	based = json_find(parameters, "defaults", &object);
	if (many && based &&
	    spec_defaults_decode(&arena, object, "defaults", &defaults, &fault))
		return false;
	iter = many ? json_enter(jobs) : (struct json_iter){0};
	while (json_item(&iter, &job)) {
		if (spec_decode(&arena, job, based ? &defaults : NULL, "jobs[]",
				&spec, &fault))
			return false;
	}
	return true;
}

/* As the daemon does it: envelope, method, parameters, and what is in them. */
static bool check_call(struct slice text)
{
	const struct schema_method *method;
	struct schema_fault fault;
	struct slice parameters = {0};
	struct call_envelope message = {0};

	if (!check_json(text))
		return false;
	if (schema_decode(&call_envelope_type, &arena, json_trim(text), "",
			  &message, &fault))
		return false;
	if (calls_find(message.method, &method) || !method->built)
		return false;
	parameters = message.parameters;
	if (!method->in)
		return json_kind(parameters) == JSON_NULL ||
		       json_count(parameters) == 0;
	if (schema_decode(method->in, &arena, parameters, "", room, &fault))
		return false;
	return check_specs(parameters);
}

static void check_folder(const char *name, bool (*check)(struct slice))
{
	char path[1024], data[4096];
	size_t count = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", corpus, name);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		FILE *file;
		size_t n;

		if (entry->d_name[1] != '_')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", corpus, name,
			 entry->d_name);
		file = fopen(path, "re");
		assert_non_null(file);
		n = fread(data, 1, sizeof(data), file);
		fclose(file);
		if (check((struct slice){data, n}) != (entry->d_name[0] == 'y'))
			fail_msg("%s", path);
		arena_reset(&arena);
		count++;
	}
	closedir(dir);
	assert_true(count > 50);
	arena_fini(&arena);
}

UNIT(json_of_the_corpus_is_judged_right)
{
	check_folder("json", check_json);
}

UNIT(calls_of_the_corpus_are_judged_right)
{
	check_folder("call", check_call);
}

/* A call with @middle repeated @count times between @head and @tail. */
static bool check_big(const char *head, const char *middle, size_t count,
		      const char *tail)
{
	size_t n = strlen(middle), at = strlen(head);
	char *text = malloc(at + n * count + strlen(tail) + 1);
	bool accepted;

	assert_non_null(text);
	memcpy(text, head, at);
	for (size_t i = 0; i < count; i++, at += n)
		memcpy(text + at, middle, n);
	memcpy(text + at, tail, strlen(tail) + 1);
	accepted = check_call((struct slice){text, at + strlen(tail)});
	free(text);
	arena_fini(&arena);
	return accepted;
}

#define SUBMIT "{\"method\":\"org.reeve.jobs.Submit\",\"parameters\":{\"job\":"
#define MANY                                                                   \
	"{\"method\":\"org.reeve.jobs.SubmitMany\",\"parameters\":{\"jobs\":["

UNIT(big_things_are_judged_right)
{
	assert_false(check_big(SUBMIT, "[", 100000, ""));
	assert_false(check_big(
		SUBMIT "{\"argv\":[\"a\"],\"tags\":", "{\"a\":", 100000, "1"));
	assert_false(check_big(SUBMIT "{\"handler\":\"h\",\"args\":{\"a\":0",
			       ",\"a\":1", 1000000, "}}}}"));
	assert_true(check_big(SUBMIT "{\"handler\":\"h\",\"args\":{\"a\":0",
			      ",\"a\":1", 100000, "}}}}"));
	assert_false(check_big(SUBMIT "{\"argv\":[\"a\"]", ",\"hold\":true",
			       1000000, "}}}"));
	assert_false(check_big(SUBMIT "{\"argv\":[\"a\"],\"priority\":", "9",
			       1000000, "}}}"));
	assert_false(check_big(SUBMIT "{\"argv\":[\"", "a", 1000000, "\"]}}}"));
	assert_true(
		check_big(SUBMIT "{\"argv\":[\"a\"", ",\"b\"", 100000, "]}}}"));
	assert_false(
		check_big(SUBMIT "{\"argv\":[\"a\"", ",\"b\"", 600000, "]}}}"));
	assert_true(check_big(MANY "{\"argv\":[\"a\"]}", ",{\"argv\":[\"a\"]}",
			      LIMIT_JOBS_PER_CALL - 1, "]}}"));
	assert_false(check_big(MANY "{\"argv\":[\"a\"]}", ",{\"argv\":[\"a\"]}",
			       LIMIT_JOBS_PER_CALL, "]}}"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_of_the_corpus_is_judged_right),
		cmocka_unit_test(calls_of_the_corpus_are_judged_right),
		cmocka_unit_test(big_things_are_judged_right),
	};

	if (argc < 2)
		return 2;
	corpus = argv[1];
	return cmocka_run_group_tests_name("corpus", tests, NULL, NULL);
}
