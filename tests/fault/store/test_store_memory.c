/*
 * The n-th allocation fails, ours or SQLite's, until none does: the call says
 * -ENOMEM, nothing of its batch happened, and the same handle takes the same
 * batch the next time.
 */

#include <errno.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdio.h>

#include "daemon/store/follow.h"
#include "daemon/store/sqlite_store.h"
#include "tests/unit/store/fixture.h"

/* The linker sends the allocations of our libraries here (--wrap). */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *p, size_t bytes);
void *__real_reallocarray(void *p, size_t count, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
void *__wrap_reallocarray(void *p, size_t count, size_t bytes);

static int64_t left; /* allocations until one fails; 0: none does */
static int64_t failed;

static bool fails(void)
{
	if (!left || --left)
		return false;
	failed++;
	return true;
}

void *__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *p, size_t bytes)
{
	return fails() ? NULL : __real_realloc(p, bytes);
}

void *__wrap_reallocarray(void *p, size_t count, size_t bytes)
{
	return fails() ? NULL : __real_reallocarray(p, count, bytes);
}

static void *take(int bytes)
{
	return fails() ? NULL : __real_malloc((size_t)bytes);
}

static void *take_again(void *p, int bytes)
{
	return fails() ? NULL : __real_realloc(p, (size_t)bytes);
}

static int size_of(void *p)
{
	return (int)malloc_usable_size(p);
}

static int round_up(int bytes)
{
	return (bytes + 7) & ~7;
}

static int begin(void *context)
{
	(void)context;
	return SQLITE_OK;
}

static void end(void *context)
{
	(void)context;
}

/* In a lane and a context that are new. */
static int follow(struct store_follow *f)
{
	f->list = arena_array(f->arena, 1, sizeof(*f->list));
	if (!f->list)
		return -ENOMEM;
	f->list[0] = (struct store_follower){
		.entry = fixture_entry(),
		.queue = SLICE("callbacks"),
		.handler = SLICE("exec"),
		.context = SLICE("{\"cwd\":\"/tmp\"}"),
	};
	f->list[0].entry.callbacks = SLICE("nested");
	f->count = 1;
	return 0;
}

/* One of everything; says what store_write() said. */
static int everything(struct fixture *f, struct store_entry *entries,
		      struct store_batch *ret)
{
	static struct store_context context;
	static struct store_group_op op;
	static struct store_want want;
	static struct store_steer steers[3];
	static const int64_t ended = 3;
	static struct store_queue queue;
	static struct store_edit edit;
	static const struct store_worker worker = {.id = 1};
	static struct store_worker workers[1];

	workers[0] = worker;
	context = (struct store_context){.text = SLICE("{\"cwd\":\"/\"}")};
	op = (struct store_group_op){.kind = STORE_GROUP_OPEN,
				     .name = SLICE("group"),
				     .callbacks = SLICE("group")};
	want = (struct store_want){.worker = 1, .max = 2};
	steers[0] = (struct store_steer){.kind = STORE_CANCEL,
					 .filter = {.name = SLICE("old")},
					 .uid = UINT32_MAX,
					 .reason = SLICE("why"),
					 .max = 10};
	steers[1] =
		(struct store_steer){.kind = STORE_RETRY,
				     .filter = {.ids = &ended, .id_count = 1},
				     .uid = UINT32_MAX,
				     .reset_attempts = true,
				     .max = 10};
	steers[2] = (struct store_steer){.kind = STORE_CHANGE,
					 .filter = {.name = SLICE("moves")},
					 .uid = UINT32_MAX,
					 .queue = SLICE("elsewhere"),
					 .max = 10};
	queue = (struct store_queue){.name = SLICE("default"),
				     .max_length = 100,
				     .callbacks = SLICE("queue")};
	edit = (struct store_edit){
		.job = 4, .uid = UINT32_MAX, .entry = fixture_entry()};
	edit.entry.name = SLICE("edited");
	edit.entry.retry = SLICE("{\"exit_codes\":[1]}");
	edit.entry.unique = SLICE("edited");
	*ret = fixture_batch(f);
	ret->follow = follow;
	ret->workers = workers;
	ret->worker_count = 1;
	ret->contexts = &context;
	ret->context_count = 1;
	ret->groups = &op;
	ret->group_count = 1;
	ret->steers = steers;
	ret->steer_count = 3;
	ret->queues = &queue;
	ret->queue_count = 1;
	ret->edits = &edit;
	ret->edit_count = 1;
	ret->entries = entries;
	ret->entry_count = 3;
	ret->wants = &want;
	ret->want_count = 1;
	ret->with_contexts = true;
	ret->purge_max = 10;
	ret->purge_succeeded_before_ms = 1;
	return store_write(f->store, ret, &f->fault);
}

/* Jobs 2 to 5: to be replaced, retried, edited and moved. */
static void prepare(struct fixture *f)
{
	struct store_entry entry = fixture_entry();
	int64_t id;

	entry.key = SLICE("a");
	fixture_submit(f, entry);
	entry.key = (struct slice){NULL, 0};
	entry.unique = SLICE("again");
	id = fixture_submit(f, entry);
	assert_int_equal(fixture_steer(f, STORE_CANCEL, &id, 1).changed, 1);
	entry.unique = (struct slice){NULL, 0};
	fixture_submit(f, entry);
	entry.name = SLICE("moves");
	fixture_submit(f, entry);
}

UNIT(a_batch_without_memory_says_so_and_did_not_happen)
{
	int64_t nth = 0;

	for (bool more = true; more;) {
		struct store_entry entries[3] = {
			fixture_entry(), fixture_entry(), fixture_entry()};
		struct store_batch batch;
		struct fixture *f;
		void *made;
		int error;

		assert_int_equal(fixture_new(&made), 0);
		f = made;
		entries[0].name = SLICE("old");
		entries[0].callbacks = SLICE("own");
		fixture_submit(f, entries[0]);
		entries[0].callbacks = (struct slice){NULL, 0};
		prepare(f);
		entries[0].key = SLICE("a");
		entries[0].on_conflict = CONFLICT_REPLACE;
		entries[1].context = 0;
		entries[1].unique = SLICE("one");
		entries[1].retry = SLICE("{\"causes\":[\"exit\"]}");
		entries[1].keep_ms = 1;
		failed = 0;
		/* The first ones are ours and the statements', the many
		 * behind them are each like their neighbour. */
		nth += nth < 200 ? 1 : 17;
		left = nth;
		error = everything(f, entries, &batch);
		left = 0;
		more = failed > 0;
		if (error) {
			assert_int_equal(error, -ENOMEM);
			assert_int_equal(batch.claim_count, 0);
			assert_int_equal(f->store->next.job, 6);
			fixture_verify(f);
			assert_int_equal(fixture_row(f, 1).state, STATE_READY);
			assert_int_equal(everything(f, entries, &batch), 0);
		}
		assert_int_equal(entries[0].what, STORE_NEW);
		assert_int_equal(entries[0].replaced, 2);
		assert_int_equal(entries[2].id, 8);
		assert_true(slice_is(fixture_row(f, 4).name, "edited"));
		assert_true(slice_is(fixture_row(f, 5).queue, "elsewhere"));
		assert_int_equal(batch.claim_count, 2);
		assert_int_equal(fixture_row(f, 1).state, STATE_CANCELLED);
		assert_int_equal(fixture_row(f, 1).callback_count, 1);
		fixture_verify(f);
		fixture_free(&made);
	}
	print_message("%d allocations\n", (int)nth - 1);
	assert_true(nth > 40);
}

UNIT(a_store_that_cannot_be_opened_for_memory_opens_the_next_time)
{
	struct fixture *f = *state;
	struct store_config config = {.directory = f->directory};
	int64_t nth = 0;

	fixture_submit(f, fixture_entry());
	for (bool more = true; more;) {
		struct store *store = NULL;
		int error;

		store_close(f->store);
		f->store = NULL;
		failed = 0;
		left = ++nth;
		error = store_open(&store, &config, &f->fault);
		left = 0;
		more = failed > 0;
		if (error) {
			assert_int_equal(error, -ENOMEM);
			assert_null(store);
			assert_int_equal(store_open(&store, &config, &f->fault),
					 0);
		}
		f->store = store;
	}
	assert_true(nth > 40);
	fixture_verify(f);
}

UNIT(reading_without_memory_says_so_and_leaves_nothing_open)
{
	struct fixture *f = *state;
	struct store_filter filter = {.name = SLICE("x")};
	struct store_entry entry = fixture_entry();
	int64_t nth = 0, next;
	struct store_row *rows;
	size_t count;

	entry.name = SLICE("x");
	fixture_submit(f, entry);
	for (bool more = true; more;) {
		struct store *reader = fixture_reader(f);
		int error;

		failed = 0;
		left = ++nth;
		error = store_list(reader, &f->arena, &filter, 0, false, false,
				   10, &rows, &count, &next);
		left = 0;
		more = failed > 0;
		if (error)
			assert_int_equal(error, -ENOMEM);
		else
			assert_int_equal(count, 1);
		assert_int_equal(sqlite3_txn_state(reader->sql.db, NULL), 0);
		assert_int_equal(store_list(reader, &f->arena, &filter, 0,
					    false, false, 10, &rows, &count,
					    &next),
				 0);
		assert_int_equal(count, 1);
		store_close(f->reader);
		f->reader = NULL;
		arena_fini(&f->arena);
	}
	assert_true(nth > 5);
}

int main(void)
{
	static const sqlite3_mem_methods methods = {
		.xMalloc = take,
		.xFree = free,
		.xRealloc = take_again,
		.xSize = size_of,
		.xRoundup = round_up,
		.xInit = begin,
		.xShutdown = end,
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_batch_without_memory_says_so_and_did_not_happen),
		WITH_STORE(
			a_store_that_cannot_be_opened_for_memory_opens_the_next_time),
		WITH_STORE(
			reading_without_memory_says_so_and_leaves_nothing_open),
	};

	sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	return cmocka_run_group_tests_name("store_memory", tests, NULL, NULL);
}
