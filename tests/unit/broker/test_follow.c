#include "daemon/broker/follow.h"
#include "tests/unit/broker/stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int grown[3];
static struct broker *broker;
static struct follow *to_remove;

struct named {
	struct follow follow; /* first */
	int index;
};

static void on_grew(struct follow *follow)
{
	grown[((struct named *)follow)->index]++;
	if (to_remove)
		follow_remove(broker, to_remove);
}

static struct named make(int index, int64_t job)
{
	return (struct named){
		.follow.job = job,
		.follow.grew = on_grew,
		.index = index,
	};
}

static void write_to(const struct stage *stage, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/output/%s", stage->directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void begin(struct stage *stage)
{
	memset(grown, 0, sizeof(grown));
	to_remove = NULL;
	stage_open(stage);
	broker = &stage->broker;
}

UNIT(who_follows_hears_of_its_own_file)
{
	struct named a = make(0, 5), b = make(1, 55);
	struct stage stage;

	begin(&stage);
	assert_int_equal(follow_add(broker, &a.follow), 0);
	assert_int_equal(follow_add(broker, &b.follow), 0);
	write_to(&stage, "5.1");
	stage_turn(&stage);
	assert_true(grown[0] > 0);
	assert_int_equal(grown[1], 0);
	write_to(&stage, "55.2");
	stage_turn(&stage);
	assert_true(grown[1] > 0);
	follow_remove(broker, &a.follow);
	follow_remove(broker, &b.follow);
	follow_remove(broker, &b.follow);
	stage_end(&stage);
}

UNIT(the_watch_exists_while_somebody_follows)
{
	struct named a = make(0, 5), b = make(1, 5);
	struct stage stage;

	begin(&stage);
	assert_int_equal(broker->follows.fd, -1);
	assert_int_equal(follow_add(broker, &a.follow), 0);
	assert_int_equal(follow_add(broker, &b.follow), 0);
	follow_remove(broker, &a.follow);
	assert_true(broker->follows.fd >= 0);
	follow_remove(broker, &b.follow);
	assert_int_equal(broker->follows.fd, -1);
	assert_int_equal(follow_add(broker, &a.follow), 0);
	write_to(&stage, "5.1");
	stage_turn(&stage);
	assert_true(grown[0] > 0);
	follow_remove(broker, &a.follow);
	stage_end(&stage);
}

UNIT(the_last_one_may_leave_when_it_is_told)
{
	struct named a = make(0, 5);
	struct stage stage;

	begin(&stage);
	assert_int_equal(follow_add(broker, &a.follow), 0);
	to_remove = &a.follow;
	write_to(&stage, "5.1");
	write_to(&stage, "5.1");
	stage_turn(&stage);
	assert_int_equal(grown[0], 1);
	assert_int_equal(broker->follows.fd, -1);
	stage_end(&stage);
}

UNIT(without_the_folder_nobody_can_follow)
{
	struct named a = make(0, 5);
	struct stage stage;

	begin(&stage);
	strcpy(stage.config.state_dir, "/nonexistent");
	assert_true(follow_add(broker, &a.follow) < 0);
	follow_remove(broker, &a.follow);
	assert_int_equal(broker->follows.fd, -1);
	strcpy(stage.config.state_dir, stage.directory);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_follows_hears_of_its_own_file),
		cmocka_unit_test(the_watch_exists_while_somebody_follows),
		cmocka_unit_test(the_last_one_may_leave_when_it_is_told),
		cmocka_unit_test(without_the_folder_nobody_can_follow),
	};

	return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
