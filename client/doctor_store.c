/* Doctor, the daemon's files: socket, state, what was left behind. */

#include "client/doctor.h"

#include "client/autostart.h"
#include "client/clock.h"
#include "client/duration.h"
#include "client/field.h"
#include "client/path.h"
#include "proto/json_in.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FREE_LEAST_BYTES (UINT64_C(64) << 20)
#define FREE_WANTED_BYTES (UINT64_C(1) << 30)
#define MAGIC_TMPFS 0x01021994
#define MAGIC_NFS 0x6969
#define MAGIC_CIFS 0xff534d42u

void doctor_config(struct doctor *doctor)
{
	const struct effective *would = &doctor->would;

	doctor->told = effective_load(&doctor->would);
	if (!doctor->told)
		doctor_find(doctor, DOCTOR_WARN, "config",
			    "Say where reeved is: REEVED=/path/reeved",
			    "it cannot be looked at: there is no reeved that "
			    "does");
	else if (would->problem[0])
		doctor_find(doctor, DOCTOR_FAIL, "config",
			    "Mend it, then: reeve config check",
			    "a daemon refuses it: %s", would->problem);
	else if (would->warnings > 1)
		doctor_find(doctor, DOCTOR_WARN, "config",
			    "See all: reeve config check", "%s (and %d more)",
			    would->warning, would->warnings - 1);
	else if (would->warnings)
		doctor_find(doctor, DOCTOR_WARN, "config",
			    "Bring what is missing, or change the file", "%s",
			    would->warning);
	else if (would->files == 0)
		doctor_find(doctor, DOCTOR_OK, "config", NULL,
			    "there is no file, the defaults hold");
	else
		doctor_find(doctor, DOCTOR_OK, "config", NULL,
			    "%d %s: a daemon takes it", would->files,
			    would->files == 1 ? "file" : "files");
}

/* The folder of the socket: a daemon does not start in one that is open.
 * Return: that was said. */
static bool find_open_folder(struct doctor *doctor)
{
	const char *folder = doctor->would.runtime_dir;
	struct stat facts;

	if (!folder[0] || stat(folder, &facts) != 0 ||
	    path_answers(doctor->socket))
		return false;
	if (S_ISDIR(facts.st_mode) && facts.st_uid == geteuid() &&
	    !(facts.st_mode & 077) && access(folder, W_OK) == 0)
		return false;
	if (!S_ISDIR(facts.st_mode) || facts.st_uid != geteuid())
		doctor_find(doctor, DOCTOR_FAIL, "socket",
			    "Remove it, or set REEVE_RUNTIME_DIR to a folder "
			    "of your own",
			    "%s is no folder of this user", folder);
	else if (facts.st_mode & 077)
		doctor_find(doctor, DOCTOR_FAIL, "socket",
			    "Close it: chmod 700, or set REEVE_RUNTIME_DIR",
			    "%s is open to others (%03o): a daemon refuses it",
			    folder, (unsigned)facts.st_mode & 0777);
	else
		doctor_find(doctor, DOCTOR_FAIL, "socket",
			    "Let it be written to, or set REEVE_RUNTIME_DIR",
			    "%s: %s", folder, strerror(errno));
	return true;
}

/* Nobody is at the usual place: then where a daemon would listen. */
static void prefer_configured(struct doctor *doctor)
{
	const char *other = doctor->would.socket;
	size_t n = strlen(other);

	if (n && n < sizeof(doctor->socket) && !getenv("REEVE_SOCKET") &&
	    !path_answers(doctor->socket))
		memcpy(doctor->socket, other, n + 1);
}

void doctor_socket(struct doctor *doctor)
{
	const char *given = doctor->tool->socket;
	struct stat facts;

	if (given)
		snprintf(doctor->socket, sizeof(doctor->socket), "%s", given);
	else if (reeve_socket_path(doctor->socket, sizeof(doctor->socket),
				   NULL) != 0) {
		doctor->socket[0] = '\0';
		doctor_find(doctor, DOCTOR_FAIL, "socket",
			    "Remove that folder, or set REEVE_RUNTIME_DIR to "
			    "one of your own",
			    "the folder for it belongs to somebody else, or "
			    "others may write to it");
		return;
	}
	if (!given)
		prefer_configured(doctor);
	if (!given && find_open_folder(doctor))
		return;
	if (lstat(doctor->socket, &facts) != 0) {
		if (errno == ENOENT)
			doctor_find(doctor, DOCTOR_OK, "socket", NULL,
				    "%s is not there yet: the daemon makes it",
				    doctor->socket);
		else
			doctor_find(doctor, DOCTOR_FAIL, "socket",
				    "Check the rights of its folder", "%s: %s",
				    doctor->socket, strerror(errno));
	} else if (!S_ISSOCK(facts.st_mode)) {
		doctor_find(doctor, DOCTOR_FAIL, "socket",
			    "Move it away: the daemon will make its own",
			    "%s is no socket", doctor->socket);
	} else if (access(doctor->socket, W_OK) != 0) {
		doctor_find(doctor, DOCTOR_FAIL, "socket",
			    "Ask for the group that it belongs to",
			    "%s may not be used by this user", doctor->socket);
	} else if (facts.st_uid == geteuid() && (facts.st_mode & 002)) {
		doctor_find(doctor, DOCTOR_WARN, "socket",
			    "Close it: chmod o-rwx, or its folder",
			    "%s is open to all users: they can run commands as "
			    "you",
			    doctor->socket);
	} else {
		doctor_find(doctor, DOCTOR_OK, "socket", NULL, "%s (%03o)",
			    doctor->socket, (unsigned)facts.st_mode & 0777);
	}
}

static void find_none(struct doctor *doctor)
{
	char path[PATH_MAX];

	if (autostart_find(path))
		doctor_find(doctor, DOCTOR_OK, "daemon", NULL,
			    "none runs; %s is started when it is needed", path);
	else
		doctor_find(doctor, DOCTOR_FAIL, "daemon",
			    "Install it, or say where it is: "
			    "REEVED=/path/reeved",
			    "none runs, and there is no reeved beside this "
			    "program or in PATH");
}

static void read_status(struct doctor *doctor, struct slice status)
{
	struct arena arena = {0};
	struct slice storage = field_object(status, "storage");
	const char *version = field_text(&arena, status, "version");
	const char *state = field_text(&arena, status, "state");

	doctor->pid = (int)field_int(status, "pid");
	snprintf(doctor->state_dir, sizeof(doctor->state_dir), "%s",
		 field_text(&arena, storage, "path"));
	snprintf(doctor->no_cgroups, sizeof(doctor->no_cgroups), "%s",
		 field_text(&arena, status, "cgroups"));
	doctor->cgroups = strcmp(doctor->no_cgroups, "yes") == 0;
	if (strcmp(version, reeve_version()) != 0)
		doctor_find(doctor, DOCTOR_WARN, "daemon",
			    "Restart it: reeve daemon stop; running jobs go on",
			    "pid %d is version %s, and this is %s", doctor->pid,
			    version, reeve_version());
	else if (strcmp(state, "running") != 0)
		doctor_find(doctor, DOCTOR_WARN, "daemon",
			    "It takes no jobs now: wait until it is gone",
			    "pid %d is %s", doctor->pid, state);
	else if (!field_bool(storage, "writable"))
		doctor_find(doctor, DOCTOR_FAIL, "daemon",
			    "Make room or mend the disk; it tries again by "
			    "itself",
			    "pid %d cannot write its store: %s", doctor->pid,
			    field_text(&arena, storage, "message"));
	else
		doctor_find(doctor, DOCTOR_OK, "daemon", NULL,
			    "pid %d, version %s, answers", doctor->pid,
			    version);
	arena_fini(&arena);
}

/* Pools of which nobody, or nobody new, can begin. */
static void find_pools(struct doctor *doctor)
{
	struct arena arena = {0};
	struct json_iter iter;
	struct slice pool;
	const char *reply;
	char fix[160];

	if (reeve_call(doctor->tool->r, "org.reeve.admin.Pools", NULL,
		       &reply) != 0)
		return;
	iter = json_enter(field_list(slice_of(reply), "pools"));
	while (json_item(&iter, &pool)) {
		const char *name = field_text(&arena, pool, "name");
		const char *reason = field_text(&arena, pool, "reason");
		bool degraded = strcmp(field_text(&arena, pool, "state"),
				       "degraded") == 0;

		if (!degraded && !reason[0])
			continue;
		snprintf(fix, sizeof(fix),
			 "When that is mended it begins by itself: reeve pool "
			 "show %s",
			 name);
		doctor_find(doctor, DOCTOR_WARN, "pool", fix, "%s%s: %s", name,
			    degraded ? " is degraded" : "",
			    reason[0] ? reason : "its workers die too often");
	}
	arena_fini(&arena);
}

void doctor_daemon(struct doctor *doctor)
{
	struct tool *tool = doctor->tool;
	int64_t before_ms = clock_wall_ms();
	const char *reply;

	tool->r = reeve_new();
	if (!tool->r || !doctor->socket[0])
		return;
	reeve_set_patience(tool->r, 0);
	if (tool_reach(tool) != 0) {
		find_none(doctor);
		return;
	}
	if (reeve_call(tool->r, "org.reeve.admin.Ping", NULL, &reply) != 0) {
		doctor_find(doctor, DOCTOR_FAIL, "daemon",
			    "Look at its log, or restart it",
			    "it was reached and does not answer: %s",
			    reeve_error(tool->r)->message);
		return;
	}
	doctor->skew_ms = field_int(slice_of(reply), "now_ms") -
			  (before_ms + clock_wall_ms()) / 2;
	if (reeve_call(tool->r, "org.reeve.admin.Status", NULL, &reply) != 0) {
		doctor_find(doctor, DOCTOR_FAIL, "daemon", "Look at its log",
			    "it does not tell its status: %s",
			    reeve_error(tool->r)->message);
		return;
	}
	doctor->running = true;
	read_status(doctor, slice_of(reply));
	find_pools(doctor);
}

/* Where a daemon that is started now would keep its jobs. */
static void guess_state(struct doctor *doctor)
{
	const char *given = getenv("REEVE_STATE_DIR");
	const char *home = getenv("HOME");
	const char *state = getenv("XDG_STATE_HOME");
	size_t bytes = sizeof(doctor->state_dir);

	if (doctor->state_dir[0])
		return;
	if (doctor->would.state_dir[0])
		snprintf(doctor->state_dir, bytes, "%.255s",
			 doctor->would.state_dir);
	else if (given && given[0])
		snprintf(doctor->state_dir, bytes, "%s", given);
	else if (state && state[0] == '/')
		snprintf(doctor->state_dir, bytes, "%s/reeve", state);
	else
		snprintf(doctor->state_dir, bytes, "%s/.local/state/reeve",
			 home ? home : "");
}

static void find_disk(struct doctor *doctor, const char *folder)
{
	struct statvfs space;
	struct statfs kind;
	char size[DURATION_BYTES];
	uint64_t left;

	if (statvfs(folder, &space) != 0 || statfs(folder, &kind) != 0) {
		doctor_find(doctor, DOCTOR_WARN, "disk", NULL, "%s: %s", folder,
			    strerror(errno));
		return;
	}
	left = (uint64_t)space.f_bavail * space.f_frsize;
	duration_bytes((int64_t)left, size);
	if (left < FREE_LEAST_BYTES)
		doctor_find(doctor, DOCTOR_FAIL, "disk", "Make room",
			    "%s are free at %s", size, folder);
	else if (space.f_files > 0 && space.f_favail < 1000)
		doctor_find(doctor, DOCTOR_FAIL, "disk", "Make room for files",
			    "%" PRIu64 " inodes are free at %s",
			    (uint64_t)space.f_favail, folder);
	else if ((uint64_t)kind.f_type == MAGIC_NFS ||
		 (uint64_t)kind.f_type == MAGIC_CIFS)
		doctor_find(doctor, DOCTOR_FAIL, "disk",
			    "Put the state on a disk of this machine: "
			    "REEVE_STATE_DIR",
			    "%s is on a network: its locks cannot be trusted",
			    folder);
	else if ((uint64_t)kind.f_type == MAGIC_TMPFS)
		doctor_find(doctor, DOCTOR_WARN, "disk",
			    "Put the state on a disk: REEVE_STATE_DIR",
			    "%s is in memory: a reboot loses all jobs", folder);
	else if (left < FREE_WANTED_BYTES)
		doctor_find(doctor, DOCTOR_WARN, "disk", "Make room",
			    "only %s are free at %s", size, folder);
	else
		doctor_find(doctor, DOCTOR_OK, "disk", NULL,
			    "%s are free at %s", size, folder);
}

/* The nearest folder above that is there. */
static void existing(const char *path, char ret[256])
{
	char *slash;

	snprintf(ret, 256, "%s", path);
	while (access(ret, F_OK) != 0 && (slash = strrchr(ret, '/'))) {
		*slash = '\0';
		if (slash == ret)
			snprintf(ret, 256, "/");
	}
}

void doctor_state(struct doctor *doctor)
{
	char folder[256];
	struct stat facts;

	guess_state(doctor);
	existing(doctor->state_dir, folder);
	if (strcmp(folder, doctor->state_dir) != 0) {
		if (access(folder, W_OK) == 0)
			doctor_find(doctor, DOCTOR_OK, "state", NULL,
				    "%s is not there yet: the daemon makes it",
				    doctor->state_dir);
		else
			doctor_find(doctor, DOCTOR_FAIL, "state",
				    "Set REEVE_STATE_DIR to a folder of yours",
				    "%s cannot be made in %s: %s",
				    doctor->state_dir, folder, strerror(errno));
	} else if (stat(folder, &facts) != 0 || !S_ISDIR(facts.st_mode)) {
		doctor_find(doctor, DOCTOR_FAIL, "state",
			    "Move it away, or set REEVE_STATE_DIR",
			    "%s is no folder", folder);
	} else if (facts.st_uid != geteuid() && !doctor->running) {
		doctor_find(doctor, DOCTOR_FAIL, "state",
			    "Set REEVE_STATE_DIR to a folder of yours",
			    "%s belongs to user %u", folder,
			    (unsigned)facts.st_uid);
	} else if (access(folder, W_OK | X_OK) != 0) {
		doctor_find(doctor, DOCTOR_FAIL, "state",
			    "Let it be written to, or set REEVE_STATE_DIR",
			    "%s cannot be written to: %s", folder,
			    strerror(errno));
	} else if (facts.st_mode & 077) {
		doctor_find(doctor, doctor->running ? DOCTOR_WARN : DOCTOR_FAIL,
			    "state", "Close it: chmod go-rwx",
			    "%s is open to others (%03o): they may read what "
			    "jobs were given and wrote",
			    folder, (unsigned)facts.st_mode & 0777);
	} else {
		doctor_find(doctor, DOCTOR_OK, "state", NULL, "%s", folder);
	}
	find_disk(doctor, folder);
}

/* Does anybody hold a flock on this file? Asked of the kernel, because to try
 * the lock would be to have it for a moment. */
static bool is_locked(const char *path)
{
	struct stat facts;
	char line[160];
	bool found = false;
	FILE *file;

	if (stat(path, &facts) != 0)
		return false;
	file = fopen("/proc/locks", "re");
	while (file && !found && fgets(line, sizeof(line), file)) {
		unsigned int high, low;
		unsigned long inode;

		found = sscanf(line, "%*s FLOCK %*s %*s %*d %x:%x:%lu", &high,
			       &low, &inode) == 3 &&
			inode == facts.st_ino && high == major(facts.st_dev) &&
			low == minor(facts.st_dev);
	}
	if (file)
		fclose(file);
	return found;
}

/* Who wrote itself into the lock; not who took it, which may be its parent. */
static int holder(const char *path)
{
	FILE *file = fopen(path, "re");
	int pid = 0;

	if (file && fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file)
		fclose(file);
	return pid;
}

static int count_files(const char *folder, const char *name)
{
	char path[300];
	struct dirent *entry;
	int count = 0;
	DIR *files;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	files = opendir(path);
	while (files && (entry = readdir(files)))
		count += entry->d_name[0] != '.';
	if (files)
		closedir(files);
	return count;
}

void doctor_leftover(struct doctor *doctor)
{
	char lock[300];
	int results = count_files(doctor->state_dir, "results");

	snprintf(lock, sizeof(lock), "%s/lock", doctor->state_dir);
	if (!doctor->running && is_locked(lock))
		doctor_find(doctor, DOCTOR_FAIL, "leftover",
			    "Ask it where it listens (its REEVE_RUNTIME_DIR), "
			    "or end it",
			    "process %d holds %s, and nobody answers at %s",
			    holder(lock), doctor->state_dir, doctor->socket);
	else if (!doctor->running && results > 0)
		doctor_find(doctor, DOCTOR_WARN, "leftover",
			    "reeve daemon start takes them in",
			    "%d results of jobs wait for a daemon", results);
	else if (!doctor->running && access(doctor->socket, F_OK) == 0)
		doctor_find(doctor, DOCTOR_OK, "leftover", NULL,
			    "%s is of a daemon that is gone; the next one "
			    "replaces it",
			    doctor->socket);
	else
		doctor_find(doctor, DOCTOR_OK, "leftover", NULL, "nothing");
}
