/* Doctor, the machine: kernel, cgroups, limits, clock. */

#include "client/doctor.h"

#include "client/clock.h"
#include "client/stamp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* A process that waits costs one; so does each connection of a client. */
#define NEED_FILES 256
#define WANT_FILES 4096
#define CLOCK_FIRST_MS INT64_C(1700000000000) /* 2023: before this program */
#define CLOCK_SKEW_MS 2000
#define KERNEL_CGROUP_KILL 5014 /* 5.14 */

void doctor_kernel(struct doctor *doctor)
{
	struct utsname names;
	int major = 0, minor = 0;
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd < 0) {
		doctor_find(doctor, DOCTOR_FAIL, "kernel",
			    errno == ENOSYS
				    ? "Use Linux 5.4 or later"
				    : "Let the sandbox allow pidfd_open(2)",
			    "it has no pidfd_open(2): %s", strerror(errno));
		return;
	}
	close(fd);
	if (uname(&names) != 0 ||
	    sscanf(names.release, "%d.%d", &major, &minor) != 2) {
		doctor_find(doctor, DOCTOR_WARN, "kernel", NULL,
			    "its version cannot be read");
		return;
	}
	if (major * 1000 + minor < KERNEL_CGROUP_KILL)
		doctor_find(doctor, DOCTOR_WARN, "kernel",
			    "Linux 5.14 ends a whole cgroup at once",
			    "%s has no cgroup.kill: processes of a job are "
			    "ended one by one",
			    names.release);
	else
		doctor_find(doctor, DOCTOR_OK, "kernel", NULL,
			    "Linux %s has all that is used", names.release);
}

/* Where cgroup2 is mounted; false: nowhere. */
static bool find_mount(char ret[128])
{
	FILE *file = fopen("/proc/self/mounts", "re");
	char line[512], kind[32];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*s %127s %31s", ret, kind) == 2 &&
			strcmp(kind, "cgroup2") == 0;
	if (file)
		fclose(file);
	return found;
}

/*
 * The cgroup in which a daemon of this process would make its own: root's is
 * anywhere, others' below that of this process. False: there is none.
 */
static bool own_cgroup(char ret[512])
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[200], mount[128];
	bool found = false;

	if (!find_mount(mount)) {
		if (file)
			fclose(file);
		return false;
	}

	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, "0::", 3) == 0;
		if (found)
			snprintf(ret, 512, "%s%s", mount,
				 geteuid() == 0 ? "" : line + 3);
	}
	if (file)
		fclose(file);
	return found;
}

void doctor_cgroups(struct doctor *doctor)
{
	static const char fix[] =
		"Run it under systemd: systemctl --user enable --now "
		"reeved.socket (its unit has Delegate=yes)";
	char path[512], control[600];

	if (doctor->running && doctor->cgroups) {
		doctor_find(doctor, DOCTOR_OK, "cgroups", NULL,
			    "the daemon has a tree of its own");
		return;
	}
	if (doctor->running) {
		doctor_find(doctor, DOCTOR_WARN, "cgroups", fix,
			    "the daemon has none (%s): what leaves the tree of "
			    "its job is found later",
			    doctor->no_cgroups);
		return;
	}
	if (!own_cgroup(path)) {
		doctor_find(doctor, DOCTOR_WARN, "cgroups",
			    "Boot with systemd.unified_cgroup_hierarchy=1",
			    "no cgroup2 file system is mounted");
		return;
	}
	snprintf(control, sizeof(control), "%s/cgroup.procs", path);
	if (access(path, W_OK) != 0 || access(control, W_OK) != 0)
		doctor_find(doctor, DOCTOR_WARN, "cgroups", fix,
			    "%s is not delegated to this user: a daemon "
			    "started here has none",
			    path);
	else
		doctor_find(doctor, DOCTOR_OK, "cgroups", NULL,
			    "%s may be used", path);
}

/* Of the daemon if it runs, else of this process: it would inherit them. */
static bool file_limit(const struct doctor *doctor, uint64_t *ret)
{
	struct rlimit limit;
	char path[64], line[160];
	unsigned long long hard = 0;
	FILE *file;

	if (!doctor->pid) {
		if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
			return false;
		*ret = limit.rlim_max;
		return true;
	}
	snprintf(path, sizeof(path), "/proc/%d/limits", doctor->pid);
	file = fopen(path, "re");
	while (file && hard == 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Max open files %*s %llu", &hard) != 1)
			hard = 0;
	}
	if (file)
		fclose(file);
	*ret = hard;
	return hard > 0;
}

void doctor_limits(struct doctor *doctor)
{
	static const char fix[] = "Raise it: ulimit -Hn, LimitNOFILE= of the "
				  "unit, or limits.conf(5)";
	uint64_t files;

	if (!file_limit(doctor, &files))
		doctor_find(doctor, DOCTOR_WARN, "limits", NULL,
			    "the limits of the daemon cannot be read");
	else if (files < NEED_FILES)
		doctor_find(doctor, DOCTOR_FAIL, "limits", fix,
			    "only %" PRIu64 " open files are allowed", files);
	else if (files < WANT_FILES)
		doctor_find(doctor, DOCTOR_WARN, "limits", fix,
			    "%" PRIu64 " open files are allowed: each client "
			    "that waits takes one",
			    files);
	else
		doctor_find(doctor, DOCTOR_OK, "limits", NULL,
			    "%" PRIu64 " open files are allowed", files);
}

void doctor_clock(struct doctor *doctor)
{
	int64_t now_ms = clock_wall_ms();
	char stamp[STAMP_BYTES];

	if (now_ms < CLOCK_FIRST_MS)
		doctor_find(doctor, DOCTOR_FAIL, "clock",
			    "Set it: timedatectl set-ntp true",
			    "it says %s: jobs would start and be forgotten at "
			    "wrong times",
			    stamp_utc(now_ms, stamp));
	else if (doctor->running && (doctor->skew_ms > CLOCK_SKEW_MS ||
				     doctor->skew_ms < -CLOCK_SKEW_MS))
		doctor_find(doctor, DOCTOR_WARN, "clock",
			    "Look who sets it: timedatectl status",
			    "the daemon's is %" PRId64 " ms from this one",
			    doctor->skew_ms);
	else
		doctor_find(doctor, DOCTOR_OK, "clock", NULL, "it says %s",
			    stamp_utc(now_ms, stamp));
}
