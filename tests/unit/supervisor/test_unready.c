#include "daemon/supervisor/reap.h"
#include "daemon/supervisor/spawn.h"
#include "daemon/supervisor/unready.h"
#include "tests/helper/t.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/unready.XXXXXX";
static char path[sizeof(folder) + 16];

static int begin(void **state)
{
	(void)state;
	strcpy(strrchr(folder, '.') + 1, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/unready", folder);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static pid_t idle(void)
{
	pid_t pid = 0;

	assert_int_equal(spawn_idle(-1, &pid), 0);
	return pid;
}

static bool ended(pid_t pid)
{
	int status = 0;
	pid_t got = waitpid(pid, &status, WNOHANG);

	return got == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void write_text(const char *boot_id, const char *rest)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fprintf(file, "%s\n%s", boot_id, rest);
	assert_int_equal(fclose(file), 0);
}

static size_t reopen(void)
{
	struct unready unready;
	size_t count = unready_open(&unready, folder);

	unready_close(&unready);
	return count;
}

/* The boot id as this machine has it. */
static const char *boot(void)
{
	static char text[40];
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%36s", text), 1);
	fclose(file);
	return text;
}

UNIT(who_was_written_down_is_ended_and_nobody_else)
{
	pid_t listed = idle(), other = idle();
	siginfo_t info;
	char text[128];

	snprintf(text, sizeof(text), "%d %lld\n%d %lld\n", (int)listed,
		 (long long)reap_start_ticks(listed), (int)other,
		 (long long)reap_start_ticks(other) + 1);
	write_text(boot(), text);
	assert_int_equal(reopen(), 1);
	assert_int_equal(waitid(P_PID, (id_t)listed, &info, WEXITED | WNOWAIT),
			 0);
	assert_true(ended(listed));
	assert_false(ended(other));
	end(other);
	/* It is read once. */
	assert_int_equal(access(path, F_OK), -1);
}

UNIT(a_file_of_another_boot_means_nobody)
{
	pid_t pid = idle();
	char text[64];

	snprintf(text, sizeof(text), "%d %lld\n", (int)pid,
		 (long long)reap_start_ticks(pid));
	write_text("00000000-0000-0000-0000-000000000000", text);
	assert_int_equal(reopen(), 0);
	assert_false(ended(pid));
	end(pid);
}

UNIT(nonsense_in_the_file_means_nobody)
{
	char text[64];

	write_text(boot(), "-1 5\n0 7\n1 1\n");
	assert_int_equal(reopen(), 0);
	write_text(boot(), "12 x\n99999999999999999999 1\n");
	assert_int_equal(reopen(), 0);
	snprintf(text, sizeof(text), "%d 0\n", (int)getpid());
	write_text(boot(), text);
	assert_int_equal(reopen(), 0);
	write_text("", "");
	assert_int_equal(reopen(), 0);
}

static struct pool_config worker_pool(void)
{
	return (struct pool_config){
		.name = "p",
		.kind = POOL_WORKER,
		.workers_min = 1,
		.workers_max = 2,
	};
}

UNIT(what_it_keeps_is_what_it_ends)
{
	struct pool_config config = worker_pool();
	struct unready unready;
	struct pool pool;
	struct pool_set pools = {.list = {NULL, &pool}};
	pid_t ready = idle(), late = idle();

	assert_int_equal(pool_init(&pool, 1, &config), 0);
	pool.workers[0].pid = ready;
	pool.workers[0].start_ticks = reap_start_ticks(ready);
	pool.workers[0].ready = true;
	pool.workers[1].pid = late;
	pool.workers[1].start_ticks = reap_start_ticks(late);
	assert_int_equal(unready_open(&unready, folder), 0);
	unready_keep(&unready, &pools);
	/* Its supervisor is killed: another one comes. */
	assert_int_equal(reopen(), 1);
	assert_int_equal(waitpid(late, NULL, 0), late);
	assert_false(ended(ready));
	unready_close(&unready);
	end(ready);
	pool.workers[0].pid = pool.workers[1].pid = 0;
	pool_fini(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			who_was_written_down_is_ended_and_nobody_else, begin,
			finish),
		cmocka_unit_test_setup_teardown(
			a_file_of_another_boot_means_nobody, begin, finish),
		cmocka_unit_test_setup_teardown(
			nonsense_in_the_file_means_nobody, begin, finish),
		cmocka_unit_test_setup_teardown(what_it_keeps_is_what_it_ends,
						begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
