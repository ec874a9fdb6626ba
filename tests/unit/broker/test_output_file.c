#include "daemon/broker/output_file.h"
#include "tests/helper/t.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct records {
	char bytes[4096];
	size_t n;
};

static void add(struct records *records, uint8_t stream, int64_t time_ms,
		const void *data, uint32_t bytes)
{
	uint32_t n = htole32(bytes);
	uint64_t time = htole64((uint64_t)time_ms);
	char *head = records->bytes + records->n;

	memset(head, 0, OUTPUT_HEAD_BYTES);
	memcpy(head, &n, sizeof(n));
	head[4] = (char)stream;
	memcpy(head + 8, &time, sizeof(time));
	memcpy(head + OUTPUT_HEAD_BYTES, data, bytes);
	records->n += OUTPUT_HEAD_BYTES + bytes;
}

static struct slice all(const struct records *records)
{
	return (struct slice){records->bytes, records->n};
}

/* The chunks as text; a static buffer. */
static const char *chunks(struct slice records, int stream, size_t max,
			  struct output_at *at, size_t *ret_done)
{
	static char text[8192];
	struct json_out out = {0};

	json_out_array(&out);
	*ret_done = output_chunks(&out, records, stream, max, at);
	json_out_array_end(&out);
	assert_true(json_out_ok(&out));
	snprintf(text, sizeof(text), "%.*s", (int)json_out_slice(&out).n,
		 json_out_slice(&out).p);
	json_out_fini(&out);
	return text;
}

UNIT(records_become_chunks_in_order)
{
	int64_t omitted = (int64_t)htole64(1000);
	struct records records = {0};
	struct output_at at = {0};
	size_t done;

	add(&records, OUTPUT_STREAM_STDOUT, 7, "out", 3);
	add(&records, OUTPUT_STREAM_STDERR, 8, "\xff\xfe", 2);
	add(&records, OUTPUT_STREAM_OMITTED, 9, &omitted, 8);
	assert_string_equal(
		chunks(all(&records), 0, 100, &at, &done),
		"[{\"stream\":\"stdout\",\"at_ms\":7,\"data\":\"out\"},"
		"{\"stream\":\"stderr\",\"at_ms\":8,\"data64\":\"//4=\"},"
		"{\"stream\":\"omitted\",\"at_ms\":9,\"omitted_bytes\":1000}]");
	assert_int_equal(done, records.n);
	assert_int_equal(at.record, records.n);
}

UNIT(one_stream_alone_still_tells_what_was_omitted)
{
	int64_t omitted = (int64_t)htole64(5);
	struct records records = {0};
	struct output_at at = {0};
	size_t done;

	add(&records, OUTPUT_STREAM_STDOUT, 7, "out", 3);
	add(&records, OUTPUT_STREAM_OMITTED, 8, &omitted, 8);
	add(&records, OUTPUT_STREAM_STDERR, 9, "err", 3);
	assert_string_equal(
		chunks(all(&records), OUTPUT_STREAM_STDERR, 100, &at, &done),
		"[{\"stream\":\"omitted\",\"at_ms\":8,\"omitted_bytes\":5},"
		"{\"stream\":\"stderr\",\"at_ms\":9,\"data\":\"err\"}]");
	assert_int_equal(done, records.n);
}

UNIT(a_cut_record_is_left_for_the_next_time)
{
	struct records records = {0};

	add(&records, OUTPUT_STREAM_STDOUT, 1, "whole", 5);
	add(&records, OUTPUT_STREAM_STDOUT, 2, "cut", 3);
	for (size_t n = 21; n < records.n; n++) {
		struct output_at at = {0};
		size_t done;

		assert_string_equal(chunks((struct slice){records.bytes, n}, 0,
					   100, &at, &done),
				    "[{\"stream\":\"stdout\",\"at_ms\":1,"
				    "\"data\":\"whole\"}]");
		assert_int_equal(done, 21);
	}
}

UNIT(what_is_no_record_ends_it)
{
	struct records records = {0};
	struct output_at at = {0};
	size_t done;

	add(&records, 9, 1, "what", 4);
	assert_string_equal(chunks(all(&records), 0, 100, &at, &done), "[]");
	assert_int_equal(done, 0);
	memset(records.bytes, 0xff, 64);
	assert_string_equal(chunks(all(&records), 0, 100, &at, &done), "[]");
}

/* Piece by piece of at most so many bytes, all of it comes once. */
static void read_in_pieces(size_t max)
{
	static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
	struct records records = {0};
	struct output_at at = {0};
	size_t from = 0, done, rounds = 0;
	char got[256] = "";

	add(&records, OUTPUT_STREAM_STDOUT, 1, text, sizeof(text) - 1);
	add(&records, OUTPUT_STREAM_STDOUT, 1, "end", 3);
	while (from < records.n) {
		const char *piece;

		assert_true(++rounds < 50);
		at = output_at_parse(output_at_number(at));
		piece = chunks(
			(struct slice){records.bytes + from, records.n - from},
			0, max, &at, &done);
		/* Only whole characters: never base64, if they fit. */
		if (max >= 4)
			assert_null(strstr(piece, "data64"));
		while ((piece = strstr(piece, "\"data\":\""))) {
			piece += 8;
			strncat(got, piece,
				(size_t)(strchr(piece, '"') - piece));
		}
		from += done;
		assert_int_equal(at.record, from);
	}
	if (max >= 4)
		assert_string_equal(
			got, "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80zend");
}

UNIT(text_is_cut_between_characters)
{
	for (size_t max = 1; max < 20; max++)
		read_in_pieces(max);
}

UNIT(any_number_that_comes_back_is_harmless)
{
	struct records records = {0};
	size_t done;

	add(&records, OUTPUT_STREAM_STDOUT, 1, "abc", 3);
	for (int64_t number = 0; number < 40; number++) {
		struct output_at at = output_at_parse(number);

		chunks(all(&records), 0, 100, &at, &done);
	}
	assert_int_equal(output_at_number(output_at_parse(INT64_MAX)),
			 INT64_MAX);
}

UNIT(files_are_read_in_pieces_and_removed_with_the_job)
{
	char folder[] = "/tmp/reeve-output-XXXXXX", path[128];
	struct arena arena = {0};
	struct slice piece;
	FILE *file;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(output_read(folder, 5, 1, 0, 10, &arena, &piece),
			 -ENOENT);
	snprintf(path, sizeof(path), "%s/output", folder);
	mkdir(path, 0700);
	for (int attempt = 1; attempt < 4; attempt += 2) {
		snprintf(path, sizeof(path), "%s/output/5.%d", folder, attempt);
		file = fopen(path, "we");
		assert_non_null(file);
		fputs("0123456789", file);
		fclose(file);
	}
	assert_int_equal(output_read(folder, 5, 1, 4, 3, &arena, &piece), 0);
	assert_true(slice_is(piece, "456"));
	assert_int_equal(output_read(folder, 5, 1, 10, 3, &arena, &piece), 0);
	assert_int_equal(piece.n, 0);
	output_remove(folder, 5);
	assert_int_equal(output_read(folder, 5, 3, 0, 3, &arena, &piece),
			 -ENOENT);
	arena_fini(&arena);
	snprintf(path, sizeof(path), "%s/output", folder);
	assert_int_equal(rmdir(path), 0);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_become_chunks_in_order),
		cmocka_unit_test(one_stream_alone_still_tells_what_was_omitted),
		cmocka_unit_test(a_cut_record_is_left_for_the_next_time),
		cmocka_unit_test(what_is_no_record_ends_it),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(any_number_that_comes_back_is_harmless),
		cmocka_unit_test(
			files_are_read_in_pieces_and_removed_with_the_job),
	};

	return cmocka_run_group_tests_name("output_file", tests, NULL, NULL);
}
