#include "daemon/broker/examiner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/config/config.h"

#define NOTE_FILE "unexamined"
#define BEHIND_ALL 19
#define INTERRUPT_NS (10 * INT64_C(1000000))

static void note_path(char path[CONFIG_PATH_BYTES + 16], const char *state_dir)
{
	snprintf(path, CONFIG_PATH_BYTES + 16, "%s/" NOTE_FILE, state_dir);
}

void examiner_due(struct examiner *examiner, const char *state_dir)
{
	char path[CONFIG_PATH_BYTES + 16];
	int fd;

	note_path(path, state_dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
	else
		log_warning("cannot write %s, continuing: %s", path,
			    strerror(errno));
	examiner->state_dir = state_dir;
}

static void *examiner_thread(void *arg)
{
	struct examiner *examiner = arg;

	/* Linux: of this thread alone, see setpriority(2). */
	setpriority(PRIO_PROCESS, 0, BEHIND_ALL);
	examiner->result = store_examine(examiner->store, &examiner->fault);
	atomic_store(&examiner->done, true);
	return NULL;
}

static int begin(struct examiner *examiner)
{
	struct store_config config = {
		.directory = examiner->state_dir,
		.reader = true,
	};
	sigset_t all, old;
	int r = store_open(&examiner->store, &config, &examiner->fault);

	if (r)
		return r;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&examiner->thread, NULL, examiner_thread, examiner);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	examiner->started = r == 0;
	if (r) {
		store_close(examiner->store);
		examiner->store = NULL;
	}
	return -r;
}

void examiner_start(struct examiner *examiner, const char *state_dir)
{
	char path[CONFIG_PATH_BYTES + 16];

	note_path(path, state_dir);
	if (!examiner->state_dir && access(path, F_OK) < 0)
		return;
	examiner->state_dir = state_dir;
	if (begin(examiner) == 0)
		log_info("the machine went down under the daemon: examining "
			 "the database in the background");
	else
		log_warning("the database cannot be examined now, continuing: "
			    "the next start tries again");
}

static void end_thread(struct examiner *examiner)
{
	pthread_join(examiner->thread, NULL);
	store_close(examiner->store);
	examiner->store = NULL;
	examiner->started = false;
}

int examiner_look(struct examiner *examiner, struct store_fault *ret_fault)
{
	char path[CONFIG_PATH_BYTES + 16];

	if (!examiner->started || !atomic_load(&examiner->done))
		return 0;
	end_thread(examiner);
	if (examiner->result == STORE_E_CORRUPT ||
	    examiner->result == STORE_E_IO) {
		snprintf(ret_fault->message, sizeof(ret_fault->message),
			 "%.180s: put back a copy of the state directory",
			 examiner->fault.message);
		return examiner->result;
	}
	if (examiner->result) {
		log_warning("the examination of the database was not finished, "
			    "continuing: the next start tries again");
		return 0;
	}
	note_path(path, examiner->state_dir);
	unlink(path);
	log_info("the database was examined and is whole");
	return 0;
}

void examiner_stop(struct examiner *examiner)
{
	if (!examiner->started)
		return;
	while (!atomic_load(&examiner->done)) {
		const struct timespec pause = {.tv_nsec = INTERRUPT_NS};

		store_interrupt(examiner->store);
		nanosleep(&pause, NULL);
	}
	end_thread(examiner);
}
