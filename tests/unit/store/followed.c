#include "tests/unit/store/followed.h"

#include <stdio.h>

struct followed asked;

static void copy(char room[64], struct slice text)
{
	snprintf(room, 64, "%.*s", (int)text.n, text.n ? text.p : "");
}

/* One for each word of the texts; it is the name of the job. */
static int follow(struct store_follow *f)
{
	static char filler[700 * 1024];

	asked.calls++;
	asked.job = f->job ? f->job->id : 0;
	asked.state = f->job ? f->job->state : STATE_COUNT;
	asked.group = f->group ? f->group->id : 0;
	asked.gid = f->gid;
	if (f->group)
		memcpy(asked.counts, f->group->counts, sizeof(asked.counts));
	asked.failed_count = f->failed_count;
	asked.failed = f->failed_count ? f->failed[0] : 0;
	copy(asked.callbacks, f->callbacks);
	copy(asked.of_queue, f->of_queue);
	copy(asked.rules, f->rules);
	if (asked.error)
		return asked.error;
	memset(filler, 'x', sizeof(filler));
	f->list = arena_array(f->arena, 3, sizeof(*f->list));
	assert_non_null(f->list);
	const struct slice texts[] = {f->callbacks, f->of_queue, f->rules};
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		struct store_follower *one = &f->list[f->count];

		if (!texts[i].n)
			continue;
		*one = (struct store_follower){
			.entry = fixture_entry(),
			.queue = SLICE("callbacks"),
			.handler = SLICE("exec"),
			.inherits = asked.inherits,
		};
		assert_int_equal(
			arena_copy(f->arena, texts[i], &one->entry.name), 0);
		if (asked.context)
			one->context = slice_of(asked.context);
		if (asked.nested)
			one->entry.callbacks = SLICE("nested");
		if (asked.big) {
			struct slice text = {filler, sizeof(filler)};

			assert_int_equal(
				arena_copy(f->arena, text, &one->entry.spec),
				0);
		}
		f->count++;
	}
	return 0;
}

int followed_new(void **state)
{
	int error = fixture_new(state);
	struct fixture *f = *state;

	memset(&asked, 0, sizeof(asked));
	f->follow = follow;
	return error;
}

struct store_entry with_callback(void)
{
	struct store_entry entry = fixture_entry();

	entry.callbacks = SLICE("own");
	return entry;
}

size_t followers(struct fixture *f, int64_t id, int64_t ret[8])
{
	struct store_filter filter = {.follows = id};
	struct store_row *rows;
	size_t count;
	int64_t next;

	assert_int_equal(store_list(fixture_reader(f), &f->arena, &filter, 0,
				    false, false, 8, &rows, &count, &next),
			 0);
	assert_int_equal(next, 0);
	for (size_t i = 0; i < count; i++)
		ret[i] = rows[i].id;
	return count;
}

void cancel_with(struct fixture *f, int64_t id, const char *rules)
{
	struct store_batch batch = fixture_batch(f);
	struct store_steer steer = {.kind = STORE_CANCEL,
				    .filter = {.ids = &id, .id_count = 1},
				    .uid = UINT32_MAX,
				    .max = 1};

	batch.steers = &steer;
	batch.steer_count = 1;
	batch.rules = slice_of(rules);
	fixture_write(f, &batch);
	fixture_verify(f);
}
