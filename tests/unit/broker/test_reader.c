#include "daemon/broker/reader.h"
#include "tests/fake/fake_store.h"
#include "tests/helper/t.h"

#include <errno.h>

static struct event_base *base;
static struct reader reader;
static struct store *store;

struct ask {
	struct read_request request; /* first */
	char name;
	int steps_left; /* how often it asks for another step */
	int done, result;
	struct ask *then; /* asked by done() */
};
static char order[256]; /* who took a step: the thread's */
static size_t order_n;
static int open_asks;

static int step(struct store *of, struct read_request *request)
{
	struct ask *ask = (struct ask *)request;
	struct arena arena = {0};
	struct store_row *rows;
	int64_t id = 1;
	size_t count, looked;
	int r;

	assert_ptr_equal(of, store);
	r = store_get(of, &arena, &id, 1, false, false, &rows, &count, &looked);
	arena_fini(&arena);
	if (order_n < sizeof(order) - 1)
		order[order_n++] = ask->name;
	if (r)
		return r;
	return ask->steps_left-- > 0 ? READER_AGAIN : 0;
}

static void done(struct read_request *request, int result)
{
	struct ask *ask = (struct ask *)request;

	ask->done++;
	ask->result = result;
	open_asks--;
	if (ask->then) {
		open_asks++;
		reader_ask(&reader, &ask->then->request);
	}
	if (!open_asks)
		event_base_loopbreak(base);
}

static struct ask make(char name, int steps)
{
	return (struct ask){
		.request.step = step,
		.request.done = done,
		.name = name,
		.steps_left = steps - 1,
	};
}

static void ask(struct ask *of)
{
	open_asks++;
	reader_ask(&reader, &of->request);
}

static int set_up(void **state)
{
	(void)state;
	memset(order, 0, sizeof(order));
	order_n = 0;
	open_asks = 0;
	base = event_base_new();
	store = fake_store_new();
	return reader_start(&reader, base, store);
}

static int tear_down(void **state)
{
	(void)state;
	fake_store_hold(store, false, false);
	reader_stop(&reader);
	fake_store_free(store);
	event_base_free(base);
	return 0;
}

UNIT(requests_are_answered_in_the_loop)
{
	struct ask a = make('a', 1), b = make('b', 1);

	ask(&a);
	ask(&b);
	event_base_dispatch(base);
	assert_int_equal(a.done, 1);
	assert_int_equal(b.done, 1);
	assert_int_equal(a.result, 0);
	assert_string_equal(order, "ab");
}

UNIT(nobody_waits_behind_a_big_one)
{
	struct ask big = make('B', 5), small = make('s', 1);

	fake_store_hold(store, false, true);
	ask(&big);
	ask(&small);
	fake_store_hold(store, false, false);
	event_base_dispatch(base);
	assert_string_equal(order, "BsBBBB");
	assert_int_equal(big.done, 1);
}

UNIT(an_error_ends_a_request)
{
	struct ask a = make('a', 5);

	store->fail_reads = -EIO;
	ask(&a);
	event_base_dispatch(base);
	assert_int_equal(a.result, -EIO);
	assert_string_equal(order, "a");
}

UNIT(an_answer_may_ask_again)
{
	struct ask a = make('a', 1), b = make('b', 1);

	a.then = &b;
	ask(&a);
	event_base_dispatch(base);
	assert_int_equal(a.done, 1);
	assert_int_equal(b.done, 1);
}

UNIT(what_is_open_at_the_end_is_told_so)
{
	struct ask a = make('a', 1), b = make('b', 1), c = make('c', 1);

	fake_store_hold(store, false, true);
	ask(&a);
	ask(&b);
	/* The end's answer asks once more: it is told, too. */
	b.then = &c;
	fake_store_hold(store, false, false);
	reader_stop(&reader);
	assert_int_equal(a.done, 1);
	assert_int_equal(b.done, 1);
	assert_int_equal(c.done, 1);
	assert_true(c.result == -ECANCELED || c.result == 0);
}

#define READER_TEST(name)                                                      \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		READER_TEST(requests_are_answered_in_the_loop),
		READER_TEST(nobody_waits_behind_a_big_one),
		READER_TEST(an_error_ends_a_request),
		READER_TEST(an_answer_may_ask_again),
		READER_TEST(what_is_open_at_the_end_is_told_so),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
