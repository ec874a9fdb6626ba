#include "proto/frame.h"
#include "tests/helper/t.h"

/*
 * Feed @text in pieces of @piece bytes; the messages, joined by '|', and behind
 * them how it ended: '.', 'L' for too large, 'N' for NUL.
 */
static void feed(struct slice text, size_t piece, size_t max_bytes, char *ret)
{
	struct frame frame;
	size_t start = 0, have = 0, n = 0;

	frame_init(&frame, FRAME_UNKNOWN, max_bytes);
	while (have < text.n) {
		have += piece < text.n - have ? piece : text.n - have;
		for (;;) {
			struct slice message;
			size_t consumed;
			int r = frame_next(
				&frame,
				(struct slice){text.p + start, have - start},
				&message, &consumed);

			start += consumed;
			if (r == FRAME_E_MORE)
				break;
			if (r) {
				strcpy(ret + n, r == FRAME_E_NUL ? "N" : "L");
				return;
			}
			assert_true(message.n > 0);
			memcpy(ret + n, message.p, message.n);
			n += message.n;
			ret[n++] = '|';
		}
	}
	strcpy(ret + n, ".");
}

static void expect(struct slice text, size_t max_bytes, const char *expected)
{
	for (size_t piece = 1; piece <= text.n; piece++) {
		char got[512];

		feed(text, piece, max_bytes, got);
		assert_string_equal(got, expected);
	}
}

UNIT(a_newline_behind_the_first_object_means_newlines)
{
	expect(SLICE("{\"a\":1}\n{\"b\":2}\n{"), 100, "{\"a\":1}|{\"b\":2}|.");
	expect(SLICE("{\"a\":\"}\"}\n{}\n"), 100, "{\"a\":\"}\"}|{}|.");
	expect(SLICE("{\"a\":\"\\\"}\"}\n"), 100, "{\"a\":\"\\\"}\"}|.");
}

UNIT(a_nul_means_nul)
{
	expect(SLICE("{\"a\":1}\0{\n}\0{\n"), 100, "{\"a\":1}|{\n}|.");
}

UNIT(a_newline_inside_the_first_object_is_white_space)
{
	expect(SLICE("{\n\"a\":[\n1]}\0{}\0"), 100, "{\n\"a\":[\n1]}|{}|.");
	expect(SLICE("\n\n{\n}\n{}\n"), 100, "\n\n{\n}|{}|.");
}

UNIT(empty_lines_are_skipped)
{
	expect(SLICE("{}\n\n\r\n \t\n{}\r\n\n"), 100, "{}|{}\r|.");
	expect(SLICE("\0\0{}\0 \0{}\0"), 100, "{}|{}|.");
}

UNIT(nul_in_newline_mode_is_refused_behind_what_came_before)
{
	expect(SLICE("{}\n{}\n{\0}\n"), 100, "{}|{}|N");
}

UNIT(what_is_no_object_ends_at_the_line)
{
	expect(SLICE("GET / HTTP/1.1\r\nHost: x\r\n"), 100,
	       "GET / HTTP/1.1\r|Host: x\r|.");
	expect(SLICE("{\"a\n{}\n"), 100, "{\"a|{}|.");
	expect(SLICE("}\n"), 100, "}|.");
}

UNIT(a_message_at_the_limit_passes_and_one_byte_more_does_not)
{
	expect(SLICE("{\"a\":1}\n"), 7, "{\"a\":1}|.");
	expect(SLICE("{\"a\":1}\n"), 6, "L");
	expect(SLICE("{}\n{\"a\":1}\n{}\n"), 6, "{}|L");
	expect(SLICE("{}\0{\"a\":1}\0{}\0"), 6, "{}|L");
	expect(SLICE("{}\0{\"a\":1"), 5, "{}|L");
	/* Whichever comes first: the limit, or the NUL. */
	expect(SLICE("{}\nabcdef\0\n"), 5, "{}|L");
	expect(SLICE("{}\nabcd\0\n"), 5, "{}|N");
}

UNIT(the_terminator_is_known_with_the_first_message)
{
	struct frame frame;
	struct slice message;
	size_t consumed;

	frame_init(&frame, FRAME_UNKNOWN, 100);
	assert_int_equal(frame_terminator(&frame), 0);
	assert_int_equal(frame_next(&frame, SLICE("{}\n"), &message, &consumed),
			 0);
	assert_int_equal(frame_terminator(&frame), '\n');
	assert_int_equal(consumed, 3);

	frame_init(&frame, FRAME_NEWLINE, 100);
	assert_int_equal(frame_next(&frame, SLICE("{\n"), &message, &consumed),
			 0);
	assert_int_equal(message.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_newline_behind_the_first_object_means_newlines),
		cmocka_unit_test(a_nul_means_nul),
		cmocka_unit_test(
			a_newline_inside_the_first_object_is_white_space),
		cmocka_unit_test(empty_lines_are_skipped),
		cmocka_unit_test(
			nul_in_newline_mode_is_refused_behind_what_came_before),
		cmocka_unit_test(what_is_no_object_ends_at_the_line),
		cmocka_unit_test(
			a_message_at_the_limit_passes_and_one_byte_more_does_not),
		cmocka_unit_test(
			the_terminator_is_known_with_the_first_message),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
